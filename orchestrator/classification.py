"""Get a document to the versions: prepare it, and call those that are missing. It is read first only if necessary."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.content_fallback import NOT_READ
from orchestrator.interfaces import DocumentSource, Predictor, Preparer
from orchestrator.preparation import Prepared
from orchestrator.reading import Reading
from records.assembly import ReadError
from records.errors import DocumentUnavailable
from records.outcomes import ModelFailure, Outcome, Prediction
from records.record import Record
from records.uploads import Upload


@dataclass(frozen=True)
class Classified:
    """What the versions made of a document.

    Attributes:
        prepared: The document as they received it, or why there is nothing to classify.
        called: Outcome of each version that was called. A version is not blamed for an object that cannot be read.
        outcomes: Outcome of each version, those of earlier attempts included.
    """

    prepared: Prepared
    called: Mapping[str, Outcome] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


class VersionCalls:
    """Prepares documents and calls the versions.

    In the first attempt, versions that receive the address of a document are called without it having been read. Its
    content is read

    - while they are called, if it decides whether the document is converted. Their outcomes count only if it is not;
    - if a version could not read it (`orchestrator.content_fallback`). If the content cannot be read either, that is
      the reason of the record.

    In any other case it is read first.

    Args:
        documents: States which sizes are read.
        preparation: Converts documents that the versions cannot read.
        models: Calls the model versions.
    """

    def __init__(self, documents: DocumentSource, preparation: Preparer, models: Predictor) -> None:
        self._documents = documents
        self._preparation = preparation
        self._models = models

    def read_ahead(self, upload: Upload, reading: Reading) -> None:
        """Read what is needed in any case, while the record is looked up."""
        if not self._may_stay_unread(upload, reading):
            reading.result()

    def classify(
        self, upload: Upload, reading: Reading, stored: Record | None, *, deadline: float, trace_id: str
    ) -> Classified:
        """Return the outcomes of all versions.

        Args:
            upload: The upload.
            reading: Its content.
            stored: Its record before this attempt. Only versions of which it has no prediction are called.
            deadline: Time on the clock at which the versions must have responded.
            trace_id: AWS trace to forward.
        """
        unread = None
        if stored is None and self._may_stay_unread(upload, reading):
            unread = self._classify_unread(upload, reading, deadline, trace_id)
        return unread or self._classify_read(upload, reading, stored, deadline, trace_id)

    def _may_stay_unread(self, upload: Upload, reading: Reading) -> bool:
        """Return whether every version reads the object itself, and its size does not make it rejected.

        The size must be known from the event: that of a late one is looked up later, when it has been read.
        """
        size = reading.size
        return size is not None and self._documents.accepts(size) and self._models.read_themselves(upload.address, size)

    def _classify_unread(self, upload: Upload, reading: Reading, deadline: float, trace_id: str) -> Classified | None:
        """Let the versions read a document themselves; None if it must be read first after all.

        If it is converted, that shows only once the versions have responded. Its key promised something else, so that
        is rare, and a retry repairs a conversion for which no time was left.
        """
        try:
            prepared = self._preparation.prepare_unread(upload, reading)
        except DocumentUnavailable as error:
            content = reading.result()  # if it cannot be read either, that is the reason
            return Classified(Prepared(rejection=error if isinstance(content, bytes) else content))
        if prepared is None:
            return None
        if self._preparation.checks_content:
            reading.start()
        called = self._call(self._models.versions, prepared, deadline, trace_id)
        if self._preparation.checks_content:
            content = reading.result()
            if not isinstance(content, bytes) or self._preparation.has_to_convert(content):
                return None
        if _lacks_content(called, reading) and not isinstance(reason := reading.result(), bytes):
            blamed = {version: outcome for version, outcome in called.items() if not _is_due_to(reason, outcome)}
            predicted = any(isinstance(outcome, Prediction) for outcome in called.values())
            unreadable = Prepared(rejection=reason, parent=prepared.parent)
            return Classified(unreadable, blamed, called if predicted else {})
        return Classified(prepared, called, called)

    def _classify_read(
        self, upload: Upload, reading: Reading, stored: Record | None, deadline: float, trace_id: str
    ) -> Classified:
        """Read a document, convert it if necessary, and call the versions that are missing.

        If the document could not be converted, none is called: the failure of the conversion is their outcome.
        Predictions of versions that this code does not call, which another version of the function wrote during a
        rollout, are kept.
        """
        prepared = self._prepare(upload, reading, stored, deadline, trace_id)
        if prepared.rejection:
            return Classified(prepared, outcomes=dict(stored.predictions) if stored else {})
        answered = stored.answered() if stored else {}
        missing = [version for version in self._models.versions if version not in answered]
        called: Mapping[str, Outcome] = {}
        new: Mapping[str, Outcome] = {}
        if prepared.failure:
            new = dict.fromkeys(missing, prepared.failure)
        else:
            called = new = self._call(missing, prepared, deadline, trace_id)
        outcomes = {
            version: new.get(version) or answered[version] for version in sorted({*self._models.versions, *answered})
        }
        return Classified(prepared, called, outcomes)

    def _prepare(
        self, upload: Upload, reading: Reading, stored: Record | None, deadline: float, trace_id: str
    ) -> Prepared:
        """Return the document as the versions read it, or why there is none."""
        content = reading.result()
        if not isinstance(content, bytes):
            return Prepared(rejection=content)
        try:
            return self._preparation.prepare(upload, content, stored, deadline=deadline, trace_id=trace_id)
        except DocumentUnavailable as error:
            return Prepared(rejection=error)

    def _call(
        self, versions: Iterable[str], prepared: Prepared, deadline: float, trace_id: str
    ) -> Mapping[str, Outcome]:
        return self._models.predict(
            prepared.content, versions=versions, deadline=deadline, trace_id=trace_id, address=prepared.address
        )


def _lacks_content(outcomes: Mapping[str, Outcome], reading: Reading) -> bool:
    """Return whether a version has no prediction because it could not read the object, or waited for its content.

    A read that was not started before the deadline says nothing about the object.
    """
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, ModelFailure)]
    if reading.was_started:
        return bool(failures)
    return not reading.is_too_late and any(failure.problem in NOT_READ for failure in failures)


def _is_due_to(reason: ReadError, outcome: Outcome) -> bool:
    """Return whether a version failed because the object cannot be read, or waited for its content."""
    return isinstance(outcome, ModelFailure) and (
        outcome.problem in NOT_READ or outcome.problem == reason.reason.kind or outcome.kind == "timeout"
    )
