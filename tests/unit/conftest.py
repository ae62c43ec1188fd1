"""Fixtures of all unit tests."""

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.loaders import create_loader


@pytest.fixture(scope="session", autouse=True)
def _shared_service_models() -> Iterator[None]:
    """Load the models of AWS services once. Each boto3 session would load them again, which takes 0.2 seconds."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader)
        yield
