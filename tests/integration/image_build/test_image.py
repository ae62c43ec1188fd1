"""The images, really built by what CodeBuild runs, and really started as tightly as Fargate starts them.

Takes two to four minutes, and two more the first time, for a base image. It runs with all the other tests wherever
Debian's buildah and debootstrap are (`apt-get install buildah debootstrap`) and is skipped elsewhere.
"""

from pathlib import Path

import httpx2
import pytest

from testkit.template import ROOT, template
from tests.integration.image_build.conftest import VERSIONS
from tests.support.containers import Storage, started, wait_ready
from triptych.stack import ports

pytestmark = pytest.mark.timeout(1800)

DOCUMENT = ROOT / "samples" / "documents" / "application-form.png"
OURS = ("opt/venv", "app")
"""What the Dockerfile adds to its base."""


@pytest.mark.parametrize("version", VERSIONS)
def test_predict_answers_from_inside(images: dict[str, str], storage: Storage, version: str) -> None:
    port = ports.choose(18080)
    url = f"http://127.0.0.1:{port}"
    config = storage.config(images[version])
    settings = {"MODELS": version, "HOST": "127.0.0.1", "PORT": str(port)}
    with storage.mounted(images[version]) as root, started(root, config, settings) as process:
        wait_ready(url, process)

        answer = httpx2.post(f"{url}/{version}/predict", content=DOCUMENT.read_bytes(), timeout=30, trust_env=False)

        assert answer.status_code == 200
        assert (answer.json()["model"], answer.json()["label"]) == (version, "form")
        assert container_check(version, port, root, config) == 0


def container_check(version: str, port: int, root: Path, config: dict[str, object]) -> int:
    """The health check that the template gives the container, run inside it."""
    [container] = template()["Resources"][f"Task{version.upper()}"]["Properties"]["ContainerDefinitions"]
    kind, *command = container["HealthCheck"]["Command"]
    assert kind == "CMD"
    with started(root, config, {}, [part.replace("8080", str(port)) for part in command]) as process:
        return process.wait(30)


def test_an_image_serves_its_own_version_unless_told_otherwise(images: dict[str, str], storage: Storage) -> None:
    for version, image in images.items():
        assert f"MODELS={version}" in storage.config(image)["Env"]
        with storage.mounted(image) as root:
            assert [path.name for path in (root / "app" / "models").iterdir()] == [version]


def test_nothing_inside_can_write_and_nobody_is_root(images: dict[str, str], storage: Storage) -> None:
    """That the service answers above means something only if this container is as closed as one on Fargate."""
    image = images["v1"]
    attempt = "test $(id -u) = 10001 && ! touch /tmp/x /app/x /var/tmp/x 2>/dev/null"
    with storage.mounted(image) as root, started(root, storage.config(image), {}, ["sh", "-c", attempt]) as process:
        assert process.wait(30) == 0


def test_the_images_are_small(images: dict[str, str], storage: Storage) -> None:
    """A new task fetches its image before it serves. Docker's slim Python adds some 130 MB."""
    for image in images.values():
        with storage.mounted(image) as root:
            files = [path for folder in OURS for path in (root / folder).rglob("*") if not path.is_symlink()]
            assert sum(path.stat().st_size for path in files if path.is_file()) < 270e6


def test_neither_a_compiler_nor_telemetry_is_in_it(images: dict[str, str], storage: Storage) -> None:
    with storage.mounted(images["v1"]) as root:
        [packages] = (root / "opt" / "venv" / "lib").glob("python3*/site-packages")
        installed = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}

    assert {"openvino", "fastapi"} <= installed
    assert not {"openvino_telemetry", "torch", "boto3", "pip", "setuptools"} & installed


def test_the_context_that_a_person_gives_docker_holds_the_same(package: Path) -> None:
    """The Makefile copies by name what Dockerfile.dockerignore lets through."""
    for version in VERSIONS:
        copied = {path.name for path in (package / "contexts" / version / "model_service").iterdir()}
        code = {path.name for path in (ROOT / "model_service").glob("*.py")}
        assert copied == code | {"Dockerfile", "requirements.txt"}
        served = {path.name for path in (package / "contexts" / version / "models" / version).iterdir()}
        assert served == {"manifest.json", "model.xml", "model.bin"}
