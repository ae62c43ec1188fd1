"""Fitting one network: head first, then the rest, on balanced and varied pages, keeping an average of its weights.

Same seed, same pages and same number of threads give the same network: every random choice is drawn from the seed, the
epoch and the place in it, so neither the number of workers nor a break and resume changes what is learnt.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional

from training.checkpoint import Average, Epoch, Run, fingerprint_of
from training.data import STRANGER, Page
from training.metrics import measure, softmax
from training.network import Forward, Served, behind_trunk, logits_of, make_graph, preprocessing_of
from training.recipe import Recipe
from training.views import Size, Views, batches, resized


class Teacher(Protocol):
    """Anything that can be asked how likely each label is.

    Attributes:
        size: Height and width of the pages that it should be shown; larger ones are shown where the student's are.
    """

    size: Size

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        ...


@dataclass(frozen=True)
class Resources:
    """What of the machine a training may use: compute threads, and processes that prepare pages (0: in line)."""

    threads: int = 2
    workers: int = 1


@dataclass(frozen=True)
class Fit:
    """A fitted network and how it got there; `interrupted` when a person stopped it early."""

    graph: Served
    history: list[Epoch]
    interrupted: bool


def fit(
    recipe: Recipe,
    labels: Sequence[str],
    learn: Sequence[Page],
    aside: Sequence[Page],
    checkpoint: Path,
    *,
    head_seed: int | None = None,
    resources: Resources | None = None,
    teacher: Teacher | None = None,
    console: Console | None = None,
) -> Fit:
    """Fit a network as a recipe says.

    Args:
        recipe: What to do.
        labels: Names of the classes.
        learn: Pages to learn from.
        aside: Pages to measure on after each epoch; the best epoch is kept. None: the last epoch is kept.
        checkpoint: File that a broken run is resumed from, if it belongs to this recipe and these pages.
        head_seed: Decides what the untaught layers begin with, where it is not the recipe's seed.
        resources: Share of the machine.
        teacher: Gives probabilities to agree with, beside the labels.
        console: Where progress is shown.

    Returns:
        The network with averaged weights. After Ctrl-C, the best so far.
    """
    resources = resources or Resources()
    torch.set_num_threads(resources.threads)
    graph = make_graph(recipe, len(labels), head_seed)
    run = Run(graph, _optimizer(graph, recipe), Average(graph, recipe.schedule.ema))
    fingerprint = fingerprint_of(recipe, labels, learn)
    console = console or Console()
    if run.resume(checkpoint, fingerprint):
        console.print(f"resuming after epoch {run.epoch} of {recipe.schedule.epochs}")
    interrupted = False
    steps = max(1, len(learn) // recipe.schedule.batch)
    with _progress(console) as progress:
        task = progress.add_task(recipe.version, total=steps * recipe.schedule.epochs, state="")
        progress.update(task, completed=steps * run.epoch)
        try:
            while run.epoch < recipe.schedule.epochs:
                _one_epoch(
                    run, recipe, labels, learn, resources, teacher, lambda s: progress.update(task, advance=1, state=s)
                )
                _judge(run, labels, recipe, aside)
                run.save(checkpoint, fingerprint)
                console.print(_line(run.history[-1], recipe.schedule.epochs))
        except KeyboardInterrupt:
            interrupted = True
            console.print(f"stopped after {run.epoch} of {recipe.schedule.epochs} epochs")
    graph.load_state_dict(run.best or run.average.state)
    return Fit(graph.eval(), run.history, interrupted)


def _optimizer(graph: Served, recipe: Recipe) -> torch.optim.Optimizer:
    schedule = recipe.schedule
    for block in graph.network.blocks[: schedule.freeze_blocks]:
        block.requires_grad_(False)
    body = [p for p in graph.network.blocks.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": schedule.weight_decay, "factor": 1.0},
        {"params": [p for p in body if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
        {
            "params": list(graph.network.head.parameters()),
            "weight_decay": schedule.weight_decay,
            "factor": schedule.head_factor,
        },
    ]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate)


def _rate(recipe: Recipe, done: float) -> float:
    """The learning rate after a number of epochs: a short rise, then a cosine down to zero."""
    schedule = recipe.schedule
    rise = min(1.0, done / 0.5 + 0.02)
    return schedule.learning_rate * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, done / schedule.epochs))))


def _training_mode(graph: Served, recipe: Recipe, *, head_only: bool) -> None:
    """Let learn what the recipe lets learn at this point."""
    graph.train()
    frozen = len(graph.network.blocks) if head_only else recipe.schedule.freeze_blocks
    for place, block in enumerate(graph.network.blocks):
        block.requires_grad_(place >= frozen)
        if place < frozen:
            block.eval()


def _one_epoch(
    run: Run,
    recipe: Recipe,
    labels: Sequence[str],
    learn: Sequence[Page],
    resources: Resources,
    teacher: Teacher | None,
    tell: Callable[[str], None],
) -> None:
    own = recipe.input.height, recipe.input.width
    size = (max(own[0], teacher.size[0]), max(own[1], teacher.size[1])) if teacher else own
    views = Views(learn, recipe, run.epoch, size)
    steps = max(1, len(views) // recipe.schedule.batch)
    head_only = run.epoch < recipe.schedule.warmup_epochs
    _training_mode(run.graph, recipe, head_only=head_only)
    frozen = len(run.graph.network.blocks) if head_only else recipe.schedule.freeze_blocks
    forward = behind_trunk(run.graph, frozen, recipe, resources.threads)
    torch.manual_seed(recipe.seed * 100_003 + run.epoch)
    losses: list[float] = []
    for step, (pages, truth) in enumerate(batches(views, recipe, resources.workers)):
        for group in run.optimizer.param_groups:
            group["lr"] = _rate(recipe, run.epoch + step / steps) * group["factor"]
        loss = _loss(forward, pages, truth, len(labels), recipe, teacher)
        run.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(run.graph.parameters(), 5.0)
        run.optimizer.step()
        run.average.update(run.graph)
        losses.append(loss.item())
        tell(f"epoch {run.epoch + 1}  loss {np.mean(losses[-20:]):.3f}{_accuracy(run.history)}")
    run.epoch += 1
    run.history.append(Epoch(run.epoch, float(np.mean(losses)), None, None))


def _loss(
    forward: Forward, pages: Tensor, truth: Tensor, classes: int, recipe: Recipe, teacher: Teacher | None
) -> Tensor:
    """Cross-entropy against smoothed, perhaps mixed labels, and agreement with the teacher."""
    schedule, distillation = recipe.schedule, recipe.distillation
    stranger = (truth == STRANGER)[:, None]
    target = torch.where(stranger, 1 / classes, functional.one_hot(truth.clamp(min=0), classes).float())
    if schedule.mixup:
        # Seeded by torch.manual_seed at the start of the epoch.
        share = float(torch.distributions.Beta(schedule.mixup, schedule.mixup).sample())
        other = torch.randperm(len(pages))
        pages = (share * pages.float() + (1 - share) * pages[other].float()).round().to(torch.uint8)
        target = share * target + (1 - share) * target[other]
    with torch.autocast("cpu", torch.bfloat16, enabled=schedule.bf16):
        logits = forward(resized(pages, (recipe.input.height, recipe.input.width))).float()
    loss = functional.cross_entropy(logits, target, label_smoothing=schedule.label_smoothing)
    if teacher is None:
        return loss
    wanted = teacher(pages, distillation.temperature)
    said = functional.log_softmax(logits / distillation.temperature, dim=1)
    agreement = functional.kl_div(said, wanted, reduction="batchmean") * distillation.temperature**2
    return (1 - distillation.weight) * loss + distillation.weight * agreement


def _judge(run: Run, labels: Sequence[str], recipe: Recipe, aside: Sequence[Page]) -> None:
    """Measure the averaged weights of the epoch that just ended and remember them if they are the best."""
    if not aside:
        return
    judged = copy.deepcopy(run.graph)
    judged.load_state_dict(run.average.state)
    logits = logits_of(judged, aside, preprocessing_of(recipe))
    truth = np.array([page.document.label for page in aside], dtype=np.int64)
    probabilities = softmax(logits)
    metrics = measure(probabilities, truth, labels)
    likelihood = float(np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())
    if (metrics.accuracy, likelihood) > run.best_score:
        run.best_score = (metrics.accuracy, likelihood)
        run.best = {name: value.clone() for name, value in run.average.state.items()}
    run.history[-1] = replace(run.history[-1], accuracy=metrics.accuracy, macro_f1=metrics.macro_f1)


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


def _accuracy(history: Sequence[Epoch]) -> str:
    measured = [epoch.accuracy for epoch in history if epoch.accuracy is not None]
    return f"  accuracy {measured[-1]:.3f}" if measured else ""


def _line(epoch: Epoch, total: int) -> str:
    measured = "" if epoch.accuracy is None else f"  accuracy {epoch.accuracy:.3f}  macro-F1 {epoch.macro_f1:.3f}"
    return f"epoch {epoch.epoch:>3}/{total}  loss {epoch.loss:.3f}{measured}"
