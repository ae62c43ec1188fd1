"""Tests of the sample documents: reproducible, equal to the committed files, and decoded as in `expected.json`."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from decoding.errors import DocumentError
from decoding.reader import decode_pages
from training.synthesis import samples

SAMPLES = Path(__file__).parents[4] / "samples"
COMMITTED = SAMPLES / samples.DOCUMENTS
EXPECTED: dict[str, Any] = json.loads((SAMPLES / samples.EXPECTED).read_text(encoding="utf-8"))


pytestmark = pytest.mark.xdist_group("samples")  # The documents are drawn once.


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    samples.write_samples(folder, seed=0)
    return folder / samples.DOCUMENTS


@pytest.mark.slow
def test_same_seed_writes_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    *documents, _ = samples.write_samples(tmp_path, seed=0)
    for file in documents:
        assert file.read_bytes() == (drawn / file.name).read_bytes(), file.name


def test_another_seed_draws_other_documents() -> None:
    for sample in samples.SAMPLES:
        if sample.name.endswith(".pdf"):  # The fastest to draw; the others use the same generator.
            assert sample.make(1) != sample.make(2)


def test_committed_files_are_those_of_the_generator() -> None:
    committed = {file.name for file in COMMITTED.iterdir() if not file.name.startswith(".")}

    assert committed == {sample.name for sample in samples.SAMPLES}
    assert list(EXPECTED) == [sample.name for sample in samples.SAMPLES]


def test_readme_lists_every_file_with_its_expected_result() -> None:
    rows = (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    for name, answer in EXPECTED.items():
        verdict = answer.get("label") or f"rejected: {answer['rejected']}"
        assert f"| {name} | {answer['shows']} | {verdict} |" in rows


def test_every_label_has_a_sample_and_the_total_size_is_small() -> None:
    assert {answer["label"] for answer in EXPECTED.values() if "label" in answer} == set(samples.SAMPLE_LABELS)
    assert sum(file.stat().st_size for file in COMMITTED.iterdir()) < 2_500_000


@pytest.mark.parametrize("name", EXPECTED)
def test_samples_are_decoded_or_rejected_as_expected(name: str, drawn: Path) -> None:
    answer = EXPECTED[name]
    for data in ((COMMITTED / name).read_bytes(), (drawn / name).read_bytes()):
        if "rejected" in answer:
            with pytest.raises(DocumentError) as rejection:
                decode_pages(data, min_side=224)
            assert rejection.value.problem == answer["rejected"]
        else:
            assert len(decode_pages(data, min_side=224)) == answer["pages"]


def test_sideways_photo_is_upright_only_with_its_exif_tag() -> None:
    data = (COMMITTED / "IMG_20240612_101503.jpg").read_bytes()
    lying = Image.open(io.BytesIO(data))
    upright = decode_pages(data, min_side=224)[0]

    assert lying.width > lying.height
    assert upright.height > upright.width


def test_letter_is_bilevel_group_4() -> None:
    with Image.open(COMMITTED / "letter.tif") as letter:
        assert (letter.mode, letter.info["compression"]) == ("1", "group4")


@pytest.mark.parametrize("label", sorted(samples.SAMPLE_LABELS))
def test_page_depends_on_its_seed_only(label: str) -> None:
    first, again, other = (samples.draw_page(label, seed, long_side=300) for seed in (11, 11, 12))

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("label", sorted(samples.SAMPLE_LABELS))
def test_long_side_determines_the_size(label: str) -> None:
    assert max(samples.draw_page(label, 0, condition="clean", long_side=640).size) == pytest.approx(640, abs=12)


def test_labels_are_those_of_the_models() -> None:
    for manifest in sorted((SAMPLES.parent / "models").glob("v*/manifest.json")):
        assert sorted(samples.SAMPLE_LABELS) == json.loads(manifest.read_text(encoding="utf-8"))["labels"]
