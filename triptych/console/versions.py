"""The Versions page: what the labels prove, and whose answers make the verdict."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from evidence.report import Report
from evidence.versions import VersionEvidence
from records.policy import Policy
from triptych.console.access import Opened
from triptych.console.context import Here
from triptych.console.views import COLOURS
from triptych.errors import UsageError
from triptych.review import reports
from triptych.review.promotion import PolicyChange, Promotions

router = APIRouter(prefix="/versions")

_FRESH_SECONDS = 60.0
_PERSONS_HISTORY = 12


class Reporter:
    """Makes the report, and keeps it for a minute: it reads a thousand records and resamples some.

    Args:
        make: makes it.
        clock: seconds that only ever grow.
    """

    def __init__(self, make: Callable[[Opened], Report], clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._kept: tuple[object, float, Report] | None = None
        self._lock = threading.Lock()  # who asks while it is being made gets the same one

    def __call__(self, stack: Opened, state: object) -> Report:
        """The report on a stack; a new one if `state` is another than last time, or it is a minute old."""
        with self._lock:
            if self._kept and self._kept[0] == state and self._clock() - self._kept[1] < _FRESH_SECONDS:
                return self._kept[2]
            made = self._make(stack)
            self._kept = state, self._clock(), made
            return made


_report = Reporter(lambda stack: reports.build_report(stack.results, stack.reviews, stack.policies))


@router.get("")
def page(request: Request, here: Here) -> Response:
    """The page: who decides now at once, the evidence as soon as it is worked out."""
    stack = here.access()
    promotions = Promotions(stack.policies, stack.results)
    history = promotions.history(_PERSONS_HISTORY)
    return here.page(
        request,
        "versions.html",
        section="versions",
        policy=history[0],
        history=history,
        voters=_voters(history[0], promotions.versions()),
    )


@router.get("/report")
def report(request: Request, here: Here) -> Response:
    """The evidence."""
    stack = here.access()
    made = _report(stack, (id(stack), here.desk.changes, stack.policies.newest().id))
    return here.page(request, "report.html", report=made, **_charts(made))


@router.post("/promote")
def promote(
    request: Request,
    here: Here,
    version: Annotated[list[str], Form()],
    weight: Annotated[list[float], Form()],
    champion: Annotated[str, Form()] = "",
    audits: Annotated[float, Form()] = 10.0,
    why: Annotated[str, Form()] = "",
) -> Response:
    """Make a policy of what the form says: a weight for each version, the champion, the share of audits, and why."""
    stack = here.access()
    if len(version) != len(weight):
        raise UsageError("Every version needs a weight, if only 0.")
    weights = {name: number for name, number in zip(version, weight, strict=True) if number}
    if not weights:
        raise UsageError("At least one version needs a weight above 0: somebody must decide.")
    wish = PolicyChange(champion, weights, audits / 100)
    Promotions(stack.policies, stack.results).promote(wish, by=here.who, why=why)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": "/versions"})
    return RedirectResponse("/versions", 303)


@dataclass(frozen=True)
class Voter:
    """A version in the vote; `share` is its part of all weights."""

    name: str
    colour: int
    weight: float
    share: float


def _voters(policy: Policy, versions: Sequence[str]) -> list[Voter]:
    names = sorted({*versions, *policy.weights})
    total = sum(map(policy.weight, names)) or 1.0
    return [
        Voter(name, number % COLOURS + 1, policy.weight(name), policy.weight(name) / total)
        for number, name in enumerate(names)
    ]


def _charts(report: Report) -> dict[str, Any]:
    """What the templates draw beside the report's own fields."""
    colours = {version.name: number % COLOURS + 1 for number, version in enumerate(report.versions)}
    labels = sorted({label for version in report.versions for label in version.recall})
    bounds = [bound for pair in report.pairs for bound in (pair.difference.low, pair.difference.high) if bound]
    waits = [ms for version in report.versions for ms in version.latency_ms.values() if ms]
    return {
        "colours": colours,
        "everyone": [*report.versions, report.vote],
        "recall_labels": labels,
        "reach": max([0.02, *map(abs, bounds)]),
        "calibration": _calibration(report.versions, colours),
        "drift": _drift(report, colours),
        "slowest": max(waits, default=1.0),
    }


def _calibration(versions: Sequence[VersionEvidence], colours: dict[str, int]) -> list[dict[str, Any]]:
    """A line a version: how sure it was, and how often it was right."""
    return [
        {
            "name": version.name,
            "colour": colours[version.name],
            "points": [[part.confidence, part.accuracy.value] for part in version.calibration.bins],
        }
        for version in versions
        if version.calibration
    ]


def _drift(report: Report, colours: dict[str, int]) -> list[dict[str, Any]]:
    """A line for how often all agree, and one a version for how sure it was, by day in UTC."""
    days = report.drift.days
    if len(days) < 2:
        return []
    lines: list[dict[str, Any]] = [
        {"name": "all agree", "colour": 0, "points": [[day.day.isoformat(), day.unanimous.value] for day in days]}
    ]
    for name, colour in colours.items():
        points = [
            [day.day.isoformat(), day.versions[name].confidence if name in day.versions else None] for day in days
        ]
        lines.append({"name": f"{name} is sure", "colour": colour, "points": points})
    return lines
