"""What the Live page shows, as its address says it: one question to one index, a time range, and where to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from records.keys import timestamp
from records.record import Record, Status
from triptych.console.views import words
from triptych.storage.results import RecordQuery, Results

PAGE = 24
"""Documents a page."""

RANGES = {"": "any time", "15m": "15 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_LENGTHS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_OTHERS = {"": "Everything", "review": "To review", "reviewed": "Labelled"}


@dataclass(frozen=True)
class Filter:
    """One of the table's own questions: `show` is empty, `review`, `reviewed`, `status:FAILED` or `label:invoice`.

    `until` is where an older page begins; without it the page is live.
    """

    show: str = ""
    within: str = ""
    until: datetime | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Filter":
        """Read an address. What makes no sense is left out, for addresses are typed and shortened by people."""
        show = query.get("show", "")
        kind, _, value = show.partition(":")
        known = (
            (kind in _OTHERS and not value)
            or (kind == "status" and value in Status.__members__)
            or (kind == "label" and 0 < len(value) <= 200)
        )
        within = query.get("within", "")
        return cls(show if known else "", within if within in RANGES else "", _moment(query.get("until", "")))

    @property
    def live(self) -> bool:
        """Whether the newest documents are on the page, so that it keeps itself up to date."""
        return self.until is None

    @property
    def narrow(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.show or self.within)

    def question(self, now: datetime | None = None) -> RecordQuery:
        """What to ask of the table."""
        kind, _, value = self.show.partition(":")
        since = (now or datetime.now(UTC)) - _LENGTHS[self.within] if self.within else None
        return RecordQuery.where(
            label=value if kind == "label" else None,
            status=Status(value) if kind == "status" else None,
            review=kind == "review",
            reviewed=kind == "reviewed",
            since=since,
            until=self.until,
        )

    def ask(self, results: Results) -> tuple[list[Record], "Filter | None"]:
        """The records of this page, and the filter of the next older one if there is more."""
        limit = PAGE + 1
        while len(records := results.newest(self.question(), limit=limit)) == limit:
            newest, last = records[0].upload.event_time, records[-1].upload.event_time
            if newest == last:  # a backfill has S3's whole seconds: all of one second show together
                limit *= 2
                continue
            # The first that did not fit begins the next page; others of its time may show on both.
            fit = PAGE if limit == PAGE + 1 else sum(record.upload.event_time > last for record in records)
            return records[:fit], replace(self, until=last)
        return records, None

    def address(self, path: str = "/") -> str:
        """The address that says the same."""
        until = timestamp(self.until) if self.until else ""
        given = {"show": self.show, "within": self.within, "until": until}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{path}?{query}" if query else path

    def newest(self) -> "Filter":
        """The same question, live."""
        return replace(self, until=None)

    def choices(self, labels: Sequence[str]) -> dict[str, dict[str, str]]:
        """What can be shown, by group: each is an index of the table."""
        kind, _, value = self.show.partition(":")
        verdicts = sorted({*labels, value} if kind == "label" else set(labels))
        return {
            "": _OTHERS,
            "Status": {f"status:{status}": str(status).capitalize() for status in Status},
            "Verdict": {f"label:{label}": words(label) for label in verdicts},
        }


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
