"""Measure what the filter of system calls costs a decoder process: `python -m benchmarks.service.sandbox`.

Two processes decode the same documents in turn, one with the filter and one without. Their CPU times are compared, so
that other load on the machine affects both alike.
"""

import argparse
import io
import json
import subprocess
import sys
import time

from PIL import Image

from decoding.batch import decode_batch
from decoding.isolation.system_calls import deny_network_and_programs
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing

_DOCUMENTS = 40
"""Documents that a process decodes in one round."""


def main() -> None:
    """Print the CPU time of a document with and without the filter, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each process (default 10)")
    parser.add_argument("--worker", choices=("with", "without"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(_measure(filtered=arguments.worker == "with")))
        return
    best = {"with": float("inf"), "without": float("inf")}
    for _ in range(arguments.rounds):
        for kind in best:
            command = [sys.executable, "-m", "benchmarks.service.sandbox", "--worker", kind]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            best[kind] = min(best[kind], json.loads(answer))
    for kind, seconds in best.items():
        print(f"{kind:8} filter: {seconds * 1000:.3f} ms of CPU time for a document (best of {arguments.rounds})")
    print(f"ratio: {best['with'] / best['without']:.3f}")


def _measure(*, filtered: bool) -> float:
    """Return the CPU seconds of one document in this process."""
    document = io.BytesIO()
    Image.effect_noise((1654, 2339), 40).save(document, "JPEG", quality=76)
    if filtered and not deny_network_and_programs():
        sys.exit("This system offers no filter of system calls.")
    preprocessing, limits = Preprocessing(224, 224, "rgb"), Limits()
    decode_batch(document.getvalue(), preprocessing, limits)
    started = time.process_time()
    for _ in range(_DOCUMENTS):
        decode_batch(document.getvalue(), preprocessing, limits)
    return (time.process_time() - started) / _DOCUMENTS


if __name__ == "__main__":
    main()
