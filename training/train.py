"""Training of one network: the head first, then all blocks that are not frozen, with a moving average of the weights.

Seed, pages and number of threads determine the result. Every random choice depends on the seed, the epoch and the index
of the page, so neither the number of worker processes nor an interruption changes it.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional

from training.augmented_pages import AugmentedPages, LabelledBatch, Teacher, common_size, load_batches, resize_pages
from training.checkpoint import EpochResult, MovingAverage, TrainingState, fingerprint_of
from training.data import OOD_LABEL, Page
from training.metrics import classification_metrics, softmax
from training.network import (
    ExportableModel,
    Forward,
    build_model,
    predict_logits,
    preprocessing_of,
    with_frozen_backbone,
)
from training.recipe import Recipe, Schedule
from training.reused_variations import make_variations
from training.schedule import PageSize, frozen_blocks, input_size, learning_rate, relative_cost, steps_per_epoch

EpochLoader = Callable[[int], Iterator[LabelledBatch]]
"""Yields the batches of an epoch, by its number from 0."""


@dataclass(frozen=True)
class Resources:
    """Compute threads, and worker processes that prepare pages (0: in the main process)."""

    threads: int = 2
    workers: int = 1


@dataclass(frozen=True)
class FitResult:
    """A trained model and its epochs; `interrupted` if Ctrl-C ended the training early.

    A random forest and a linear probe have no epochs.
    """

    model: nn.Module
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
    with _progress(console) as progress:
        try:
            if state.epoch < recipe.schedule.epochs:
                batches_of = _epoch_loader(recipe, train, resources, teacher, progress)
                report_step = _step_reporter(recipe, len(train), state.epoch, progress)
            while state.epoch < recipe.schedule.epochs:
                batches, steps = batches_of(state.epoch), steps_per_epoch(recipe, len(train))
                _train_epoch(state, recipe, len(labels), batches, steps, resources.threads, teacher, report_step)
                _validate(state, labels, recipe, validation)
                state.save(checkpoint, fingerprint)
                console.print(_summary(state.history[-1], recipe.schedule.epochs))
        except KeyboardInterrupt:
            interrupted = True
            console.print(f"stopped after {state.epoch} of {recipe.schedule.epochs} epochs")
    model.load_state_dict(state.best or state.average.state)
    return FitResult(model.eval(), state.history, interrupted)


def _epoch_loader(
    recipe: Recipe, train: Sequence[Page], resources: Resources, teacher: Teacher | None, progress: Progress
) -> EpochLoader:
    """Return a function that loads an epoch; if the recipe reuses variations, make them first."""
    if not recipe.schedule.variations:
        size = common_size((recipe.input.height, recipe.input.width), teacher)
        return lambda epoch: load_batches(AugmentedPages(train, recipe, epoch, size), recipe, resources.workers)
    task = progress.add_task("variations of pages", total=recipe.schedule.variations, state="")
    variations = make_variations(
        recipe, train, teacher, resources.workers, lambda count: progress.update(task, advance=count)
    )
    progress.remove_task(task)
    progress.console.print(f"made {recipe.schedule.variations} variations of {len(train)} pages")
    return variations.batches


def _step_reporter(recipe: Recipe, pages: int, epoch: int, progress: Progress) -> Callable[[str], None]:
    """Return a function that shows a text and a further step, from the start of an epoch.

    Steps count by their cost, so that the estimate of the remaining time allows for smaller pages.
    """
    steps = steps_per_epoch(recipe, pages)
    costs = [relative_cost(recipe, step / steps) for step in range(steps * recipe.schedule.epochs)]
    remaining = iter(costs[steps * epoch :])
    task = progress.add_task(recipe.version, total=sum(costs), state="")
    progress.advance(task, sum(costs[: steps * epoch]))
    return lambda text: progress.update(task, advance=next(remaining), state=text)


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
    classes: int,
    batches: Iterator[LabelledBatch],
    steps: int,
    threads: int,
    teacher: Teacher | None,
    report_step: Callable[[str], None],
) -> None:
    blocks = len(state.model.network.blocks)
    frozen = frozen_blocks(recipe, blocks, state.epoch)
    _freeze(state.model, frozen)
    forward = with_frozen_backbone(state.model, frozen, recipe, threads)
    torch.manual_seed(recipe.seed * 100_003 + state.epoch)
    losses: list[float] = []
    for step, batch in enumerate(batches):
        epochs_done = state.epoch + step / steps
        if frozen_blocks(recipe, blocks, epochs_done) != frozen:  # the warm-up ends within this epoch
            frozen = frozen_blocks(recipe, blocks, epochs_done)
            _freeze(state.model, frozen)
            forward = with_frozen_backbone(state.model, frozen, recipe, threads)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, epochs_done) * group["factor"]
        loss = _loss(forward, batch, input_size(recipe, epochs_done), classes, recipe, teacher)
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
    forward: Forward, batch: LabelledBatch, size: PageSize, classes: int, recipe: Recipe, teacher: Teacher | None
) -> Tensor:
    """Return the cross-entropy with smoothed and possibly mixed labels, and the divergence from the teacher."""
    schedule, distillation = recipe.schedule, recipe.distillation
    pages, labels, teacher_probabilities = batch
    is_ood = (labels == OOD_LABEL)[:, None]
    target = torch.where(is_ood, 1 / classes, functional.one_hot(labels.clamp(min=0), classes).float())
    if _is_mixed(schedule):
        share = float(torch.distributions.Beta(schedule.mixup, schedule.mixup).sample())
        partner = torch.randperm(len(pages))
        pages = _mix(pages.float(), partner, share).round().to(torch.uint8)
        target = _mix(target, partner, share)
        if teacher_probabilities is not None:
            teacher_probabilities = _mix(teacher_probabilities, partner, share)
    with torch.autocast("cpu", torch.bfloat16, enabled=_uses_bf16(schedule.bf16)):
        logits = forward(resize_pages(pages, size)).float()
    loss = functional.cross_entropy(logits, target, label_smoothing=schedule.label_smoothing)
    if teacher is None:
        return loss
    if teacher_probabilities is None:
        teacher_probabilities = teacher(pages, distillation.temperature)
    log_probabilities = functional.log_softmax(logits / distillation.temperature, dim=1)
    divergence = functional.kl_div(log_probabilities, teacher_probabilities, reduction="batchmean")
    return (1 - distillation.weight) * loss + distillation.weight * divergence * distillation.temperature**2


def _is_mixed(schedule: Schedule) -> bool:
    """Return whether to mix a batch. Random numbers are seeded by `torch.manual_seed` at the start of an epoch."""
    return schedule.mixup > 0 and (schedule.mixup_share == 1 or float(torch.rand(())) < schedule.mixup_share)


def _mix(values: Tensor, partner: Tensor, share: float) -> Tensor:
    """Return the weighted mean of each row and of its partner."""
    return share * values + (1 - share) * values[partner]


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
