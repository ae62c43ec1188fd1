"""Protects: two spellings of a label are one label."""

import json

import pytest

from orchestrator.answers import read_prediction
from records.labels import check_new_label
from records.record import Record
from records.reviews import Queue, Review
from tests.support.servers import valid_answer
from tests.support.uploads import NOON, prediction, record

NFC, NFD = "Gr\u00fc\u00dfe", "Gru\u0308\u00dfe"


def test_response_of_a_service_is_normalized() -> None:
    answer = json.dumps(valid_answer(label=NFD)).encode()
    found = read_prediction(answer, "v1", latency_ms=1.0)
    assert (found.label, set(found.probabilities)) == (NFC, {NFC, "other"})


def test_stored_records_are_normalized() -> None:
    decomposed = prediction(NFD, probabilities={NFD: 0.9, "other": 0.1})
    stored = record({"v1": decomposed}, review=Review(NFD, "ann", NOON, Queue.OTHER))
    found = Record.from_item(stored.to_item())
    assert found.verdict is not None
    assert found.review is not None
    assert (found.verdict.label, found.review.label, found.labels()) == (NFC, NFC, [NFC, "other"])
    assert found.to_item()["label_shard"].startswith(NFC)


@pytest.mark.parametrize("name", ["none-of-these", "None-Of-These"])
def test_reserved_name_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="is reserved for documents that fit no label: choose another name"):
        check_new_label(name)


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028", "\udcff"])
def test_control_character_is_rejected(character: str) -> None:
    with pytest.raises(ValueError, match=rf"contains a control character \(U\+{ord(character):04X}\): remove it"):
        check_new_label(f"in{character}voice")


@pytest.mark.parametrize("name", ["invoice", NFC, "\u0641\u0627\u062a\u0648\u0631\u0629", "\u8acb\u6c42\u66f8", "a b"])
def test_ordinary_name_is_accepted(name: str) -> None:
    check_new_label(name)
