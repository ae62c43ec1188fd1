"""The image builder's package: what it contains, and which changes make CloudFormation request new images."""

from pathlib import Path

import pytest

from image_build import contexts
from testkit.template import ROOT
from tests.support.checkouts import SERVED_FILES, VERSIONS, Checkout, relative_files

CONVERTER, SHARED = "converter", "shared"
SIZE_LIMIT = 250e6
"""Bytes that the unzipped package of a Lambda function may have."""


def tags(package: Path) -> dict[str, str]:
    folders = contexts.by_name(package / "contexts")
    return {name: contexts.image_tag(name, folder) for name, folder in folders.items()}


def sources(folder: str) -> set[str]:
    """Return the files of a package that an image needs: all but compiled and descriptive ones."""
    left_out = ("py.typed", "Dockerfile", "Dockerfile.dockerignore")
    return {
        f"{folder}/{name}"
        for name in relative_files(ROOT / folder)
        if "__pycache__" not in name and not name.endswith((".md", *left_out))
    }


def test_package_contains_a_context_for_each_image_and_the_builder(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == {"contexts", "image_build"}
    assert relative_files(package / "image_build") == {
        *(path.name for path in (ROOT / "image_build").glob("*.py")),
        "build.sh",
    }
    assert set(tags(package)) == {*VERSIONS, SHARED, CONVERTER}
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < SIZE_LIMIT


def test_context_of_a_version_contains_service_decoding_and_its_model(package: Path) -> None:
    """Every file of the packages, so that data files such as networks are not forgotten."""
    for version in VERSIONS:
        assert relative_files(package / "contexts" / version) == {
            "Dockerfile",
            *sources("model_service"),
            *sources("decoding"),
            *(f"models/{version}/{name}" for name in SERVED_FILES),
        }


def test_shared_context_differs_from_that_of_a_version_in_its_models(package: Path) -> None:
    of_v1, shared = (relative_files(package / "contexts" / name) for name in ("v1", SHARED))
    models = {f"models/{version}/{name}" for version in VERSIONS for name in SERVED_FILES}
    assert shared == of_v1 | models


def test_context_of_the_converter_contains_no_model(package: Path) -> None:
    assert relative_files(package / "contexts" / "converter") == {
        "Dockerfile",
        *sources("converter"),
        *sources("decoding"),
        *(f"model_service/{path.name}" for path in (ROOT / "model_service").glob("*.py")),
    }


@pytest.mark.slow
def test_cached_build_picks_up_a_changed_model(checkout: Checkout, package: Path) -> None:
    """`sam build --cached` compares the function's folder, so models/ must be linked into it."""
    with checkout.changed("models/v2/model.bin"):
        changed = tags(checkout.sam_build("ImageBuilder"))
    restored = tags(checkout.sam_build("ImageBuilder"))

    assert {name for name, tag in tags(package).items() if changed[name] != tag} == {"v2", SHARED}
    assert restored == tags(package)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "images"),
    [
        ("model_service/routes.py", {*VERSIONS, SHARED, CONVERTER}),
        ("decoding/isolation/worker.py", {*VERSIONS, SHARED, CONVERTER}),
        ("model_service/orientation_network/graph.xml", {*VERSIONS, SHARED}),
        ("converter/worker.py", {CONVERTER}),
    ],
)
def test_changed_code_changes_the_tags_of_its_images(
    checkout: Checkout, package: Path, module: str, images: set[str]
) -> None:
    with checkout.changed(module):
        changed = tags(checkout.sam_build("ImageBuilder"))

    assert {name for name, tag in tags(package).items() if changed[name] != tag} == images


@pytest.mark.slow
def test_compiled_files_do_not_change_the_tags(checkout: Checkout, package: Path) -> None:
    """Two checkouts of one commit give the same tags, whether or not the service has run in them."""
    compiled = checkout.path / "model_service" / "__pycache__" / "app.cpython-311.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"compiled")

    assert tags(checkout.sam_build("ImageBuilder")) == tags(package)
