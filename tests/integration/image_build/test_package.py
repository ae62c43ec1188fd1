"""The function's package: what changes it, for that is what makes CloudFormation ask for images."""

from pathlib import Path

from image_build import contexts
from tests.integration.image_build.conftest import VERSIONS, Checkout


def tags(package: Path) -> dict[str, str]:
    return {version: contexts.tag(version, folder) for version, folder in contexts.find(package / "contexts").items()}


def test_it_carries_a_context_for_each_version_and_what_codebuild_runs(package: Path) -> None:
    assert set(tags(package)) == set(VERSIONS)
    assert {path.name for path in (package / "image_build").iterdir()} >= {"handler.py", "builder.py", "build.sh"}
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 250e6, "Lambda's limit"


def test_a_changed_model_is_seen_although_builds_are_cached(checkout: Checkout, package: Path) -> None:
    """The models lie outside the function's folder; links within it let the SAM CLI see them change."""
    before = tags(package)
    weights = checkout.path / "models" / "v2" / "model.bin"
    kept = weights.read_bytes()

    weights.write_bytes(b"trained again")
    changed = tags(checkout.sam_build())
    weights.write_bytes(kept)
    back = tags(checkout.sam_build())

    assert {version for version in VERSIONS if changed[version] != before[version]} == {"v2"}
    assert back == before


def test_a_changed_service_changes_every_version(checkout: Checkout, package: Path) -> None:
    service = checkout.path / "model_service" / "routes.py"
    kept = service.read_text()

    service.write_text(kept + "\n# changed\n")
    changed = tags(checkout.sam_build())
    service.write_text(kept)

    assert all(changed[version] != tags(package)[version] for version in VERSIONS)


def test_what_a_run_leaves_behind_changes_nothing(checkout: Checkout, package: Path) -> None:
    """Two people deploy the same commit: one ran the service before, the other did not."""
    litter = checkout.path / "model_service" / "__pycache__" / "app.cpython-311.pyc"
    litter.parent.mkdir(exist_ok=True)
    litter.write_bytes(b"compiled")

    assert tags(checkout.sam_build()) == tags(package)
