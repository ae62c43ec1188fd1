"""Protects: documents that take long to decode do not delay ordinary ones, and are classified as well."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx2
import psutil
import pytest

from testkit.slow_documents import slow_pdf
from tests.support.pages import encode, page
from tests.support.polling import wait_until
from tests.support.service import metric, running_service
from tests.support.tiny_model import write_tiny_model

_SLOW = [slow_pdf(1_000, seed) for seed in range(4)]
_ORDINARY = encode(page((80, 120)), "PNG")


@pytest.mark.parametrize("max_slow", ["4", "0"])
def test_ordinary_documents_are_classified_before_slow_ones_that_came_first(tmp_path: Path, max_slow: str) -> None:
    write_tiny_model(tmp_path, size=(256, 256))
    with (
        running_service(tmp_path, WORKERS="1", MAX_SLOW=max_slow, MAX_TIMEOUT_MS="120000") as service,
        ThreadPoolExecutor(10) as callers,
    ):
        wait_until(lambda: len(service.decoders()) == 1 + int(max_slow), 120)

        def classify(document: bytes) -> int:
            return httpx2.post(f"{service.url}/predict", content=document, timeout=120).status_code

        def is_decoding() -> bool:
            return any(decoder.cpu_times().user > before[decoder] + 0.02 for decoder in before)

        def all_have_arrived() -> bool:
            return metric(service, "triptych_in_flight") + sum(each.done() for each in kinds) >= len(_SLOW)

        before: dict[psutil.Process, float] = {each: each.cpu_times().user for each in service.decoders()}
        kinds = {callers.submit(classify, document): "slow" for document in _SLOW}
        wait_until(is_decoding)
        wait_until(all_have_arrived)
        kinds |= {callers.submit(classify, _ORDINARY): "ordinary" for _ in range(6)}

        ended = list(as_completed(kinds))

    assert {future.result() for future in ended} == {200}
    order = [kinds[future] for future in ended]
    assert order == sorted(order, reverse=max_slow == "0")
