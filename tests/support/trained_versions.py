"""Versions that tests train with the code of `triptych train`."""

from pathlib import Path

from rich.console import Console

from training.train import Resources
from training.version import TrainedVersion, train_version


def train_v1(recipe: str, data: Path, root: Path, *, torchscript: bool = False) -> TrainedVersion:
    """Train the recipe of a version v1, in one thread and without output.

    Args:
        recipe: Content of the recipe, which is written to `root`.
        data: Folder of labelled pictures.
        root: Folder of the recipe, `models/v1` and the checkpoints.
        torchscript: Whether to write the version as TorchScript as well.
    """
    file = root / "v1.toml"
    file.write_text(recipe)
    return train_version(
        file,
        data,
        root / "models" / "v1",
        runs=root / "runs",
        resources=Resources(threads=1, workers=0),
        console=Console(quiet=True),
        torchscript=torchscript,
    )
