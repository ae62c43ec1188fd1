"""A verdict may not depend on the processor that a task happens to start on."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys, time
from pathlib import Path
from model_service.classifier import Classifier
from model_service.engine import load_model
from decoding.errors import DocumentError
from decoding.limits import Limits

served = {name: load_model(Path("models") / name) for name in ("v1", "v2", "v3")}
classifier = Classifier(served, Limits())
said = {}
for file in sorted(Path("samples/documents").glob("*.jpg")):
    try:
        for name, model in served.items():
            answer = classifier.classify(file.read_bytes(), model, since=time.perf_counter())
            said[f"{file.name} {name}"] = answer.probabilities
    except DocumentError:
        pass
json.dump(said, sys.stdout)
"""


def _answers(instructions: str) -> dict[str, dict[str, float]]:
    """What every released version says of the samples where no newer instructions may be used."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    answers: dict[str, dict[str, float]] = json.loads(done.stdout)
    return answers


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 instruction sets")
def test_older_processors_say_the_same() -> None:
    """From AVX2, which every host of Fargate has, to whatever this machine offers."""
    newest, oldest = _answers("ALL"), _answers("AVX2")
    assert len(newest) >= 15
    assert newest.keys() == oldest.keys()
    for document, probabilities in newest.items():
        assert oldest[document] == pytest.approx(probabilities, abs=1e-3), document
        assert max(probabilities, key=probabilities.__getitem__) == max(
            oldest[document], key=oldest[document].__getitem__
        )
