"""The build contexts that the function carries: a folder for each version, and a tag that says what is in it."""

import hashlib
from pathlib import Path

CONTEXTS = Path(__file__).resolve().parent.parent / "contexts"
"""Where the Makefile puts them in the function's package."""

_DIGITS = 24
"""Hexadecimal digits of the digest that a tag carries: 96 bits, so that two contents never share one."""


def find(root: Path = CONTEXTS) -> dict[str, Path]:
    """The context of each version, by its name.

    Raises:
        FileNotFoundError: the package carries none.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if not folders:
        raise FileNotFoundError(f"{root} is empty")
    return {folder.name: folder for folder in folders}


def tag(version: str, context: Path, *settings: str) -> str:
    """The tag of the image that `context` and `settings` make.

    Args:
        version: the tag's beginning, by which ECR's lifecycle rules tell the versions' images apart.
        context: folder whose files' paths and contents count; their times and modes do not.
        settings: what else the image depends on, such as its base.

    Returns:
        For instance `v2-3f0c…`: equal for equal content wherever and whenever it is computed.
    """
    digest = hashlib.sha256()
    for setting in settings:
        _add(digest, setting.encode())
    for path in sorted(context.rglob("*")):
        if path.is_file():
            _add(digest, path.relative_to(context).as_posix().encode())
            _add(digest, path.read_bytes())
    return f"{version}-{digest.hexdigest()[:_DIGITS]}"


def _add(digest: "hashlib._Hash", part: bytes) -> None:
    """Count `part` with its length, so that no other division of the same bytes gives the same digest."""
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
