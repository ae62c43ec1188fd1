"""Protects: pictures are decoded in processes without credentials, rendered once, and no document is blamed wrongly."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from decoding.isolation import process
from decoding.limits import Limits
from tests.support import hostile_decoder
from tests.support.hostile_decoder import START_VARIABLE, hostile_document
from tests.support.pages import every_format, several_pages
from tests.support.polling import wait_until
from triptych.console import pictures
from triptych.console.pictures import PictureCache, PictureUnavailable

DOCUMENT = several_pages(1, "TIFF")


@pytest.fixture
def cache() -> Iterator[PictureCache]:
    cache = PictureCache(processes=1)
    yield cache
    cache.close()


@pytest.fixture
def hostile_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureCache]:
    """A cache whose decoder processes hostile documents can take over."""
    monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
    cache = PictureCache(processes=1, limits=Limits(max_seconds=2))
    yield cache
    cache.close()


def pids(cache: PictureCache) -> list[int]:
    return cache.decoders.pids


def no_fetch() -> bytes:
    pytest.fail("the document was fetched again")


def test_every_supported_format_has_a_picture(cache: PictureCache) -> None:
    for name, content in every_format((310, 438)).items():
        [page] = cache.get(name, "small", lambda content=content: content)  # type: ignore[misc]
        assert page.startswith(b"\xff\xd8\xff"), name


def test_concurrent_requests_render_a_picture_once(cache: PictureCache) -> None:
    fetched: list[int] = []

    def fetch() -> bytes:
        fetched.append(1)
        return several_pages(2, "TIFF")

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: cache.get("a", "large", fetch), range(8)))

    assert len(fetched) == 1
    assert all(len(pages) == 2 for pages in results)
    assert len(cache.get("a", "small", fetch)) == 1, "a thumbnail shows the first page"
    assert len(fetched) == 2


@pytest.mark.parametrize("behaviour", ["sleep", "exit"])
def test_a_document_that_fails_its_decoder_is_remembered_for_a_bounded_time(
    hostile_cache: PictureCache, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    hostile_cache.get("first", "small", lambda: DOCUMENT)
    [before] = pids(hostile_cache)

    with pytest.raises(PictureUnavailable):
        hostile_cache.get("hostile", "large", lambda: hostile_document(behaviour))

    assert hostile_cache.get("next", "small", lambda: DOCUMENT)
    assert pids(hostile_cache) != [before]
    with pytest.raises(PictureUnavailable):
        hostile_cache.get("hostile", "large", no_fetch)
    later = time.monotonic() + pictures.FAILURE_SECONDS
    monkeypatch.setattr(pictures, "time", SimpleNamespace(monotonic=lambda: later))
    assert hostile_cache.get("hostile", "large", lambda: DOCUMENT)


def test_a_process_killed_while_idle_costs_no_document(cache: PictureCache) -> None:
    cache.get("first", "small", lambda: DOCUMENT)
    os.kill(pids(cache)[0], signal.SIGKILL)

    assert cache.get("second", "small", lambda: DOCUMENT)


def test_processes_that_fail_to_start_are_not_remembered_against_a_document(
    hostile_cache: PictureCache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.write_text("exit")
    monkeypatch.setenv(START_VARIABLE, str(state))
    monkeypatch.setattr("decoding.isolation.start_threads.RETRY_SECONDS", 0)
    for _ in range(2):
        with pytest.raises(PictureUnavailable, match="Try again"):
            hostile_cache.get("a", "small", lambda: DOCUMENT)
    state.unlink()

    with pytest.raises(PictureUnavailable, match="Try again"):
        hostile_cache.get("a", "small", lambda: DOCUMENT)  # a process is starting again
    wait_until(lambda: bool(pids(hostile_cache)))
    assert hostile_cache.get("a", "small", lambda: DOCUMENT)


def test_decoder_processes_have_no_credentials(cache: PictureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    cache.get("a", "small", lambda: DOCUMENT)
    [pid] = pids(cache)

    assert b"AWS" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_an_error_while_fetching_is_not_remembered(cache: PictureCache) -> None:
    def throttled() -> bytes:
        raise OSError("SlowDown")

    with pytest.raises(OSError, match="SlowDown"):
        cache.get("a", "small", throttled)
    assert cache.get("a", "small", lambda: DOCUMENT)


def test_the_cached_bytes_are_bounded() -> None:
    cache = PictureCache(processes=1, max_bytes=120_000)
    try:
        sizes = []
        for number in range(12):
            cache.get(str(number), "large", lambda: DOCUMENT)
            sizes.append(cache.cached_bytes)
        assert max(sizes) <= 120_000
        assert 0 < len(cache) < 12
    finally:
        cache.close()


def test_the_number_of_remembered_failures_is_bounded(cache: PictureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MAX_ENTRIES", 3)
    for number in range(5):
        with pytest.raises(PictureUnavailable):
            cache.get(str(number), "small", lambda: b"\x00 not a document")

    assert len(cache) == 3


def test_closing_is_not_blocked_by_a_process_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
    cache = PictureCache(processes=1, limits=Limits(max_seconds=60))
    cache.get("first", "small", lambda: DOCUMENT)
    with ThreadPoolExecutor(1) as pool:
        picture = pool.submit(cache.get, "hostile", "small", lambda: hostile_document("sleep"))
        wait_until(lambda: cache.decoders.busy == 1)

        cache.close()

        with pytest.raises(PictureUnavailable):
            picture.result(timeout=10)
