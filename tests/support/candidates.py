"""Replayed versions, with the file of answers that `triptych replay` writes."""

from collections.abc import Sequence
from pathlib import Path

from records.record import Record
from tests.support.tiny_model import write_tiny_model
from tests.support.uploads import prediction
from triptych.commands.candidates import answers_path, file_header, read_version
from triptych.review.replay import ReplayAnswers, ReplayRun
from triptych.storage.connection import StackConnection


def write_candidate(stack: StackConnection, folder: Path, records: Sequence[Record], label: str) -> Path:
    """Write a version, and its answer on each record of a stack.

    Args:
        stack: The stack.
        folder: Folder of the version, which is created.
        records: The replayed records.
        label: Its answer on all of them.

    Returns:
        The file of answers.
    """
    write_tiny_model(folder.parent, folder.name)
    version = read_version(folder)
    answers = ReplayAnswers(answers_path(stack, version))
    answers.open(file_header(stack, version))
    times = [each.upload.event_time for each in records]
    answers.begin(ReplayRun(len(records), min(times), max(times)))
    for each in records:
        answers.add(each, prediction(label))
    answers.close()
    return answers.path
