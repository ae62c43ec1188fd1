"""Protects: the Versions page compares replayed versions of the configured folder, and opens no other file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from records.record import Record
from tests.support.candidates import write_candidate
from tests.support.tiny_model import write_tiny_model
from tests.unit.triptych.console.conftest import AGREED, DISAGREED, HOME, KEY, PORT, add_document
from triptych.commands.candidates import CandidateFolder, read_replayed
from triptych.console.access import StackAccess
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.storage.connection import StackConnection


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))
    return tmp_path / "models"


@pytest.fixture
def records(stack: StackConnection) -> list[Record]:
    return [add_document(stack, f"{n}.pdf", DISAGREED if n % 2 else AGREED, minutes_ago=n) for n in range(4)]


@pytest.fixture
def browser(stack: StackConnection, folder: Path) -> Iterator[TestClient]:
    """A browser that is signed in to a console that offers the versions of the folder."""
    folder.mkdir()
    console = Console(StackAccess(lambda: stack), user="ann", stack="moto", candidates=CandidateFolder(folder))
    app = create_app(console, port=PORT, key=KEY)
    with TestClient(app, base_url=HOME, follow_redirects=False) as client:
        assert client.get(f"/?key={KEY}").status_code == 303
        yield client
    console.close()


def test_evidence_is_that_of_the_command(
    browser: TestClient, stack: StackConnection, folder: Path, records: list[Record]
) -> None:
    write_candidate(stack, folder / "v4", records, "receipt")
    assert '<option value="v4">v4</option>' in browser.get("/versions").text
    found = read_replayed(stack, folder / "v4").assess()
    page = browser.get("/versions/candidate", params={"name": "v4"}).text
    assert found.replayed == 4
    assert found.sentence in page
    assert f"{len(found.to_label)} disagreements have no label yet" in page
    assert "triptych review --with FOLDER/v4" in page


def test_only_replayed_versions_are_offered(
    browser: TestClient, stack: StackConnection, folder: Path, records: list[Record]
) -> None:
    assert "was replayed on this stack" in browser.get("/versions").text
    write_candidate(stack, folder / "v4", records, "receipt").unlink()
    write_tiny_model(folder, "v5")
    (folder / "notes").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "manifest.json").write_text("{}")
    assert "<option" not in browser.get("/versions").text


@pytest.mark.parametrize("name", ["../other/v4", "v5", "", ".", "v4/../v4", "/etc"])
def test_name_from_the_browser_is_never_used_as_a_path(
    browser: TestClient, stack: StackConnection, folder: Path, records: list[Record], name: str
) -> None:
    write_candidate(stack, folder / "v4", records, "receipt")
    write_candidate(stack, folder.parent / "other" / "v4", records, "receipt")
    answer = browser.get("/versions/candidate", params={"name": name}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "There is no replayed version" in answer.text


def test_console_without_a_folder_offers_nothing(console: Console) -> None:
    app = create_app(console, port=PORT, key=KEY)
    with TestClient(app, base_url=HOME, follow_redirects=False) as client:
        client.get(f"/?key={KEY}")
        assert "Candidate" not in client.get("/versions").text
        answer = client.get("/versions/candidate", params={"name": "v4"}, headers={"HX-Request": "true"})
        assert (answer.status_code, "--candidates FOLDER" in answer.text) == (409, True)
