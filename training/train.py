"""Fitting one network: head first, then the rest, on balanced and varied pages, keeping an average of its weights.

Same seed, same pages and same number of threads give the same network: every random choice is drawn from the seed, the
epoch and the place in it, so neither the number of workers nor a break and resume changes what is learnt.
"""

import copy
import hashlib
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from model_service.preprocessing import Preprocessing
from training.architectures import ARCHITECTURES, Network, build, fold_norms
from training.augmentation import augment
from training.data import STRANGER, Page
from training.metrics import measure, softmax
from training.recipe import Recipe

Batch = tuple[Tensor, Tensor]
Forward = Callable[[Tensor], Tensor]


class Teacher(Protocol):
    """Anything that can be asked how likely each label is."""

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        ...


@dataclass(frozen=True)
class Resources:
    """What of the machine a training may use: compute threads, and processes that prepare pages (0: in line)."""

    threads: int = 2
    workers: int = 1


@dataclass(frozen=True)
class Epoch:
    """One line of the log."""

    epoch: int
    loss: float
    accuracy: float | None
    macro_f1: float | None


@dataclass(frozen=True)
class Fit:
    """A fitted network and how it got there; `interrupted` when a person stopped it early."""

    graph: "Served"
    history: list[Epoch]
    interrupted: bool


class Served(nn.Module):
    """A network with its normalisation folded in: uint8 NHWC pages to float32 logits, which is what is exported."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: Network, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("scale", (1 / torch.tensor(std)).view(1, 3, 1, 1))

    def forward(self, pages: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of pages, shape (batch, height, width, 3), values 0..255."""
        images = (pages.to(torch.float32).permute(0, 3, 1, 2) - self.mean) * self.scale
        logits: Tensor = self.network(images)
        return logits.to(torch.float32)


def make_graph(recipe: Recipe, classes: int) -> Served:
    """Build the recipe's network with its initial weights; the head depends on the seed only."""
    torch.manual_seed(recipe.seed)
    network = build(recipe.architecture, classes, recipe.weights, recipe.schedule.dropout)
    if recipe.schedule.batch_norm == "folded":
        fold_norms(network)
    architecture = ARCHITECTURES[recipe.architecture]
    return Served(network, architecture.mean, architecture.std).to(memory_format=torch.channels_last)


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Return the preprocessing that training and serving share."""
    return Preprocessing(recipe.input.width, recipe.input.height, recipe.input.color)


class _Views(Dataset[tuple[NDArray[np.uint8], int]]):
    """One epoch's varied pages, in the order and with the chances that the seed and the epoch decide."""

    def __init__(self, pages: Sequence[Page], recipe: Recipe, epoch: int) -> None:
        self.pages, self.recipe, self.epoch = pages, recipe, epoch
        self.preprocessing = preprocessing_of(recipe)
        labels = np.array([page.document.label for page in pages])
        _, kind, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(sizes)[kind]
        rng = np.random.default_rng((recipe.seed, epoch))
        self.order = rng.choice(len(pages), size=len(pages), p=weights / weights.sum())

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> tuple[NDArray[np.uint8], int]:
        page = self.pages[self.order[place]]
        rng = np.random.default_rng((self.recipe.seed, self.epoch, place))
        pixels = augment(page.image(), self.preprocessing, self.recipe.augmentation, rng)
        return pixels, page.document.label


