"""Filter of the Live page: which index to query, the time range, and the position of the next page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from records.keys import timestamp
from records.record import Record, Status
from triptych.console.views import format_label
from triptych.storage.results import RecordQuery, Results

PAGE_SIZE = 24
"""Documents on a page."""

RANGES = {"": "any time", "15m": "15 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_DURATIONS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_QUEUES = {"": "All", "review": "Needs review", "evidence": "Versions differ", "reviewed": "Labelled"}


@dataclass(frozen=True)
class DocumentFilter:
    """Which documents are displayed.

    Attributes:
        show: Empty, `review`, `evidence`, `reviewed`, `status:FAILED` or `label:invoice`.
        within: Key of `RANGES`.
        until: Upper bound of upload times, for pages of older documents; None for a live page.
    """

    show: str = ""
    within: str = ""
    until: datetime | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "DocumentFilter":
        """Parse the query of an address. Invalid parts are ignored, because users edit addresses."""
        show = query.get("show", "")
        kind, _, value = show.partition(":")
        valid = (
            (kind in _QUEUES and not value)
            or (kind == "status" and value in Status.__members__)
            or (kind == "label" and 0 < len(value) <= 200)
        )
        within = query.get("within", "")
        return cls(show if valid else "", within if within in RANGES else "", _moment(query.get("until", "")))

    @property
    def live(self) -> bool:
        """Whether the page includes the newest documents and updates itself."""
        return self.until is None

    @property
    def restrictive(self) -> bool:
        """Whether the filter excludes any documents."""
        return bool(self.show or self.within)

    def record_query(self, now: datetime | None = None) -> RecordQuery:
        """Return the query to the table."""
        kind, _, value = self.show.partition(":")
        since = (now or datetime.now(UTC)) - _DURATIONS[self.within] if self.within else None
        return RecordQuery.where(
            label=value if kind == "label" else None,
            status=Status(value) if kind == "status" else None,
            review=kind == "review",
            evidence=kind == "evidence",
            reviewed=kind == "reviewed",
            since=since,
            until=self.until,
        )

    def fetch(self, results: Results) -> "tuple[list[Record], DocumentFilter | None]":
        """Return the records of this page, and the filter of the next older page if there are more."""
        limit = PAGE_SIZE + 1
        while len(records := results.newest(self.record_query(), limit=limit)) == limit:
            newest, last = records[0].upload.event_time, records[-1].upload.event_time
            if newest == last:  # backfilled documents have S3's whole seconds: show all of one second together
                limit *= 2
                continue
            # The first record that does not fit begins the next page. Others of its time may be on both pages.
            fitting = (
                PAGE_SIZE if limit == PAGE_SIZE + 1 else sum(record.upload.event_time > last for record in records)
            )
            return records[:fitting], replace(self, until=last)
        return records, None

    def url(self, path: str = "/") -> str:
        """Return the address of this filter."""
        until = timestamp(self.until) if self.until else ""
        given = {"show": self.show, "within": self.within, "until": until}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{path}?{query}" if query else path

    def newest(self) -> "DocumentFilter":
        """Return the same filter for the newest documents."""
        return replace(self, until=None)

    def choices(self, labels: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the options of `show`, by group. Each corresponds to an index of the table."""
        kind, _, value = self.show.partition(":")
        verdicts = sorted({*labels, value} if kind == "label" else set(labels))
        return {
            "": _QUEUES,
            "Status": {f"status:{status}": str(status).capitalize() for status in Status},
            "Verdict": {f"label:{label}": format_label(label) for label in verdicts},
        }


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
