"""Protects: the released versions in models/."""

from pathlib import Path

import httpx2
import pytest

from model_service.manifest import load
from tests.support.pages import encode, page
from tests.support.service import running_service

MODELS = Path(__file__).parents[3] / "models"
VERSIONS = [folder.name for folder in sorted(MODELS.glob("v*")) if (folder / "manifest.json").exists()]


@pytest.mark.skipif(not VERSIONS, reason="no trained version in models/ yet")
def test_every_released_version_is_valid_and_classifies() -> None:
    with running_service(MODELS, ",".join(VERSIONS)) as service:
        for version in VERSIONS:
            result = httpx2.post(f"{service.url}/{version}/predict", content=encode(page(), "JPEG"), timeout=30).json()

            manifest = load(MODELS / version)
            assert result["model"] == version
            assert tuple(result["probabilities"]) == manifest.labels
            assert result["model_sha256"] == manifest.sha256


@pytest.mark.skipif(not VERSIONS, reason="no trained version in models/ yet")
def test_all_versions_have_the_same_labels() -> None:
    assert len({load(MODELS / version).labels for version in VERSIONS}) == 1
