"""Fingerprints of sources: what tells a stack that is up to date from one that is not."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from triptych.stack.home import REPOSITORY


def of_files(files: Iterable[Path]) -> str:
    """A digest of the names and contents of `files`, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def of_deployment() -> str:
    """What `sam build` and `sam deploy` work from."""
    orchestrator = REPOSITORY / "orchestrator"
    return of_files(
        [
            REPOSITORY / "template.yaml",
            REPOSITORY / "samconfig.toml",
            orchestrator / "Makefile",
            orchestrator / "requirements.txt",
            *orchestrator.glob("*.py"),
            *(REPOSITORY / "records").rglob("*.py"),
        ]
    )


def of_service(version: str) -> str:
    """What a model service runs: its code, and the manifest, which holds the digests of the weights."""
    code = [path for package in ("decoding", "model_service") for path in (REPOSITORY / package).rglob("*.py")]
    return of_files([*code, *(REPOSITORY / "models" / version).glob("manifest.json")])
