"""Checkpoints: the state of a training after an epoch, from which it can resume."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.data import Page
from training.network import ExportableModel
from training.recipe import Recipe


@dataclass(frozen=True)
class EpochResult:
    """Loss of one epoch, and the validation metrics if there is a validation set."""

    epoch: int
    loss: float
    accuracy: float | None
    macro_f1: float | None


class MovingAverage:
    """Exponential moving average of weights and statistics, with a lower decay during the first steps.

    Args:
        model: The model before the first step.
        decay: Share of the average that a step keeps.
        rise: The larger it is, the more steps it takes until the share is that high.
    """

    def __init__(self, model: nn.Module, decay: float, *, rise: int = 9) -> None:
        self.decay, self.rise, self.steps = decay, rise, 0
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Add the weights after a step to the average."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + self.rise))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclass
class TrainingState:
    """Everything that changes during a training: what a checkpoint saves."""

    model: ExportableModel
    optimizer: torch.optim.Optimizer
    average: MovingAverage
    epoch: int = 0
    best: dict[str, Tensor] | None = None
    best_score: tuple[float, float] = (-1.0, 0.0)
    history: list[EpochResult] = field(default_factory=list)

    def save(self, file: Path, fingerprint: str) -> None:
        """Write a checkpoint.

        Args:
            file: Path of the checkpoint, replaced atomically.
            fingerprint: Fingerprint of the recipe and the pages, as `fingerprint_of` returns it.
        """
        state = {
            "fingerprint": fingerprint,
            "graph": self.model.state_dict(),
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
        """Load a checkpoint; return False if it does not exist or has another fingerprint."""
        if not file.exists():
            return False
        state: dict[str, Any] = torch.load(file, weights_only=True)
        if state["fingerprint"] != fingerprint:
            return False
        self.model.load_state_dict(state["graph"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.state, self.average.steps = state["average"]
        self.epoch = state["epoch"]
        self.best, self.best_score = state["best"]
        self.history = [EpochResult(**epoch) for epoch in state["history"]]
        return True


def fingerprint_of(recipe: Recipe, labels: Sequence[str], pages: Sequence[Page]) -> str:
    """Return the fingerprint of a training: its settings, its labels, and name, label and content of each page.

    A page that moves to another label, is scanned again or is drawn by other code changes the fingerprint.
    """
    names = sorted(f"{page.document.file.name} {page.document.label} {page.content}" for page in pages)
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"{recipe.training_settings()} {list(labels)} {len(pages)} {digest[:16]}"


def load_averaged_weights(file: Path, fingerprint: str, epochs: int) -> dict[str, Tensor] | None:
    """Return the averaged weights of a finished training.

    Args:
        file: Path of the checkpoint.
        fingerprint: Expected fingerprint.
        epochs: Number of epochs after which the training is finished.

    Returns:
        The weights, or None if the checkpoint does not exist, is unfinished or has another fingerprint.
    """
    if not file.exists():
        return None
    state: dict[str, Any] = torch.load(file, weights_only=True)
    if state["fingerprint"] != fingerprint or state["epoch"] < epochs:
        return None
    weights: dict[str, Tensor] = state["average"][0]
    return weights
