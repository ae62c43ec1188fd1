"""The image of the converter, built by the commands that CodeBuild runs, and started with the restrictions of Fargate.

It takes minutes to build: LibreOffice and what it depends on are downloaded. Like the images of the versions, it needs
Debian's buildah and debootstrap.
"""

import io
import zipfile
from collections.abc import Iterator

import httpx2
import pytest

from converter.libreoffice import library_in
from testkit import office_files
from testkit.template import rollout
from tests.support.containers import BASE, Storage, run_container, size_of, wait_ready
from triptych.stack import ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("images")]

[CONTAINER] = rollout(OfficeFormats="convert", ModelImageUri="")["TaskConverter"]["ContainerDefinitions"]
FOLDERS = ("usr", "opt", "app", "etc", "var")
VOLUMES = " ".join(mount["ContainerPath"] for mount in CONTAINER["MountPoints"])


@pytest.fixture(scope="module")
def url(converter_image: str, storage: Storage) -> Iterator[str]:
    """A converter in a container on a read-only file system, but for the volumes of the task."""
    port = ports.choose_port(18090)
    address = f"http://127.0.0.1:{port}"
    settings = {entry["Name"]: entry["Value"] for entry in CONTAINER["Environment"]}
    settings |= {"HOST": "127.0.0.1", "PORT": str(port)}
    config = storage.config(converter_image)
    with (
        storage.mounted(converter_image) as root,
        run_container(root, config, settings, volumes=VOLUMES) as process,
    ):
        wait_ready(address, process, timeout=180)
        yield address


@pytest.mark.parametrize("name", [name for name in office_files.sixty_files() if name.startswith("5.")])
def test_container_converts_documents_of_every_format(url: str, name: str) -> None:
    document = office_files.sixty_files()[name]

    answer = httpx2.post(f"{url}/converter/convert", content=document, timeout=120, trust_env=False)

    if name.endswith((".txt", ".csv", ".md")):
        assert answer.status_code == 415, "text needs no converter"
        return
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "pages" in archive.namelist() or any(member.startswith("members/") for member in archive.namelist())


def test_container_is_alive_after_documents_that_cannot_be_converted(url: str) -> None:
    damaged = httpx2.post(f"{url}/convert", content=office_files.word("Cut. ")[:-300], timeout=120, trust_env=False)

    assert damaged.status_code == 422
    assert httpx2.get(f"{url}/health/live", timeout=30, trust_env=False).status_code == 200


def test_image_adds_less_than_850_mb_to_its_base(converter_image: str, storage: Storage) -> None:
    """A task downloads its image before it serves."""
    with storage.mounted(converter_image) as root, storage.mounted(BASE) as base:
        assert library_in(root / "usr/lib/libreoffice/program")
        assert size_of(root, FOLDERS) - size_of(base, FOLDERS) < 850e6


def test_image_contains_no_model_and_no_build_tools(converter_image: str, storage: Storage) -> None:
    with storage.mounted(converter_image) as root:
        [packages] = (root / "opt" / "venv" / "lib").glob("python3*/site-packages")
        installed = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
        assert not (root / "app" / "models").exists()

    assert "fastapi" in installed
    assert not {"openvino", "torch", "boto3", "pip"} & installed
