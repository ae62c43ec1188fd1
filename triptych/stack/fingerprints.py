"""Fingerprints of sources, by which the local stack recognises parts that are out of date."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from triptych.stack.home import REPOSITORY


def files_fingerprint(files: Iterable[Path]) -> str:
    """Return a digest of the names and contents of files, independent of their order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def deployment_fingerprint() -> str:
    """Return the fingerprint of the input of `sam build` and `sam deploy`."""
    orchestrator = REPOSITORY / "orchestrator"
    return files_fingerprint(
        [
            REPOSITORY / "template.yaml",
            REPOSITORY / "samconfig.toml",
            orchestrator / "Makefile",
            orchestrator / "bytecode.mk",
            orchestrator / "requirements.txt",
            *orchestrator.glob("*.py"),
            REPOSITORY / "publisher" / "Makefile",
            *(REPOSITORY / "publisher").glob("*.py"),
            *(REPOSITORY / "records").glob("*.py"),
            REPOSITORY / "decoding" / "convertible.py",
        ]
    )


def converter_fingerprint() -> str:
    """Return the fingerprint of the converter: its code and that of the packages that it uses."""
    packages = ("converter", "decoding", "model_service")
    return files_fingerprint(path for package in packages for path in (REPOSITORY / package).rglob("*.py"))


def service_fingerprint(version: str) -> str:
    """Return the fingerprint of a model service: its code, and the manifest with the digests of the weights."""
    code = [path for package in ("decoding", "model_service") for path in (REPOSITORY / package).rglob("*.py")]
    return files_fingerprint([*code, *(REPOSITORY / "models" / version).glob("manifest.json")])
