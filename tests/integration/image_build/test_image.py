"""The images, built by the commands that CodeBuild runs, and started with the restrictions of Fargate.

The tests take two to four minutes, and two more the first time to make a base image. They need Debian's buildah and
debootstrap (`apt-get install buildah debootstrap`) and are skipped without them.
"""

import re
from pathlib import Path

import httpx2
import pytest

from testkit.template import ROOT, template
from tests.support.checkouts import VERSIONS
from tests.support.containers import Storage, run_container, size_of, wait_ready
from triptych.stack import ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("images")]

DOCUMENT = ROOT / "samples" / "documents" / "application-form.png"
ADDED = ("opt/venv", "app", "usr/share/fonts")
"""What the Dockerfile adds to its base image."""


@pytest.mark.parametrize("version", VERSIONS)
def test_container_answers_predict_requests(images: dict[str, str], storage: Storage, version: str) -> None:
    port = ports.choose_port(18080)
    url = f"http://127.0.0.1:{port}"
    config = storage.config(images[version])
    settings = {"MODELS": version, "HOST": "127.0.0.1", "PORT": str(port)}
    with storage.mounted(images[version]) as root, run_container(root, config, settings) as process:
        wait_ready(url, process)

        response = httpx2.post(f"{url}/{version}/predict", content=DOCUMENT.read_bytes(), timeout=30, trust_env=False)

        assert response.status_code == 200
        assert (response.json()["model"], response.json()["label"]) == (version, "form")
        assert run_health_check(version, port, root, config) == 0


def run_health_check(version: str, port: int, root: Path, config: dict[str, object]) -> int:
    """Run the container's health check from the template inside the container, and return its exit code."""
    [container] = template()["Resources"][f"Task{version.upper()}"]["Properties"]["ContainerDefinitions"]
    kind, *command = container["HealthCheck"]["Command"]
    assert kind == "CMD"
    with run_container(root, config, {}, [part.replace("8080", str(port)) for part in command]) as process:
        return process.wait(30)


def test_image_contains_and_serves_its_own_version_by_default(images: dict[str, str], storage: Storage) -> None:
    for version, image in images.items():
        assert f"MODELS={version}" in storage.config(image)["Env"]
        with storage.mounted(image) as root:
            assert [path.name for path in (root / "app" / "models").iterdir()] == [version]


def test_container_runs_without_root_on_a_read_only_file_system(images: dict[str, str], storage: Storage) -> None:
    """The other tests are valid only if this container is as restricted as one on Fargate."""
    image = images["v1"]
    attempt = "test $(id -u) = 10001 && ! touch /tmp/x /app/x /var/tmp/x 2>/dev/null"
    command = ["sh", "-c", attempt]
    with storage.mounted(image) as root, run_container(root, storage.config(image), {}, command) as process:
        assert process.wait(30) == 0


def test_image_adds_less_than_270_mb_to_its_base(images: dict[str, str], storage: Storage) -> None:
    """A new task downloads its image before it serves. Docker's slim Python is another 130 MB."""
    for image in images.values():
        with storage.mounted(image) as root:
            assert size_of(root, ADDED) < 270e6


def test_image_contains_a_font_for_text_that_pdfs_do_not_embed(images: dict[str, str], storage: Storage) -> None:
    with storage.mounted(images["v1"]) as root:
        assert (root / "usr/share/fonts/truetype/wqy/wqy-microhei.ttc").stat().st_size > 4_000_000


def test_image_contains_no_telemetry_and_no_build_tools(images: dict[str, str], storage: Storage) -> None:
    with storage.mounted(images["v1"]) as root:
        [packages] = (root / "opt" / "venv" / "lib").glob("python3*/site-packages")
        installed = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}

    assert {"openvino", "fastapi"} <= installed
    assert not {"openvino_telemetry", "torch", "pip", "setuptools"} & installed


def test_image_contains_the_audited_packages_and_no_others(images: dict[str, str], storage: Storage) -> None:
    """`make audit` looks up the pins, so that an image must not contain anything else."""
    with storage.mounted(images["v1"]) as root:
        [packages] = (root / "opt" / "venv" / "lib").glob("python3*/site-packages")
        installed = {path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info")}

    pins = (ROOT / "model_service" / "requirements.txt").read_text("utf-8").splitlines()
    pinned = {line.replace("==", "-") for line in pins if line and not line.startswith("#")}
    assert {normalized(name) for name in installed} == {normalized(name) for name in pinned}


def normalized(name: str) -> str:
    """Return the name and version of a distribution in the normal form of Python packaging."""
    return re.sub(r"[-_.]+", "-", name).lower()
