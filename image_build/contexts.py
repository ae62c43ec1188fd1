"""The build contexts in the function's package: one folder per image, and a tag derived from its content."""

import hashlib
from pathlib import Path

CONTEXTS = Path(__file__).resolve().parent.parent / "contexts"
"""Where the Makefile puts the contexts in the function's package."""

_DIGEST_DIGITS = 24
"""Hexadecimal digits of the digest in a tag: 96 bits make collisions practically impossible."""


def by_name(root: Path = CONTEXTS) -> dict[str, Path]:
    """Return the context folder of each image: `v1`, `v2`, `v3`, `shared`, `converter`.

    Raises:
        FileNotFoundError: The package contains no context.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if not folders:
        raise FileNotFoundError(f"{root} is empty")
    return {folder.name: folder for folder in folders}


def image_tag(name: str, context: Path, *settings: str) -> str:
    """Return the tag of the image that is built from `context` and `settings`.

    Args:
        name: Prefix of the tag. The lifecycle rules of the repository distinguish images by it.
        context: A folder. The paths and contents of its files count; their times and modes do not.
        settings: Other inputs of the build, such as the base image.

    Returns:
        For example `v2-3f0c…`. Equal inputs give equal tags on any machine and at any time.
    """
    digest = hashlib.sha256()
    for setting in settings:
        _update(digest, setting.encode())
    for path in sorted(context.rglob("*")):
        if path.is_file():
            _update(digest, path.relative_to(context).as_posix().encode())
            _update(digest, path.read_bytes())
    return f"{name}-{digest.hexdigest()[:_DIGEST_DIGITS]}"


def _update(digest: "hashlib._Hash", part: bytes) -> None:
    """Add `part` with its length, so that the boundaries between parts change the digest too."""
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
