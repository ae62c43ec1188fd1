"""How often scaled decoding changes a verdict: `python -m benchmarks.service.scaling [FOLDER]`.

Every version in models/ scores each document twice: decoded as the service does, and decoded at full size (a PDF:
rendered at four times the size). The two differ only by the scaling.
"""

import argparse
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decoding import reader
from decoding.errors import DocumentError
from model_service.engine import Model, load_model
from training.synthesis.samples import SAMPLE_LABELS, draw_page

MODELS = Path(__file__).parents[2] / "models"
A4_AT_300_DPI = 3509
_FULL_SIZE = 1_000_000
_PDF_FACTOR = 4


@dataclass
class DecodingDifference:
    """Differences between two ways to decode the same documents.

    Attributes:
        documents: Number of documents.
        changed: Names of the documents with different labels.
        confidence: Absolute difference of the confidence in the served label, for each document.
        grey_levels: Mean absolute difference of the model's input (0 to 255), for each document.
    """

    documents: int = 0
    changed: list[str] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    grey_levels: list[float] = field(default_factory=list)


def compare(model: Model, documents: Iterable[tuple[str, bytes]]) -> DecodingDifference:
    """Score each document with both ways of decoding."""
    preprocessing, labels = model.manifest.input, model.manifest.labels
    found = DecodingDifference()
    for name, data in documents:
        full = preprocessing.min_side * _PDF_FACTOR if reader.sniff(data) == "PDF" else _FULL_SIZE
        try:
            served, full_size = (
                np.stack([preprocessing.apply(page) for page in reader.decode_pages(data, min_side=side)])
                for side in (preprocessing.min_side, full)
            )
        except DocumentError:
            continue
        first, second = model.score(served), model.score(full_size)
        best = int(first.argmax())
        found.documents += 1
        found.confidence.append(abs(float(first[best] - second[best])))
        found.grey_levels.append(float(np.abs(served.astype(np.int16) - full_size).mean()))
        if best != int(second.argmax()):
            found.changed.append(f"{name}: {labels[best]}, at full size {labels[int(second.argmax())]}")
    return found


def synthetic_documents(each: int) -> Iterator[tuple[str, bytes]]:
    """Yield JPEGs of synthetic pages of every label, A4 at 300 dpi, in the condition usual for the label."""
    for kind, seed in itertools.product(SAMPLE_LABELS, range(each)):
        file = io.BytesIO()
        draw_page(kind, 1000 + seed, long_side=A4_AT_300_DPI).save(file, "JPEG", quality=76)
        yield f"{kind}-{seed}", file.getvalue()


def documents_in(folder: Path, most: int) -> Iterator[tuple[str, bytes]]:
    """Yield at most about `most` documents of a folder, evenly spaced."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files[:: max(1, len(files) // most)]:
        data = path.read_bytes()
        if reader.sniff(data):
            yield path.name, data


def main() -> None:
    """Print the differences for each version and source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of further documents")
    parser.add_argument("--each", type=int, default=6, help="synthetic pages of each label")
    parser.add_argument("--most", type=int, default=600, help="maximum number of documents of the folder")
    arguments = parser.parse_args()
    sources = {"synthetic, A4 at 300 dpi": list(synthetic_documents(arguments.each))}
    if arguments.folder:
        sources[str(arguments.folder.name)] = list(documents_in(arguments.folder, arguments.most))
    for version in sorted(path.parent for path in MODELS.glob("*/manifest.json")):
        model = load_model(version)
        for source, documents in sources.items():
            found = compare(model, documents)
            print(
                f"{version.name}, {source}: {len(found.changed)} of {found.documents} verdicts changed; confidence "
                f"differs by {np.mean(found.confidence):.4f} (maximum {max(found.confidence):.3f}), "
                f"input by {np.mean(found.grey_levels):.2f} grey levels"
            )
            for change in found.changed:
                print("   ", change)


if __name__ == "__main__":
    main()
