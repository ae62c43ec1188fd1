"""The versions of this repository, as they are shipped."""

from pathlib import Path

import httpx2
import pytest

from model_service.manifest import load
from tests.support.pages import encode, page
from tests.support.service import running_service

MODELS = Path(__file__).parents[3] / "models"
VERSIONS = [folder.name for folder in sorted(MODELS.glob("v*")) if (folder / "manifest.json").exists()]


@pytest.mark.skipif(not VERSIONS, reason="no trained version in models/ yet")
def test_every_shipped_version_is_sound_and_answers() -> None:
    with running_service(MODELS, ",".join(VERSIONS)) as service:
        for version in VERSIONS:
            said = httpx2.post(f"{service.url}/{version}/predict", content=encode(page(), "JPEG"), timeout=30).json()

            manifest = load(MODELS / version)
            assert said["model"] == version
            assert tuple(said["probabilities"]) == manifest.labels
            assert said["model_sha256"] == manifest.sha256


@pytest.mark.skipif(not VERSIONS, reason="no trained version in models/ yet")
def test_all_versions_know_the_same_labels() -> None:
    assert len({load(MODELS / version).labels for version in VERSIONS}) == 1