def _ignore_interrupt(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Average:
    """Exponential moving average of weights and statistics, quick to follow at first."""

    def __init__(self, graph: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {name: value.detach().clone() for name, value in graph.state_dict().items()}

    @torch.no_grad()
    def update(self, graph: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 9))
        for name, value in graph.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclass
class _Run:
    """Everything that changes while fitting, so that a checkpoint is one call."""

    graph: Served
    optimizer: torch.optim.Optimizer
    average: _Average
    epoch: int = 0
    best: dict[str, Tensor] | None = None
    best_score: tuple[float, float] = (-1.0, 0.0)
    history: list[Epoch] = field(default_factory=list)

    def save(self, file: Path, fingerprint: str) -> None:
        state = {
            "fingerprint": fingerprint,
            "graph": self.graph.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": (self.average.state, self.average.steps),
            "epoch": self.epoch,
            "best": (self.best, self.best_score),
            "history": [asdict(epoch) for epoch in self.history],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        torch.save(state, part)
        part.replace(file)

    def resume(self, file: Path, fingerprint: str) -> bool:
        if not file.exists():
            return False
        state: dict[str, Any] = torch.load(file, weights_only=True)
        if state["fingerprint"] != fingerprint:
            return False
        self.graph.load_state_dict(state["graph"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.state, self.average.steps = state["average"]
        self.epoch = state["epoch"]
        self.best, self.best_score = state["best"]
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        return True


def fit(
    recipe: Recipe,
    labels: Sequence[str],
    learn: Sequence[Page],
    aside: Sequence[Page],
    checkpoint: Path,
    *,
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
        resources: Share of the machine.
        teacher: Gives probabilities to agree with, beside the labels.
        console: Where progress is shown.

    Returns:
        The network with averaged weights. After Ctrl-C, the best so far.
    """
    resources = resources or Resources()
    torch.set_num_threads(resources.threads)
    graph = make_graph(recipe, len(labels))
    run = _Run(graph, _optimizer(graph, recipe), _Average(graph, recipe.schedule.ema))
    names = sorted(page.document.file.name for page in learn)
    fingerprint = f"{recipe.learning()} {list(labels)} {len(learn)} {hash_of(names)}"
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
            console.print("stopped: keeping the best so far")
    graph.load_state_dict(run.best or run.average.state)
    return Fit(graph.eval(), run.history, interrupted)


def hash_of(names: Sequence[str]) -> str:
    """Return a short stable digest of names."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


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


def behind_trunk(graph: Served, frozen: int, recipe: Recipe, threads: int) -> Forward:
    """Return a forward pass whose first, frozen blocks are computed by OpenVINO: three times as fast as torch.

    Those blocks get no gradient, so nothing is lost by leaving autograd there.
    """
    if not frozen:
        return graph
    head = _Trunk(copy.deepcopy(graph).eval(), frozen)
    example = torch.zeros((2, recipe.input.height, recipe.input.width, 3), dtype=torch.uint8)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    trunk = openvino.compile_model(openvino.convert_model(head, example_input=example), "CPU", settings)
    network, tail = graph.network, graph.network.blocks[frozen:]

    def forward(pages: Tensor) -> Tensor:
        maps = torch.from_numpy(np.array(trunk(pages.numpy())[0])).contiguous(memory_format=torch.channels_last)
        return network.classify(tail(maps))

    return forward


class _Trunk(nn.Module):
    """The normalisation and the first blocks of a graph."""

    def __init__(self, graph: Served, blocks: int) -> None:
        super().__init__()
        self.mean, self.scale = graph.mean, graph.scale
        self.blocks = graph.network.blocks[:blocks]

    def forward(self, pages: Tensor) -> Tensor:
        return cast(Tensor, self.blocks((pages.float().permute(0, 3, 1, 2) - self.mean) * self.scale))


def _batches(dataset: _Views, recipe: Recipe, workers: int) -> Iterator[Batch]:
    batch = min(recipe.schedule.batch, len(dataset))
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=batch, num_workers=workers, drop_last=True, worker_init_fn=_ignore_interrupt
    )
    yield from loader


def _one_epoch(
    run: _Run,
    recipe: Recipe,
    labels: Sequence[str],
    learn: Sequence[Page],
    resources: Resources,
    teacher: Teacher | None,
    tell: Callable[[str], None],
) -> None:
    dataset = _Views(learn, recipe, run.epoch)
    steps = max(1, len(dataset) // recipe.schedule.batch)
    head_only = run.epoch < recipe.schedule.warmup_epochs
    _training_mode(run.graph, recipe, head_only=head_only)
    frozen = len(run.graph.network.blocks) if head_only else recipe.schedule.freeze_blocks
    forward = behind_trunk(run.graph, frozen, recipe, resources.threads)
    torch.manual_seed(recipe.seed * 100_003 + run.epoch)
    losses: list[float] = []
    for step, (pages, truth) in enumerate(_batches(dataset, recipe, resources.workers)):
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
        logits = forward(pages).float()
    loss = functional.cross_entropy(logits, target, label_smoothing=schedule.label_smoothing)
    if teacher is None:
        return loss
    wanted = teacher(pages, distillation.temperature)
    said = functional.log_softmax(logits / distillation.temperature, dim=1)
    agreement = functional.kl_div(said, wanted, reduction="batchmean") * distillation.temperature**2
    return (1 - distillation.weight) * loss + distillation.weight * agreement


def _judge(run: _Run, labels: Sequence[str], recipe: Recipe, aside: Sequence[Page]) -> None:
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


@torch.no_grad()
def logits_of(
    graph: Served, pages: Sequence[Page], preprocessing: Preprocessing, batch: int = 32
) -> NDArray[np.float32]:
    """Return logits, shape (pages, classes), of pages as they are, without augmentation."""
    graph.eval()
    parts = []
    for start in range(0, len(pages), batch):
        pixels = np.stack([preprocessing.apply(page.image()) for page in pages[start : start + batch]])
        parts.append(graph(torch.from_numpy(pixels)).numpy())
    classes = graph.network.head.out_features
    return np.concatenate(parts) if parts else np.zeros((0, classes), dtype=np.float32)


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
