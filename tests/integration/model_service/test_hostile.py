"""A thousand broken and hostile files against the real process: each is answered, and the service stays as it was."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2

from tests.support.hostile import handmade, honest, mutations
from tests.support.service import ServiceProcess, running_service

MUTATIONS: Final = 1000
SEED: Final = 20261122
EXPECTED: Final = {200, 400, 413, 415, 422}
# What a Python process keeps of its arenas; a leak of a page a file would be ten times as much.
_KEPT: Final = 60 * 1024 * 1024


def answers(service: ServiceProcess, files: Iterable[tuple[str, bytes]]) -> dict[str, httpx2.Response]:
    with httpx2.Client(base_url=service.url, timeout=60) as client, ThreadPoolExecutor(4) as pool:
        sent = [(name, pool.submit(client.post, "/predict", content=data)) for name, data in files]
        return {name: answer.result() for name, answer in sent}


def test_a_thousand_broken_files(tiny_models: Path) -> None:
    with running_service(tiny_models, WORKERS="2", MAX_DECODE_SECONDS="5") as service:
        good = answers(service, honest().items())
        answers(service, handmade().items())  # the largest takes what the service will ever take
        before = service.memory()

        got = {**answers(service, handmade().items()), **answers(service, mutations(MUTATIONS, SEED))}

        odd = {name: answer.text for name, answer in got.items() if answer.status_code not in EXPECTED}
        assert not odd
        for answer in got.values():
            body = answer.json()
            if answer.status_code == 200:
                assert body["label"] in body["probabilities"]
            else:
                assert body["type"].startswith("urn:triptych:problem:")
                assert body["detail"]
        seen = Counter(answer.status_code for answer in got.values())
        assert len(got) == MUTATIONS + len(handmade())
        assert seen[200] > 100, "the mutations are too coarse to reach the decoders"
        assert seen[422] > 100, "the mutations are too gentle"
        assert httpx2.get(service.url + "/health/ready").status_code == 200
        assert not [line for line in service.log if line["level"] == "ERROR"]
        again = answers(service, honest().items())
        assert {name: answer.json()["probabilities"] for name, answer in again.items()} == {
            name: answer.json()["probabilities"] for name, answer in good.items()
        }
        assert service.memory() < before + _KEPT


def test_known_tricks_get_their_own_reason(service: ServiceProcess) -> None:
    files = handmade()
    expected = {
        "png-bomb": "decompression-bomb",
        "gif-bomb": "decompression-bomb",
        "jpeg-bomb": "decompression-bomb",
        "webp-bomb": "decompression-bomb",
        "pdf-image-bomb": "decompression-bomb",
        "pdf-encrypted": "encrypted-document",
        "pdf-pages-loop": "corrupt-document",
        "html": "unsupported-format",
        "elf": "unsupported-format",
        "nothing": "empty-document",
    }

    got = answers(service, ((name, files[name]) for name in expected))

    reasons = {name: str(answer.json().get("type", "")).rpartition(":")[2] for name, answer in got.items()}
    assert reasons == expected
