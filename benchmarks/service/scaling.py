"""How often does scaled decoding change a verdict? `python -m benchmarks.service.scaling [FOLDER]`.

Every document is scored twice by every version in models/: decoded as it is served, and decoded in full (a PDF:
rendered at four times the size). What differs between the two is scaling alone.
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
from training.synthesis.documents import pages

MODELS = Path(__file__).parents[2] / "models"
A4_AT_300_DPI = 3509
_IN_FULL = 1_000_000
_PDF_TIMES = 4


@dataclass
class Difference:
    """Between two ways to decode the same documents."""

    documents: int = 0
    changed: list[str] = field(default_factory=list)
    """Names of documents with another label."""
    confidence: list[float] = field(default_factory=list)
    """Absolute difference of the confidence in the label served."""
    grey_levels: list[float] = field(default_factory=list)
    """Mean absolute difference of the model's input, of 255."""


def compare(model: Model, documents: Iterable[tuple[str, bytes]]) -> Difference:
    """Score each document both ways."""
    preprocessing, labels = model.manifest.input, model.manifest.labels
    found = Difference()
    for name, data in documents:
        full = preprocessing.min_side * _PDF_TIMES if reader.sniff(data) == "PDF" else _IN_FULL
        try:
            served, whole = (
                np.stack([preprocessing.apply(page) for page in reader.decode_pages(data, min_side=side)])
                for side in (preprocessing.min_side, full)
            )
        except DocumentError:
            continue
        first, second = model.score(served), model.score(whole)
        best = int(first.argmax())
        found.documents += 1
        found.confidence.append(abs(float(first[best] - second[best])))
        found.grey_levels.append(float(np.abs(served.astype(np.int16) - whole).mean()))
        if best != int(second.argmax()):
            found.changed.append(f"{name}: {labels[best]}, in full {labels[int(second.argmax())]}")
    return found


def drawn(each: int) -> Iterator[tuple[str, bytes]]:
    """Pages of every label, A4 at 300 dpi, as their label usually arrives; JPEGs."""
    for kind, seed in itertools.product(pages.KINDS, range(each)):
        file = io.BytesIO()
        pages.draw(kind, 1000 + seed, long_side=A4_AT_300_DPI).save(file, "JPEG", quality=76)
        yield f"{kind}-{seed}", file.getvalue()


def kept(folder: Path, most: int) -> Iterator[tuple[str, bytes]]:
    """Documents of a folder, evenly chosen."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files[:: max(1, len(files) // most)]:
        data = path.read_bytes()
        if reader.sniff(data):
            yield path.name, data


def main() -> None:
    """Print the rate for each version and source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="of further documents")
    parser.add_argument("--each", type=int, default=6, help="pages drawn of each label")
    parser.add_argument("--most", type=int, default=600, help="documents of the folder")
    arguments = parser.parse_args()
    sources = {"drawn, A4 at 300 dpi": list(drawn(arguments.each))}
    if arguments.folder:
        sources[str(arguments.folder.name)] = list(kept(arguments.folder, arguments.most))
    for version in sorted(path.parent for path in MODELS.glob("*/manifest.json")):
        model = load_model(version)
        for source, documents in sources.items():
            found = compare(model, documents)
            print(
                f"{version.name}, {source}: {len(found.changed)} of {found.documents} verdicts changed; confidence "
                f"differs by {np.mean(found.confidence):.4f} (at most {max(found.confidence):.3f}), "
                f"input by {np.mean(found.grey_levels):.2f} grey levels"
            )
            for change in found.changed:
                print("   ", change)


if __name__ == "__main__":
    main()
