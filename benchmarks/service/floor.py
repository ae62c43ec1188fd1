"""The floor: scaled decoding and inference alone, in one process, with nobody to talk to."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from decoding.batch import decode_batch
from decoding.limits import Limits
from model_service.cpus import available_cpus
from model_service.engine import load_model


class Floor:
    """The service's own engine and decoding, without the service around them."""

    name: Final = "the floor: no server"

    def __init__(self, folder: Path) -> None:
        self._model = load_model(folder, concurrency=available_cpus())
        self._preprocessing = self._model.manifest.input

    def one_by_one(self, documents: Sequence[bytes], count: int) -> list[float]:
        """Milliseconds of each of some documents."""
        took = []
        for document in itertools.islice(itertools.cycle(documents), count):
            started = time.perf_counter()
            self._classify(document, alone=True)
            took.append((time.perf_counter() - started) * 1000)
        return took

    def saturate(self, documents: Sequence[bytes], seconds: float) -> float:
        """Documents a second, with a thread a core."""
        stop_at = time.perf_counter() + seconds

        def worker(first: int) -> int:
            done = 0
            for document in itertools.islice(itertools.cycle(documents), first, None):
                self._classify(document)
                if time.perf_counter() > stop_at:
                    break
                done += 1
            return done

        with ThreadPoolExecutor(available_cpus()) as pool:
            return sum(pool.map(worker, range(available_cpus()))) / seconds

    @staticmethod
    def cpu_seconds() -> float:
        """CPU time of this process so far."""
        return time.process_time()

    def _classify(self, document: bytes, *, alone: bool = False) -> None:
        self._model.score(decode_batch(document, self._preprocessing, Limits()).pixels, alone=alone)
