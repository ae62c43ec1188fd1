"""The Versions page: the report, the active policy, and the form that promotes a version."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from evidence.report import Report
from evidence.risk import RiskControl
from evidence.versions import VersionEvidence
from records.policy import Policy
from triptych.console.access import ConnectedStack
from triptych.console.context import CurrentConsole
from triptych.console.views import COLOURS
from triptych.errors import UsageError
from triptych.review import reports
from triptych.review.promotion import PolicyChange, Promotions

router = APIRouter(prefix="/versions")

_CACHE_SECONDS = 60.0
_MAX_POLICIES = 12
_MIN_BIN_LABELS = 5


class ReportCache:
    """Caches the report for a minute, because it reads thousands of records and resamples some.

    Args:
        build: Builds the report of a stack.
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, build: Callable[[ConnectedStack], Report], clock: Callable[[], float] = time.monotonic) -> None:
        self._build = build
        self._clock = clock
        self._cached: tuple[object, float, Report] | None = None
        self._lock = threading.Lock()  # concurrent requests wait for the same report

    def get(self, stack: ConnectedStack, state: object) -> Report:
        """Return the report, rebuilt if `state` differs from the previous call or after a minute."""
        with self._lock:
            if self._cached and self._cached[0] == state and self._clock() - self._cached[1] < _CACHE_SECONDS:
                return self._cached[2]
            report = self._build(stack)
            self._cached = state, self._clock(), report
            return report


_reports = ReportCache(lambda stack: reports.build_report(stack.results, stack.reviews, stack.policies))


@router.get("")
def versions_page(request: Request, console: CurrentConsole) -> Response:
    """Return the page with the active policy. The page loads the report afterwards."""
    stack = console.access()
    promotions = Promotions(stack.policies, stack.results)
    history = promotions.history(_MAX_POLICIES)
    return console.page(
        request,
        "versions.html",
        section="versions",
        policy=history[0],
        history=history,
        voters=_voters(history[0], promotions.versions()),
        candidates=console.candidates.names(stack.connection) if console.candidates else None,
    )


@router.get("/report")
def report_fragment(request: Request, console: CurrentConsole) -> Response:
    """Return the report."""
    stack = console.access()
    report = _reports.get(stack, (id(stack), console.review_session.changes, stack.policies.newest().id))
    return console.page(request, "report.html", report=report, **_chart_data(report))


@router.get("/candidate")
def candidate_fragment(request: Request, console: CurrentConsole, name: Annotated[str, Query()]) -> Response:
    """Return the evidence on one of the offered candidates."""
    if console.candidates is None:
        raise UsageError("This console offers no candidates: start it with --candidates FOLDER.")
    found = console.candidates.assess(console.access().connection, name)
    return console.page(request, "candidate.html", folder=name, candidate=found)


@router.post("/promote")
def promote_version(
    request: Request,
    console: CurrentConsole,
    version: Annotated[list[str], Form()],
    weight: Annotated[list[float], Form()],
    champion: Annotated[str, Form()] = "",
    audits: Annotated[float, Form()] = 10.0,
    why: Annotated[str, Form()] = "",
) -> Response:
    """Write a policy with a weight for each version, the champion, the audit share in percent, and the reason."""
    stack = console.access()
    if len(version) != len(weight):
        raise UsageError("Every version needs a weight.")
    weights = {name: number for name, number in zip(version, weight, strict=True) if number}
    if not weights:
        raise UsageError("At least one version needs a weight greater than 0.")
    change = PolicyChange(champion, weights, audits / 100)
    Promotions(stack.policies, stack.results).promote(change, by=console.user, why=why)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": "/versions"})
    return RedirectResponse("/versions", 303)


@dataclass(frozen=True)
class Voter:
    """A version with its weight in the soft vote; `share` is its share of all weights."""

    name: str
    colour: int
    weight: float
    share: float


def _voters(policy: Policy, versions: Sequence[str]) -> list[Voter]:
    names = sorted({*versions, *policy.weights})
    total = sum(map(policy.weight, names)) or 1.0
    return [
        Voter(name, index % COLOURS + 1, policy.weight(name), policy.weight(name) / total)
        for index, name in enumerate(names)
    ]


def _chart_data(report: Report) -> dict[str, Any]:
    """Return the template variables that the report itself does not contain."""
    colours = {version.name: index % COLOURS + 1 for index, version in enumerate(report.versions)}
    labels = sorted({label for version in report.versions for label in version.recall})
    bounds = [bound for pair in report.pairs for bound in (pair.difference.low, pair.difference.high) if bound]
    latencies = [ms for version in report.versions for ms in version.latency_ms.values() if ms]
    return {
        "colours": colours,
        "voters": [*report.versions, report.vote],
        "recall_labels": labels,
        "max_difference": max([0.02, *map(abs, bounds)]),
        "min_bin_labels": _MIN_BIN_LABELS,
        "calibration": _calibration_lines(report.versions, colours),
        "drift": _drift_lines(report, colours),
        "max_latency": max(latencies, default=1.0),
        "risk": _risk_lines(report.risk),
        "highest_risk": _highest_risk(report.risk),
    }


def _risk_lines(risk: RiskControl) -> list[dict[str, Any]]:
    """Return the risk-coverage curve: certified and estimated error by the share of automated verdicts, and the target.

    There is none with fewer than two audited thresholds.
    """
    points = sorted((point for point in risk.points if point.error.n), key=lambda point: point.automated)
    if len(points) < 2:
        return []
    certified = [[point.automated, point.certified_error] for point in points]
    estimated = [[point.automated, point.error.value] for point in points]
    return [
        {"name": "certified at most (solid)", "colour": 0, "dash": 0, "points": certified},
        {"name": "estimated (dotted)", "colour": 0, "dash": 3, "points": estimated},
        {"name": "target (dashed)", "colour": 0, "dash": 2, "points": [[0.0, risk.target], [1.0, risk.target]]},
    ]


def _highest_risk(risk: RiskControl) -> float:
    """Return the upper end of the chart's scale: it shows the target, all estimates and the best certificate."""
    audited = [point for point in risk.points if point.error.n]
    estimates = [point.error.value or 0.0 for point in audited]
    best = min((point.certified_error for point in audited), default=0.0)
    return min(1.0, 1.2 * max([2 * risk.target, best, *estimates]))


def _calibration_lines(versions: Sequence[VersionEvidence], colours: dict[str, int]) -> list[dict[str, Any]]:
    """Return one line for each version: accuracy by confidence."""
    return [
        {
            "name": version.name,
            "colour": colours[version.name],
            "points": [
                [part.confidence, part.accuracy.value]
                for part in version.calibration.bins
                if part.accuracy.n >= _MIN_BIN_LABELS
            ],
        }
        for version in versions
        if version.calibration
    ]


def _drift_lines(report: Report, colours: dict[str, int]) -> list[dict[str, Any]]:
    """Return lines by day (UTC): the share of unanimous documents, and the mean confidence of each version."""
    days = report.drift.days
    if len(days) < 2:
        return []
    lines: list[dict[str, Any]] = [
        {"name": "unanimous", "colour": 0, "points": [[day.day.isoformat(), day.unanimous.value] for day in days]}
    ]
    for name, colour in colours.items():
        points = [
            [day.day.isoformat(), day.versions[name].confidence if name in day.versions else None] for day in days
        ]
        lines.append({"name": f"{name} confidence", "colour": colour, "points": points})
    return lines
