"""Hold the table and the dead letters against what was uploaded: one true record each, or a letter that names it."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from orchestrator.models import ModelClient
from orchestrator.settings import OrchestratorSettings
from records.outcomes import Outcome, Prediction
from records.policy import POLICY_KEY as POLICIES
from records.record import Record, Status
from testkit.test_stack import VERSIONS, Site
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.stack import Ingest

_SETTLE_S = 90.0
"""Time enough for every retry that is still to come, and for the queue to run empty."""

_SAME = 1e-4
"""Probabilities that differ by less are the same answer: records keep six digits."""


@dataclass(frozen=True)
class Sent:
    """One upload: what S3 confirmed, and under which fault."""

    fault: str
    ingest: Ingest
    key: str
    content: bytes = field(repr=False)
    etag: str
    version_id: str


def read_all(table: Any) -> list[Record]:
    """Every record. A scan, which nothing but a check of everything should do: it also finds what nobody asked for."""
    found: list[Record] = []
    query: dict[str, Any] = {"ConsistentRead": True}
    while True:
        answer = table.scan(**query)
        found += [Record.from_item(item) for item in answer["Items"] if item["document"] != POLICIES]
        if "LastEvaluatedKey" not in answer:
            return found
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def named_in_letters(here: Site) -> set[str]:
    """The version ids of the uploads whose events are among the dead letters."""
    to = here.to
    with DeadLetterQueue(to.sqs, to.dead_letter_queue_url) as letters:
        return {upload.version_id or "" for letter in letters.receive(10_000) for upload in letter.uploads}


def settle(here: Site, sent: Sequence[Sent]) -> None:
    """Wait until every upload has a final record or is among the dead letters, and the queue is empty."""
    table = here.to.table
    until = time.monotonic() + _SETTLE_S
    open_ = {one.version_id for one in sent}
    while open_ and time.monotonic() < until:
        time.sleep(1)
        final = {record.upload.version_id for record in read_all(table) if record.final}
        open_ -= final
        if open_:
            open_ -= named_in_letters(here)


@dataclass(frozen=True)
class Finding:
    """What became of one upload: `complete`, `dead letter` or `lost`, and what is wrong with its record."""

    sent: Sent
    outcome: str
    mended: bool
    records: int
    wrong: str = ""


class Truth:
    """What the services say of a document when nothing is broken."""

    def __init__(self, here: Site) -> None:
        to = here.to
        variables = to.lambdas.get_function_configuration(FunctionName=to.function)["Environment"]["Variables"]
        self._models = ModelClient(OrchestratorSettings.from_environment(variables).endpoints, time.monotonic)
        self._known: dict[bytes, Mapping[str, Outcome]] = {}

    def __call__(self, content: bytes) -> Mapping[str, Outcome]:
        """Every version's answer to a document; each document is asked about once."""
        if content not in self._known:
            deadline = time.monotonic() + 30
            self._known[content] = self._models.predict(content, versions=VERSIONS, deadline=deadline)
        return self._known[content]


def difference(record: Record, truth: Mapping[str, Outcome]) -> str:
    """How a record's predictions differ from the services' own; empty where they do not."""
    for version, true in truth.items():
        said = record.predictions.get(version)
        if not isinstance(true, Prediction):
            return f"{version} does not answer the check: {true}"
        if not isinstance(said, Prediction):
            return f"{version} is missing"
        far = max(abs(said.probabilities.get(label, -1) - p) for label, p in true.probabilities.items())
        if (said.label, said.model_sha256) != (true.label, true.model_sha256) or far > _SAME:
            return f"{version} says {true.label}, its record {said.label} ({far:.6f} apart)"
    return ""


def examine(here: Site, sent: Sequence[Sent], truth: Truth) -> list[Finding]:
    """Hold the table and the dead letters against the uploads."""
    by_version: dict[str | None, list[Record]] = {}
    for record in read_all(here.to.table):
        by_version.setdefault(record.upload.version_id, []).append(record)
    letters, bucket = named_in_letters(here), here.to.bucket
    findings = [judge(one, by_version.pop(one.version_id, []), letters, truth, bucket) for one in sent]
    for record in itertools.chain.from_iterable(by_version.values()):
        stranger = Sent("no upload at all", "direct", record.upload.key, b"", "", "")
        findings.append(Finding(stranger, "lost", False, 1, "nobody uploaded this"))
    return findings


def judge(
    sent: Sent,
    records: Sequence[Record],
    letters: set[str],
    truth: Callable[[bytes], Mapping[str, Outcome]],
    bucket: str,
) -> Finding:
    """What became of one upload.

    Args:
        sent: the upload.
        records: every record that names its version.
        letters: the version ids that dead letters name.
        truth: the services' own answers to a document.
        bucket: the inbox.
    """
    complete = any(record.status is Status.COMPLETE for record in records)
    outcome = "complete" if complete else "dead letter" if sent.version_id in letters else "lost"
    flaws = []
    for record in records:
        upload = record.upload
        told = (upload.document, upload.etag, upload.version_id, upload.size)
        if told != (f"{bucket}/{sent.key}", sent.etag, sent.version_id, len(sent.content)):
            flaws.append(f"it is about another upload: {told}")
        if record.status is Status.COMPLETE and (differs := difference(record, truth(sent.content))):
            flaws.append(differs)
    return Finding(sent, outcome, any(record.revision > 1 for record in records), len(records), "; ".join(flaws))


def table_of(findings: Sequence[Finding], injected: Mapping[str, int]) -> Table:
    """What became of the uploads, by fault."""
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title="Uploads by fault", title_justify="left"
    )
    headings = ("times", "uploads", "records", "mended", "dead", "lost", "twice", "wrong")
    table.add_column("fault", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    for fault in [*injected, "no upload at all"]:
        group = [finding for finding in findings if finding.sent.fault == fault]
        if group:
            table.add_row(fault, str(injected.get(fault, 0)), *map(str, _counts(group)))
    table.add_section()
    table.add_row("together", str(sum(injected.values())), *map(str, _counts(findings)))
    return table


def _counts(group: Sequence[Finding]) -> tuple[int, ...]:
    outcomes = Counter(finding.outcome for finding in group)
    mended = sum(finding.mended and finding.outcome == "complete" for finding in group)
    twice = sum(finding.records > 1 for finding in group)
    wrong = sum(bool(finding.wrong) for finding in group)
    return (len(group), outcomes["complete"], mended, outcomes["dead letter"], outcomes["lost"], twice, wrong)
