"""Protects: a document can harm a process that has nothing, and no picture is made twice."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path

import pytest

from tests.support.pages import every_format, several_pages, slow_document
from triptych.console import page_process, pictures
from triptych.console.pictures import NoPicture, Pictures


@pytest.fixture
def made() -> Iterator[Pictures]:
    found = Pictures(processes=1)
    yield found
    found.close()


def processes(of: Pictures) -> list[int]:
    return [painter._process.pid for painter in of._free.queue if painter._process]


def test_every_format_that_is_classified_can_be_seen(made: Pictures) -> None:
    for name, content in every_format((310, 438)).items():
        [page] = made.of(name, "small", lambda content=content: content)  # type: ignore[misc]
        assert page.startswith(b"\xff\xd8\xff"), name


def test_a_picture_is_made_once_however_many_ask_at_once(made: Pictures) -> None:
    fetched: list[int] = []

    def fetch() -> bytes:
        fetched.append(1)
        return several_pages(2, "TIFF")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: made.of("a", "large", fetch), range(8)))
    assert len(fetched) == 1
    assert all(len(pages) == 2 for pages in answers)
    assert len(made.of("a", "small", fetch)) == 1  # a thumbnail is of the first page
    assert len(fetched) == 2


def test_a_document_that_takes_too_long_is_given_up_once_and_for_all(
    made: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.of("warm", "small", lambda: several_pages(1, "TIFF"))
    [before] = processes(made)
    monkeypatch.setattr(page_process, "SECONDS", 0.05)
    with pytest.raises(NoPicture, match="did not survive"):
        made.of("slow", "large", lambda: slow_document(8))
    monkeypatch.undo()
    assert made.of("next", "small", lambda: several_pages(1, "TIFF"))
    assert processes(made) != [before]
    with pytest.raises(NoPicture):
        made.of("slow", "large", lambda: pytest.fail("asked for it a second time"))


def test_a_process_that_dies_is_replaced(made: Pictures) -> None:
    made.of("warm", "small", lambda: several_pages(1, "TIFF"))
    os.kill(processes(made)[0], signal.SIGKILL)
    with pytest.raises(NoPicture):
        made.of("unlucky", "small", lambda: several_pages(1, "TIFF"))
    assert made.of("next", "small", lambda: several_pages(1, "TIFF"))


def test_it_has_no_credentials(made: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    made.of("warm", "small", lambda: several_pages(1, "TIFF"))
    [process] = processes(made)
    assert b"AWS" not in Path(f"/proc/{process}/environ").read_bytes()


def test_what_fetching_raises_is_not_remembered(made: Pictures) -> None:
    def throttled() -> bytes:
        raise OSError("SlowDown")

    with pytest.raises(OSError, match="SlowDown"):
        made.of("a", "small", throttled)
    assert made.of("a", "small", lambda: several_pages(1, "TIFF"))


def test_only_so_many_bytes_are_remembered() -> None:
    few = Pictures(processes=1, max_bytes=120_000)
    try:
        sizes = []
        for number in range(12):
            few.of(str(number), "large", lambda: several_pages(1, "TIFF"))
            sizes.append(few._bytes)
        assert max(sizes) <= 120_000
        assert 0 < len(few._known) < 12
    finally:
        few.close()


@pytest.mark.parametrize("said", [b"{}", b'{"pages": 99, "truncated": false}', b"[1]", b"not json", b'{"pages": "1"}'])
def test_a_process_that_was_taken_over_is_not_believed(
    made: Pictures, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(pictures._Painter, "_message", lambda *_: said)
    monkeypatch.setattr(pictures._Painter, "_start", _started)
    with pytest.raises(NoPicture):
        made.of("a", "small", lambda: b"")


def _started(self: pictures._Painter) -> None:
    self._pipe, _ = Pipe()
