"""What the pipeline needs of the outside, as interfaces. Tests and the simulation implement them too."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from orchestrator.preparation import Prepared
from orchestrator.request_body import Content, UnreadContent
from records.addresses import ObjectAddress
from records.outcomes import Outcome
from records.policy import Policy
from records.record import Record
from records.uploads import Upload


class DocumentSource(Protocol):
    """Reads and describes objects; see `records.documents.DocumentStore`."""

    def accepts(self, size: int) -> bool:
        """Return whether an object of this size is read rather than rejected."""

    def read(self, upload: Upload) -> bytes:
        """Return the content of an upload."""

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """Return an object as an upload with a synthetic sequencer."""


class Predictor(Protocol):
    """Calls the model versions; see `orchestrator.models.ModelClient`."""

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, in order."""

    def read_themselves(self, address: ObjectAddress, size: int) -> bool:
        """Return whether every version receives the address of an object of this size instead of its content."""

    def predict(
        self,
        document: Content,
        *,
        versions: Iterable[str],
        deadline: float,
        trace_id: str = "",
        address: ObjectAddress | None = None,
    ) -> Mapping[str, Outcome]:
        """Call `versions` concurrently and return the outcome of each."""


class Preparer(Protocol):
    """Prepares documents for the versions; see `orchestrator.preparation.Preparation`."""

    @property
    def checks_content(self) -> bool:
        """Whether the content of a document decides whether it is converted."""

    def has_to_convert(self, content: bytes) -> bool:
        """Return whether a document is converted."""

    def prepare_unread(self, upload: Upload, content: UnreadContent) -> Prepared | None:
        """Prepare a document that the versions read themselves; None if it is probably converted."""

    def prepare(
        self, upload: Upload, content: bytes, stored: Record | None, *, deadline: float, trace_id: str
    ) -> Prepared:
        """Convert a document if the versions cannot read it."""


class RecordRepository(Protocol):
    """Finds and saves records; see `records.table.RecordTable`."""

    def find(self, upload: Upload) -> Record | None:
        """Return the record under the upload's own key."""

    def find_same(self, upload: Upload) -> Record | None:
        """Return the record of the same upload under any sequencer."""

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """Write a record."""


class PolicySource(Protocol):
    """Provides the policy in force; see `orchestrator.policy_cache.PolicyCache`."""

    def refresh(self) -> None:
        """Start reading the policy in the background if it is due."""

    def get(self, timeout: float) -> Policy:
        """Return the newest policy known."""
