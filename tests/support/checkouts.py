"""Copies of the files that a deployment is built from, which a test may change."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testkit.template import ROOT
from triptych.stack import environment

VERSIONS = ("v1", "v2", "v3")
SERVED_FILES = ("manifest.json", "model.xml", "model.bin")
"""The files of models/vN that its image contains."""

_FILES = ("template.yaml", "samconfig.toml")
_PACKAGES = ("records", "decoding", "orchestrator", "publisher", "model_service", "converter", "image_build")


@dataclass(frozen=True)
class Checkout:
    """A copy of the deployment's sources."""

    path: Path

    def sam_build(self, function: str) -> Path:
        """Run `sam build --cached` for one function of the template.

        Args:
            function: Logical id of the function.

        Returns:
            The folder with its package.
        """
        settings = {"SAM_CLI_TELEMETRY": "0", "PYTHON": str(environment.tool_path("python"))}
        command = [str(environment.tool_path("sam")), "build", function, "--cached"]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        done = subprocess.run(
            command, cwd=self.path, env=inherited | settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return self.path / ".aws-sam" / "build" / function

    @contextmanager
    def changed(self, name: str) -> Iterator[None]:
        """Append a line to a file for the duration of the context."""
        file = self.path / name
        original = file.read_bytes()
        file.write_bytes(original + b"\n# changed\n")
        try:
            yield
        finally:
            file.write_bytes(original)


def copy_checkout(path: Path, *, weights: bool = True) -> Checkout:
    """Copy template, configuration, packages and models into `path`.

    Args:
        path: An existing, empty folder.
        weights: Whether to copy the models. If not, each of their files holds the name of its version only.
    """
    for name in _FILES:
        shutil.copy(ROOT / name, path)
    for name in _PACKAGES:
        shutil.copytree(ROOT / name, path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for version in VERSIONS:
        folder = path / "models" / version
        folder.mkdir(parents=True)
        for name in SERVED_FILES:
            if weights:
                shutil.copy(ROOT / "models" / version / name, folder)
            else:
                (folder / name).write_text(version)
    return Checkout(path)


def relative_files(folder: Path) -> set[str]:
    """Return the paths of all files below `folder`, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
