"""Where a fit stands after an epoch: its weights, their average and its history, on disk so that it can go on."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.data import Page
from training.network import Served
from training.recipe import Recipe


@dataclass(frozen=True)
class Epoch:
    """One line of the log."""

    epoch: int
    loss: float
    accuracy: float | None
    macro_f1: float | None


class Average:
    """Exponential moving average of weights and statistics, quick to follow at first."""

    def __init__(self, graph: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {name: value.detach().clone() for name, value in graph.state_dict().items()}

    @torch.no_grad()
    def update(self, graph: nn.Module) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 9))
        for name, value in graph.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclass
class Run:
    """Everything that changes while fitting, so that a checkpoint is one call."""

    graph: Served
    optimizer: torch.optim.Optimizer
    average: Average
    epoch: int = 0
    best: dict[str, Tensor] | None = None
    best_score: tuple[float, float] = (-1.0, 0.0)
    history: list[Epoch] = field(default_factory=list)

    def save(self, file: Path, fingerprint: str) -> None:
        """Write everything; `fingerprint` says what it belongs to."""
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
        """Read what was saved; False where there is nothing, or it belongs to something else."""
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


def fingerprint_of(recipe: Recipe, labels: Sequence[str], learn: Sequence[Page]) -> str:
    """What a checkpoint belongs to: the recipe, the labels, and of each page to learn from its name, label and content.

    A picture that was moved to its right label, scanned again or drawn by other code is another page.
    """
    pages = sorted(f"{page.document.file.name} {page.document.label} {page.content}" for page in learn)
    digest = hashlib.sha256("\n".join(pages).encode()).hexdigest()
    return f"{recipe.learning()} {list(labels)} {len(learn)} {digest[:16]}"


def averaged(file: Path, fingerprint: str, epochs: int) -> dict[str, Tensor] | None:
    """The averaged weights of a fit that has ended; None where there is none that belongs to `fingerprint`."""
    if not file.exists():
        return None
    state: dict[str, Any] = torch.load(file, weights_only=True)
    if state["fingerprint"] != fingerprint or state["epoch"] < epochs:
        return None
    weights: dict[str, Tensor] = state["average"][0]
    return weights
