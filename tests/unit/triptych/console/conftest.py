"""The console on a stack in moto, and a browser that is signed in to it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from records.assembly import with_verdict
from records.outcomes import Outcome
from records.record import Record
from records.table import RecordTable
from tests.support.pages import encode, page
from tests.support.uploads import policy, prediction, record, upload
from triptych.console.access import StackAccess
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.storage.connection import StackConnection

PORT, KEY = 8642, "the key of this start"
HOME = f"http://127.0.0.1:{PORT}"
AGREED: dict[str, Outcome] = {version: prediction() for version in ("v1", "v2", "v3")}
DISAGREED: dict[str, Outcome] = {
    "v1": prediction("invoice"),
    "v2": prediction("receipt"),
    "v3": prediction("receipt", 0.6),
}


@pytest.fixture
def console(stack: StackConnection) -> Iterator[Console]:
    console = Console(StackAccess(lambda: stack), user="ann", stack="moto")
    yield console
    console.close()


@pytest.fixture
def anonymous(console: Console) -> Iterator[TestClient]:
    """A browser that is not signed in."""
    app = create_app(console, port=PORT, key=KEY)
    with TestClient(app, base_url=HOME, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def browser(anonymous: TestClient) -> TestClient:
    """A browser that is signed in and sends requests from the console's own pages."""
    assert anonymous.get(f"/?key={KEY}").status_code == 303
    anonymous.headers["Origin"] = HOME
    return anonymous


def add_document(
    stack: StackConnection, key: str, outcomes: dict[str, Outcome], minutes_ago: int = 0, content: bytes = b""
) -> Record:
    """Store a document and its record. Verdicts that need no review are in the audit sample."""
    stored = stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=content or encode(page((60, 80)), "PNG"))
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes_ago)
    of = upload(key, bucket=stack.bucket, event_time=at, version_id=stored["VersionId"], size=12_345)
    made = with_verdict(record(outcomes, of=of, classified_at=at + timedelta(seconds=1)), policy(1, audit_share=1.0))
    RecordTable(stack.table).save(made, replacing=None)
    return made
