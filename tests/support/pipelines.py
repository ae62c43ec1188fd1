"""In-memory implementations of what a pipeline depends on, and pipelines made of them."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from orchestrator.interfaces import DocumentSource, PolicySource, Predictor, Preparer, RecordRepository
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.preparation import Preparation
from orchestrator.request_body import Content
from records.addresses import ObjectAddress
from records.conversions import Parent
from records.derived import pages_key
from records.errors import RecordConflict, RecordsUnavailable
from records.outcomes import Outcome
from records.record import Record
from records.uploads import Upload
from tests.support.uploads import NOON, FixedPolicy, prediction, upload

VERSIONS = ("v1", "v2", "v3")
THREE_SECONDS = Budget(3.0, 0.3)
MAX_BYTES = 20 * 1024 * 1024


class FakeDocuments:
    """Objects with the same content, or that raise the same error."""

    def __init__(self, content: bytes | Exception = b"%PDF-") -> None:
        self.content = content
        self.reads = 0

    def accepts(self, size: int) -> bool:
        return 0 < size <= MAX_BYTES

    def read(self, upload: Upload) -> bytes:
        self.reads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """Return the object as a backfill describes it: with a synthetic sequencer."""
        if isinstance(self.content, Exception):
            raise self.content
        return upload(key, version_id=version_id, sequencer="00BF", backfilled=True)


class HangingDocuments(FakeDocuments):
    """Objects whose content does not arrive until `release` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def read(self, upload: Upload) -> bytes:
        self.release.wait(30)
        return super().read(upload)


class FakeDerived:
    """Derived objects in memory, each written once.

    Attributes:
        members: Content and parent of each member, by key.
        pages: Content of pages, by key.
        error: Raised by every write if it is not None.
        writes: Number of attempts to write a member.
    """

    def __init__(self) -> None:
        self.members: dict[str, tuple[bytes, Parent]] = {}
        self.pages: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.writes = 0

    def find_parent(self, upload: Upload) -> Parent | None:
        return self.members[upload.key][1] if upload.key in self.members else None

    def write_member(self, bucket: str, key: str, content: bytes, parent: Parent) -> None:
        self.writes += 1
        if self.error:
            raise self.error
        self.members.setdefault(key, (content, parent))

    def read_pages(self, upload: Upload) -> tuple[bytes, ObjectAddress] | None:
        key = pages_key(upload)
        return (self.pages[key], self._address(upload)) if key in self.pages else None

    def write_pages(self, upload: Upload, content: bytes) -> ObjectAddress | None:
        if self.error:
            raise self.error
        key = pages_key(upload)
        if key in self.pages:
            return None
        self.pages[key] = content
        return self._address(upload)

    def _address(self, upload: Upload) -> ObjectAddress:
        key = pages_key(upload)
        return ObjectAddress(upload.bucket, key, etag=hashlib.md5(self.pages[key], usedforsecurity=False).hexdigest())


class FakeModels:
    """Versions with fixed outcomes. By default, each returns a prediction.

    Attributes:
        by_address: Whether they receive addresses instead of documents.
    """

    versions = VERSIONS
    by_address = False

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes: dict[str, Outcome] = {**{version: prediction() for version in VERSIONS}, **outcomes}
        self.calls: list[list[str]] = []
        self.deadlines: list[float] = []
        self.documents: list[Content] = []
        self.addresses: list[ObjectAddress | None] = []

    def read_themselves(self, address: ObjectAddress, size: int) -> bool:
        return self.by_address and address.is_pinned

    def predict(
        self,
        document: Content,
        *,
        versions: Iterable[str],
        deadline: float,
        trace_id: str = "",
        address: ObjectAddress | None = None,
    ) -> Mapping[str, Outcome]:
        self.addresses.append(address)
        called = list(versions)
        self.calls.append(called)
        self.deadlines.append(deadline)
        self.documents.append(document)
        return {version: self.outcomes[version] for version in called}


class FakeRecords:
    """A record store in memory with the conditional writes of the real one.

    Attributes:
        items: Record by document and sort key.
        rival: Record that another writer saves just before the next write.
        before_save: Called once, just before the next write.
        find_fails: Whether the next lookup fails.
        saves: Number of successful writes.
    """

    def __init__(self, *, rival: Record | None = None, find_fails: bool = False) -> None:
        self.items: dict[tuple[str, str], Record] = {}
        self.rival = rival
        self.before_save: Callable[[], object] | None = None
        self.find_fails = find_fails
        self.saves = 0

    def find(self, upload: Upload) -> Record | None:
        if self.find_fails:
            self.find_fails = False
            raise RecordsUnavailable("throttled")
        return self.items.get((upload.document, upload.sort_key))

    def find_same(self, upload: Upload) -> Record | None:
        return next((record for record in self.items.values() if record.upload.same_object(upload)), None)

    def save(self, record: Record, *, replacing: Record | None) -> None:
        if self.before_save:
            action, self.before_save = self.before_save, None
            action()
        key = (record.upload.document, record.upload.sort_key)
        if self.rival:
            self.items[key], self.rival = self.rival, None
        stored = self.items.get(key)
        if (stored.revision if stored else None) != (replacing.revision if replacing else None):
            raise RecordConflict("changed")
        self.items[key] = record
        self.saves += 1


class SlowRecords(FakeRecords):
    """A record store that does not finish looking up the key `slow` until `release` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()
        self.finished = False

    def find(self, upload: Upload) -> Record | None:
        if upload.key == "slow":
            self.release.wait(30)
            self.finished = True
        return super().find(upload)


def pipeline(
    documents: DocumentSource | None = None,
    models: Predictor | None = None,
    records: RecordRepository | None = None,
    policy: PolicySource | None = None,
    *,
    preparation: Preparer | None = None,
    budget: Budget = THREE_SECONDS,
    clock: Callable[[], float] = lambda: 100.0,
    now: Callable[[], datetime] = lambda: NOON,
) -> Pipeline:
    """Return a pipeline whose clocks stand still. What a test does not pass works without failures."""
    return Pipeline(
        documents or FakeDocuments(),
        preparation or Preparation(None, FakeDerived(), clock),
        models or FakeModels(),
        records or FakeRecords(),
        policy or FixedPolicy(),
        budget=budget,
        clock=clock,
        now=now,
    )
