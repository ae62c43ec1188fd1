"""Decoder processes for tests."""

from collections.abc import Iterator

import pytest

from decoding.isolation import process
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from tests.support import hostile_decoder
from tests.support.pages import encode, page
from tests.support.polling import wait_until


@pytest.fixture(scope="module")
def module_pool() -> Iterator[DecoderPool]:
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def pool(module_pool: DecoderPool) -> DecoderPool:
    """A pool of one process that is ready.

    A document makes the pool replace a process that an earlier test killed, so that `pids` names the present one.
    """
    module_pool.wait_until_ready()
    module_pool.decode_batch(encode(page((8, 8)), "PNG"), Preprocessing(8, 8, "grey"), Limits())
    return module_pool


@pytest.fixture(scope="module")
def module_hostile_pool() -> Iterator[DecoderPool]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
        with DecoderPool(1) as pool:
            yield pool


@pytest.fixture
def hostile_pool(module_hostile_pool: DecoderPool) -> DecoderPool:
    """A pool of one process that hostile documents can take over."""
    wait_until(lambda: module_hostile_pool.outage_seconds() == 0)
    module_hostile_pool.wait_until_ready()
    return module_hostile_pool
