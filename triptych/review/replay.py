"""Replay: a version that is not deployed answers stored documents, and its answers are kept in a file.

The file is append-only JSON lines, so that an interrupted replay resumes where it ended:

    {"format": 1, "bucket": …, "table": …, "version": …, "model_sha256": …}   the first line
    {"run": {"newest": …, "since": …, "until": …}}                          the documents of a run, before their answers
    {"document": …, "sequencer": …, "outcome": {…}}                         one answer

The table is only read. Documents are answered in the order of their pseudorandom numbers, so that those of an
interrupted replay are a random sample.
"""

import fcntl
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from records.errors import DocumentRejected, DocumentUnavailable
from records.keys import timestamp
from records.outcomes import ModelFailure, Outcome, Prediction, outcome_as_dict, outcome_from_dict
from records.record import Record
from records.reviews import candidate_name
from records.uploads import Upload, audit_number
from triptych.errors import TriptychError, UsageError

FORMAT = 1
"""Version of the file."""

DocumentKey = tuple[str, str]
"""Partition key and sort key of a record."""


@dataclass(frozen=True)
class ReplayedVersion:
    """The properties of a model version that a replay needs, from its manifest.

    Attributes:
        version: Name of the version.
        model_sha256: Hash of its graph and weights.
        exported_on: Start of the day of its export, in UTC.
        sources: Names of the sources of its training data.
    """

    version: str
    model_sha256: str
    exported_on: datetime
    sources: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the candidate, such as `v3@9f86d08`."""
        return candidate_name(self.version, self.model_sha256)

    def trained_on(self, bucket: str) -> bool:
        """Return whether it was trained on labelled documents of an inbox (`triptych train --from-reviews`)."""
        return any(source == bucket or source.startswith(f"{bucket}/") for source in self.sources)


@dataclass(frozen=True)
class ReplayRun:
    """The documents of a run: the newest ones, of uploads in a period."""

    newest: int
    since: datetime
    until: datetime

    def covers(self, record: Record) -> bool:
        """Return whether the document was uploaded in the period."""
        return self.since <= record.upload.event_time <= self.until


@dataclass
class ReplayAnswers:
    """The file of one version's answers on the documents of one stack.

    Attributes:
        path: The file.
        outcomes: Answers by document.
        run: The last run; None before the first.
    """

    path: Path
    outcomes: dict[DocumentKey, Outcome] = field(default_factory=dict)
    run: ReplayRun | None = None
    _file: IO[str] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, path: Path, header: Mapping[str, str]) -> "ReplayAnswers":
        """Read the file, or return no answers if it does not exist. The end of a line that was cut off is ignored.

        Raises:
            UsageError: The file is unreadable, or belongs to another version or stack.
        """
        answers = cls(path)
        try:
            lines = [json.loads(line) for line in _complete_lines(path)]
            if lines and lines[0] != {"format": FORMAT, **header}:
                raise UsageError(f"{path} belongs to another version or stack: use --restart to replace it.")
            for line in lines[1:]:
                answers._read(line)
        except FileNotFoundError:
            return answers
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {error!r}. Use --restart to replace it.") from error
        return answers

    def _read(self, line: Mapping[str, Any]) -> None:
        if "run" in line:
            run = line["run"]
            period = (datetime.fromisoformat(run[name]) for name in ("since", "until"))
            self.run = ReplayRun(int(run["newest"]), *period)
        else:
            self.outcomes[line["document"], line["sequencer"]] = outcome_from_dict(line["outcome"])

    def open(self, header: Mapping[str, str]) -> None:
        """Open the file for writing, without a line that was cut off.

        Raises:
            TriptychError: The file cannot be written, or another replay is writing it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = sum(len(line) + 1 for line in _complete_lines(self.path))
            self._file.truncate(size)
        except BlockingIOError:
            self.close()
            raise TriptychError(f"Another replay is writing {self.path}.") from None
        except OSError as error:
            raise TriptychError(f"{self.path} cannot be written: {error.strerror}") from error
        if not size:
            self._append({"format": FORMAT, **header})

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def begin(self, run: ReplayRun) -> None:
        """Note the documents of a run."""
        self.run = run
        period = {"since": timestamp(run.since), "until": timestamp(run.until)}
        self._append({"run": {"newest": run.newest, **period}})

    def add(self, record: Record, outcome: Outcome) -> None:
        """Keep an answer. Safe to call from several threads."""
        key = record.upload.document, record.upload.sort_key
        with self._lock:
            self._append({"document": key[0], "sequencer": key[1], "outcome": outcome_as_dict(outcome)})
            self.outcomes[key] = outcome

    def of(self, record: Record) -> Outcome | None:
        """Return the answer on a document; None if it was not replayed."""
        return self.outcomes.get((record.upload.document, record.upload.sort_key))

    def labels(self) -> dict[DocumentKey, str]:
        """Return the predicted labels by document, without failures."""
        return {key: each.label for key, each in self.outcomes.items() if isinstance(each, Prediction)}

    def _append(self, line: Mapping[str, Any]) -> None:
        """Write a line at once, so that a kill loses no answer but the last."""
        assert self._file is not None, "the file is not open"
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def _complete_lines(path: Path) -> list[bytes]:
    """Return the lines that end with a line break, without it."""
    return path.read_bytes().split(b"\n")[:-1]


Classify = Callable[[bytes], Outcome]
"""Returns the candidate's outcome for the bytes of a document.

Raises:
    TriptychError: It has none now, and may have one later.
"""

Read = Callable[[Upload], bytes]
"""Reads a document, as `records.documents.DocumentStore.read` does."""


def replay(
    records: Iterable[Record],
    answers: ReplayAnswers,
    read: Read,
    classify: Classify,
    *,
    workers: int,
    advance: Callable[[], object] = lambda: None,
) -> list[str]:
    """Answer each document that has no answer yet.

    On Ctrl-C, finish what has begun and raise KeyboardInterrupt.

    Args:
        records: The records of the documents.
        answers: The file of answers, open.
        read: Reads a document.
        classify: Classifies a document. Called from several threads.
        workers: Documents that are processed at the same time.
        advance: Called after each document.

    Returns:
        A message for each document that has no answer for a temporary reason.
    """
    failures: list[str] = []

    def answer(record: Record) -> None:
        try:
            answers.add(record, _outcome(record, read, classify))
        except (DocumentUnavailable, TriptychError) as error:
            failures.append(f"{record.upload.document}: {error}")
        advance()

    pool = ThreadPoolExecutor(workers, "replay")
    try:
        for _ in pool.map(answer, pending(records, answers)):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
    return failures


def pending(records: Iterable[Record], answers: ReplayAnswers) -> list[Record]:
    """Return the records without an answer, in the order of their pseudorandom numbers."""
    return in_order(record for record in records if answers.of(record) is None)


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return records in the order of their pseudorandom numbers."""
    return sorted(records, key=lambda each: audit_number(each.upload.document, each.upload.sort_key))


def documents_to_replay(newest: Sequence[Record], labelled: Sequence[Record]) -> list[Record]:
    """Return the records that versions have classified: the newest ones, and all labelled ones."""
    found = {(each.upload.document, each.upload.sort_key): each for each in (*newest, *labelled) if each.verdict}
    return list(found.values())


def _outcome(record: Record, read: Read, classify: Classify) -> Outcome:
    try:
        return classify(read(record.classified_object))
    except DocumentRejected as gone:
        return ModelFailure(gone.reason.kind, gone.reason.detail, 0.0)
