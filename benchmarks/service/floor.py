"""The lower bound: scaled decoding and inference in one process, without a server."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decoding.batch import decode_batch
from decoding.limits import Limits
from decoding.orientation import turn_pages
from model_service.cpus import available_cpus
from model_service.engine import load_model
from model_service.orientation import corrections_of, load_orienter
from model_service.settings import ServiceSettings


class Floor:
    """The engine and decoding of the service, called directly.

    Args:
        folder: Folder of the network.
        name: Name in tables.
    """

    def __init__(self, folder: Path, *, name: str = "the floor: no server") -> None:
        self.name: Final = name
        self._model = load_model(folder, concurrency=available_cpus())
        self._preprocessing = self._model.manifest.input
        self._orient = load_orienter(concurrency=available_cpus())

    def probabilities(self, document: bytes) -> dict[str, float]:
        """Return the probability of each label."""
        return dict(zip(self._model.manifest.labels, self._classify(document).tolist(), strict=True))

    def sequential(self, documents: Sequence[bytes], count: int) -> list[float]:
        """Classify documents sequentially; return the milliseconds of each."""
        latencies = []
        for document in itertools.islice(itertools.cycle(documents), count):
            started = time.perf_counter()
            self._classify(document, alone=True)
            latencies.append((time.perf_counter() - started) * 1000)
        return latencies

    def saturate(self, documents: Sequence[bytes], seconds: float) -> float:
        """Return the documents per second with as many threads as the service processes documents."""
        threads = ServiceSettings().places
        started = time.perf_counter()

        def worker(first: int) -> int:
            done = 0
            for document in itertools.islice(itertools.cycle(documents), first, None):
                self._classify(document)
                done += 1
                if time.perf_counter() > started + seconds:
                    break
            return done

        with ThreadPoolExecutor(threads) as pool:
            done = sum(pool.map(worker, range(threads)))
        return done / (time.perf_counter() - started)

    @staticmethod
    def cpu_seconds() -> float:
        """Return the CPU time of this process so far."""
        return time.process_time()

    def _classify(self, document: bytes, *, alone: bool = False) -> NDArray[np.float64]:
        batch = decode_batch(document, self._preprocessing, Limits())
        rotated = corrections_of(batch, self._orient, alone=alone)
        return self._model.score(turn_pages(batch.pixels, rotated), alone=alone)
