"""Protects: probabilities do not depend on the processor of a host."""

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
from PIL import Image
from model_service.classifier import Classifier
from model_service.engine import load_model
from model_service.orientation import UprightScreen
from decoding.errors import DocumentError
from decoding.limits import Limits
from decoding.orientation import orientation_view

served = {name: load_model(Path("models") / name) for name in ("v1", "v2", "v3")}
classifier = Classifier(served, Limits())
results = {}
for file in sorted(Path("samples/documents").glob("*.jpg")):
    try:
        for name, model in served.items():
            result = classifier.classify(file.read_bytes(), model, since=time.perf_counter())
            results[f"{file.name} {name}"] = result.probabilities
    except DocumentError:
        pass
screen = UprightScreen()
for file in sorted(Path("samples/documents").glob("*.png")):
    upright = float(screen.probabilities(orientation_view(Image.open(file))[None])[0])
    results[f"{file.name} upright"] = {"upright": upright, "other": 1 - upright}
json.dump(results, sys.stdout)
"""


def _classify(instructions: str) -> dict[str, dict[str, float]]:
    """Classify samples and recognise upright ones, with instructions up to the given set."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    results: dict[str, dict[str, float]] = json.loads(done.stdout)
    return results


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 instruction sets")
def test_older_instruction_sets_yield_the_same_probabilities() -> None:
    """AVX2, which every host of Fargate has, is compared with the newest set of this machine."""
    newest, oldest = _classify("ALL"), _classify("AVX2")
    assert len(newest) >= 15
    assert newest.keys() == oldest.keys()
    for document, probabilities in newest.items():
        assert oldest[document] == pytest.approx(probabilities, abs=1e-5), document
        assert max(probabilities, key=probabilities.__getitem__) == max(
            oldest[document], key=oldest[document].__getitem__
        )
