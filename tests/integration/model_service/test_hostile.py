"""Protects: broken and hostile files get a response each, and do not change the service."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2

from tests.support.hostile import attacks, mutations, valid_files
from tests.support.polling import wait_until
from tests.support.service import ServiceProcess, running_service

MUTATIONS: Final = 60
ALL_MUTATIONS: Final = 1000
"""Number of mutations with `--full`."""
SEED: Final = 20261122
EXPECTED: Final = {200, 400, 413, 415, 422}
# Memory that a Python process may retain; leaking a page per file would be more than three times as much.
_RETAINED: Final = 60 * 1024 * 1024


def responses(service: ServiceProcess, files: Iterable[tuple[str, bytes]]) -> dict[str, httpx2.Response]:
    with httpx2.Client(base_url=service.url, timeout=60) as client, ThreadPoolExecutor(4) as pool:
        sent = [(name, pool.submit(client.post, "/predict", content=data)) for name, data in files]
        return {name: response.result() for name, response in sent}


def test_broken_files_are_rejected_and_leave_the_service_unchanged(tiny_models: Path, full: bool) -> None:
    count = ALL_MUTATIONS if full else MUTATIONS
    with running_service(tiny_models, WORKERS="2", MAX_DECODE_SECONDS="5") as service:
        first = responses(service, valid_files().items())
        responses(service, attacks().items())  # the largest one determines the memory of the service
        before = service.memory()

        got = {**responses(service, attacks().items()), **responses(service, mutations(count, SEED))}

        unexpected = {name: response.text for name, response in got.items() if response.status_code not in EXPECTED}
        assert not unexpected
        for response in got.values():
            body = response.json()
            if response.status_code == 200:
                assert body["label"] in body["probabilities"]
            else:
                assert body["type"].startswith("urn:triptych:problem:")
                assert body["detail"]
        seen = Counter(response.status_code for response in got.values())
        assert len(got) == count + len(attacks())
        assert seen[200] > count / 10, "the mutations are too strong to reach the decoders"
        assert seen[422] > count / 10, "the mutations are too weak"
        assert httpx2.get(service.url + "/health/ready").status_code == 200
        assert not [line for line in service.log if line["level"] == "ERROR"]
        again = responses(service, valid_files().items())
        assert {name: response.json()["probabilities"] for name, response in again.items()} == {
            name: response.json()["probabilities"] for name, response in first.items()
        }
        wait_until(lambda: service.memory() < before + _RETAINED)  # idle decoders return theirs after ten seconds


def test_known_attacks_are_rejected_with_their_reason(service: ServiceProcess) -> None:
    files = attacks()
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

    got = responses(service, ((name, files[name]) for name in expected))

    reasons = {name: str(response.json().get("type", "")).rpartition(":")[2] for name, response in got.items()}
    assert reasons == expected
