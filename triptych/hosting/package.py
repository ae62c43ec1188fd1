"""The package of a model version for SageMaker: `model.tar.gz`, with equal bytes for equal content.

    config.yaml, deployment.py     the application of Ray Serve
    code/requirements.txt          what SageMaker's images install when a container starts
    code/inference.py              the hooks of SageMaker's PyTorch images (legacy)
    code/decoding, model_service   the service
    models/v2                      the version

SageMaker unpacks it at /opt/ml/model. The service's own image needs the folder `models` only, and ignores the rest.
"""

import gzip
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from triptych.errors import UsageError
from triptych.stack.home import REPOSITORY

ARCHIVE_NAME: Final = "model.tar.gz"

_VERSION_FILES: Final = ("manifest.json", "model.xml", "model.bin")
_TORCHSCRIPT: Final = "model.pt"
_SERVICE_PACKAGES: Final = ("decoding", "model_service")
_CODE_SUFFIXES: Final = frozenset({".py", ".xml", ".bin"})
_REQUIRED: Final = (
    "numpy", "openvino", "pi-heif", "pillow", "prometheus-client", "pypdfium2", "python-multipart",
)  # fmt: skip
"""Packages with the versions of the service's image: they determine pages and probabilities, or are not part of
SageMaker's images."""
_FLEXIBLE: Final = ("fastapi>=0.133",)
"""Packages that Ray Serve contains; another version would change Ray Serve itself."""


def package_content(version: Path, repository: Path = REPOSITORY) -> dict[str, bytes]:
    """Return the files of a package by their paths in it.

    Args:
        version: Folder of the model version.
        repository: Folder with the source code.

    Raises:
        UsageError: The folder is not that of a model version.
    """
    missing = [name for name in _VERSION_FILES if not (version / name).is_file()]
    if missing:
        raise UsageError(f"{version} is not the folder of a model version: {', '.join(missing)} is missing.")
    content = {f"models/{version.name}/{name}": (version / name).read_bytes() for name in _VERSION_FILES}
    if (version / _TORCHSCRIPT).is_file():
        content[f"models/{version.name}/{_TORCHSCRIPT}"] = (version / _TORCHSCRIPT).read_bytes()
    edges = repository / "hosting"
    content["config.yaml"] = (edges / "ray_serve" / "config.yaml").read_bytes()
    content["deployment.py"] = (edges / "ray_serve" / "deployment.py").read_bytes()
    content["code/inference.py"] = (edges / "pytorch" / "inference.py").read_bytes()
    content["code/requirements.txt"] = _requirements((repository / "model_service" / "requirements.txt").read_text())
    for package in _SERVICE_PACKAGES:
        for path in _source_files(repository / package):
            content[f"code/{path.relative_to(repository).as_posix()}"] = path.read_bytes()
    return content


def _source_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in _CODE_SUFFIXES and "__pycache__" not in path.parts:
            yield path


def _requirements(image: str) -> bytes:
    """Return the requirements of the package.

    Args:
        image: The requirements of the service's image.
    """
    pinned = dict(re.findall(r"^([\w-]+)(==\S+)$", image, re.MULTILINE))
    lines = [*(f"{name}{pinned[name]}" for name in _REQUIRED), *_FLEXIBLE]
    return "\n".join([*lines, ""]).encode()


def archive(content: Mapping[str, bytes]) -> bytes:
    """Return a compressed archive. Equal content gives equal bytes with the same version of zlib.

    Args:
        content: Files by their paths.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0, compresslevel=6) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path, data in sorted(content.items()):
            entry = tarfile.TarInfo(path)  # without owner and time
            entry.size = len(data)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
