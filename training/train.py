"""Training of one network: the head first, then all blocks that are not frozen, with a moving average of the weights.

Seed, pages and number of threads determine the result. Every random choice depends on the seed, the epoch and the index
of the page, so neither the number of worker processes nor an interruption changes it.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional

from training.augmented_pages import AugmentedPages, PageSize, load_batches, resize_pages
from training.checkpoint import EpochResult, MovingAverage, TrainingState, fingerprint_of
from training.data import OOD_LABEL, Page
from training.forest import ForestModel
from training.metrics import classification_metrics, softmax
from training.network import (
    ExportableModel,
    Forward,
    build_model,
    predict_logits,
    preprocessing_of,
    with_frozen_backbone,
)
from training.recipe import Recipe


class Teacher(Protocol):
    """A model that returns probabilities to imitate.

    Attributes:
        size: Height and width of the pages that the teacher is made for. The augmented pages are as large as the larger
            of this and the student's input.
    """

    size: PageSize

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        ...


@dataclass(frozen=True)
class Resources:
    """Compute threads, and worker processes that prepare pages (0: in the main process)."""

    threads: int = 2
    workers: int = 1


@dataclass(frozen=True)
class FitResult:
    """A trained model and its epochs; `interrupted` if Ctrl-C ended the training early. A forest has no epochs."""

    model: ExportableModel | ForestModel
    history: list[EpochResult]
    interrupted: bool


def fit(
    recipe: Recipe,
    labels: Sequence[str],
    train: Sequence[Page],
    validation: Sequence[Page],
    checkpoint: Path,
    *,
    head_seed: int | None = None,
    resources: Resources | None = None,
    teacher: Teacher | None = None,
    console: Console | None = None,
) -> FitResult:
    """Train a network.

    Args:
        recipe: Recipe of the version.
        labels: Names of the classes.
        train: Training set.
        validation: Validation set, which selects the best epoch. If empty, the last epoch is used.
        checkpoint: Checkpoint file. The training resumes from it if its recipe and pages are the same.
        head_seed: Seed of the layers without pretrained weights; the recipe's seed if None.
        resources: Threads and worker processes.
        teacher: Model whose probabilities are imitated, in addition to the labels.
        console: Console for progress.

    Returns:
        The model with averaged weights. After Ctrl-C, the best model so far.
    """
    resources = resources or Resources()
    console = console or Console()
    torch.set_num_threads(resources.threads)
    model = build_model(recipe, len(labels), head_seed)
    state = TrainingState(model, _optimizer(model, recipe), MovingAverage(model, recipe.schedule.ema))
    fingerprint = fingerprint_of(recipe, labels, train)
    if state.resume(checkpoint, fingerprint):
        console.print(f"resuming after epoch {state.epoch} of {recipe.schedule.epochs}")
    interrupted = False
    steps = max(1, len(train) // recipe.schedule.batch)
    with _progress(console) as progress:
        task = progress.add_task(recipe.version, total=steps * recipe.schedule.epochs, state="")
        progress.update(task, completed=steps * state.epoch)
        try:
            while state.epoch < recipe.schedule.epochs:
                _train_epoch(
                    state,
                    recipe,
                    labels,
                    train,
                    resources,
                    teacher,
                    lambda text: progress.update(task, advance=1, state=text),
                )
                _validate(state, labels, recipe, validation)
                state.save(checkpoint, fingerprint)
                console.print(_summary(state.history[-1], recipe.schedule.epochs))
        except KeyboardInterrupt:
            interrupted = True
            console.print(f"stopped after {state.epoch} of {recipe.schedule.epochs} epochs")
    model.load_state_dict(state.best or state.average.state)
    return FitResult(model.eval(), state.history, interrupted)


def _optimizer(model: ExportableModel, recipe: Recipe) -> torch.optim.Optimizer:
    schedule = recipe.schedule
    for block in model.network.blocks[: schedule.freeze_blocks]:
        block.requires_grad_(False)
    body = [p for p in model.network.blocks.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": schedule.weight_decay, "factor": 1.0},
        {"params": [p for p in body if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
        {
            "params": list(model.network.head.parameters()),
            "weight_decay": schedule.weight_decay,
            "factor": schedule.head_factor,
        },
    ]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate)


def _learning_rate(recipe: Recipe, epochs_done: float) -> float:
    """Return the learning rate after a number of epochs: a linear rise over half an epoch, then a cosine to zero."""
    schedule = recipe.schedule
    rise = min(1.0, epochs_done / 0.5 + 0.02)
    return schedule.learning_rate * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, epochs_done / schedule.epochs))))


def _frozen_blocks(model: ExportableModel, recipe: Recipe, epochs_done: float) -> int:
    """Return how many first blocks are frozen after a number of epochs: all of them during the warm-up."""
    warming_up = epochs_done < recipe.schedule.warmup_epochs
    return len(model.network.blocks) if warming_up else recipe.schedule.freeze_blocks


def _freeze(model: ExportableModel, frozen: int) -> None:
    """Set the model to training mode, except for its first `frozen` blocks."""
    model.train()
    for index, block in enumerate(model.network.blocks):
        block.requires_grad_(index >= frozen)
        if index < frozen:
            block.eval()


def _train_epoch(
    state: TrainingState,
    recipe: Recipe,
    labels: Sequence[str],
    train: Sequence[Page],
    resources: Resources,
    teacher: Teacher | None,
    report_step: Callable[[str], None],
) -> None:
    student_size = recipe.input.height, recipe.input.width
    size = (max(student_size[0], teacher.size[0]), max(student_size[1], teacher.size[1])) if teacher else student_size
    augmented = AugmentedPages(train, recipe, state.epoch, size)
    steps = max(1, len(augmented) // recipe.schedule.batch)
    frozen = _frozen_blocks(state.model, recipe, state.epoch)
    _freeze(state.model, frozen)
    forward = with_frozen_backbone(state.model, frozen, recipe, resources.threads)
    torch.manual_seed(recipe.seed * 100_003 + state.epoch)
    losses: list[float] = []
    for step, (pages, truth) in enumerate(load_batches(augmented, recipe, resources.workers)):
        epochs_done = state.epoch + step / steps
        if _frozen_blocks(state.model, recipe, epochs_done) != frozen:  # the warm-up ends within this epoch
            frozen = _frozen_blocks(state.model, recipe, epochs_done)
            _freeze(state.model, frozen)
            forward = with_frozen_backbone(state.model, frozen, recipe, resources.threads)
        for group in state.optimizer.param_groups:
            group["lr"] = _learning_rate(recipe, epochs_done) * group["factor"]
        loss = _loss(forward, pages, truth, len(labels), recipe, teacher)
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(state.model.parameters(), 5.0)
        state.optimizer.step()
        state.average.update(state.model)
        losses.append(loss.item())
        report_step(f"epoch {state.epoch + 1}  loss {np.mean(losses[-20:]):.3f}{_last_accuracy(state.history)}")
    state.epoch += 1
    state.history.append(EpochResult(state.epoch, float(np.mean(losses)), None, None))


def _loss(
    forward: Forward, pages: Tensor, truth: Tensor, classes: int, recipe: Recipe, teacher: Teacher | None
) -> Tensor:
    """Return the cross-entropy with smoothed and possibly mixed labels, and the divergence from the teacher."""
    schedule, distillation = recipe.schedule, recipe.distillation
    is_ood = (truth == OOD_LABEL)[:, None]
    target = torch.where(is_ood, 1 / classes, functional.one_hot(truth.clamp(min=0), classes).float())
    if schedule.mixup:
        # Seeded by torch.manual_seed at the start of the epoch.
        share = float(torch.distributions.Beta(schedule.mixup, schedule.mixup).sample())
        partner = torch.randperm(len(pages))
        pages = (share * pages.float() + (1 - share) * pages[partner].float()).round().to(torch.uint8)
        target = share * target + (1 - share) * target[partner]
    with torch.autocast("cpu", torch.bfloat16, enabled=_uses_bf16(schedule.bf16)):
        logits = forward(resize_pages(pages, (recipe.input.height, recipe.input.width))).float()
    loss = functional.cross_entropy(logits, target, label_smoothing=schedule.label_smoothing)
    if teacher is None:
        return loss
    teacher_probabilities = teacher(pages, distillation.temperature)
    log_probabilities = functional.log_softmax(logits / distillation.temperature, dim=1)
    divergence = functional.kl_div(log_probabilities, teacher_probabilities, reduction="batchmean")
    return (1 - distillation.weight) * loss + distillation.weight * divergence * distillation.temperature**2


def _uses_bf16(setting: bool | Literal["auto"]) -> bool:
    """Return whether to compute in bfloat16; for `auto`, whether the processor has instructions for it."""
    capabilities = torch.cpu.get_capabilities() if setting == "auto" else {}
    return setting is True or any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _validate(state: TrainingState, labels: Sequence[str], recipe: Recipe, validation: Sequence[Page]) -> None:
    """Measure the averaged weights after an epoch, and keep them if they are the best so far."""
    if not validation:
        return
    averaged = copy.deepcopy(state.model)
    averaged.load_state_dict(state.average.state)
    logits = predict_logits(averaged, validation, preprocessing_of(recipe))
    truth = np.array([page.document.label for page in validation], dtype=np.int64)
    probabilities = softmax(logits)
    metrics = classification_metrics(probabilities, truth, labels)
    log_likelihood = float(np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())
    if (metrics.accuracy, log_likelihood) > state.best_score:
        state.best_score = (metrics.accuracy, log_likelihood)
        state.best = {name: value.clone() for name, value in state.average.state.items()}
    state.history[-1] = replace(state.history[-1], accuracy=metrics.accuracy, macro_f1=metrics.macro_f1)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
    )


def _last_accuracy(history: Sequence[EpochResult]) -> str:
    measured = [epoch.accuracy for epoch in history if epoch.accuracy is not None]
    return f"  accuracy {measured[-1]:.3f}" if measured else ""


def _summary(epoch: EpochResult, total: int) -> str:
    measured = "" if epoch.accuracy is None else f"  accuracy {epoch.accuracy:.3f}  macro-F1 {epoch.macro_f1:.3f}"
    return f"epoch {epoch.epoch:>3}/{total}  loss {epoch.loss:.3f}{measured}"
