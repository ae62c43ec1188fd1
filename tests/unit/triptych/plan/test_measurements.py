"""Protects: the constants of the estimate match the measurements and what the code writes."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.limits import Limits
from model_service.settings import ServiceSettings
from orchestrator import telemetry
from orchestrator.pipeline import Attempt
from orchestrator.request_body import BodyFormat, Document
from orchestrator.settings import OrchestratorSettings
from records.policy import DEFAULT_POLICY
from records.record import Record
from testkit.template import ROOT
from tests.support.servers import valid_answer
from tests.support.uploads import prediction, record, upload
from triptych.plan import advice, measurements
from triptych.plan.measurements import FAX, KINDS, PDF, PHOTO, SCAN, page_vcpu_ms

LABELS = [
    "book_page",
    "form",
    "handwritten",
    "invoice",
    "receipt",
    "resume",
    "scientific_paper",
    "slides",
    "typewritten",
]
EVENT_OVERHEAD = 26
"""Bytes that CloudWatch Logs adds to each event."""
LAMBDA_LINES = 100 + 60 + 240
"""START, END and REPORT, as Lambda writes them for each invocation."""


def test_service_times_match_the_performance_page() -> None:
    """The row of this service in int8: `36 ms, 47 ms, 40.0/s` for each kind of page."""
    page = (ROOT / measurements.SOURCE).read_text()
    rows = re.findall(r"^\| this service, int8 \| (\d+ ms, .*) \|$", page, re.MULTILINE)
    shown = [[tuple(map(float, re.findall(r"[\d.]+", cell))) for cell in row.split(" | ")] for row in rows]
    assert [(kind.ms, kind.cpu_ms, kind.per_second) for kind in KINDS] in [run[: len(KINDS)] for run in shown]
    [header] = set(re.findall(r"^\|  \| (.*) \| ready after, s", page, re.MULTILINE))
    assert header.split(" | ") == [kind.kind for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_throughput_and_cpu_time_are_consistent(kind: measurements.Measurement) -> None:
    """Throughput and CPU time were measured independently, and documents that are alone use more threads."""
    assert 0.9 * kind.cpu_ms <= kind.vcpu_ms <= 1.3 * kind.cpu_ms


def test_versions_in_one_service_match_the_performance_page() -> None:
    """The row of this service in int8: `25.9/s, 1.86` documents with three versions for each kind of page."""
    page = (ROOT / measurements.SOURCE).read_text()
    [row] = re.findall(r"^\| this service, int8 \| ([\d.]+/s, .*) \|$", page, re.MULTILINE)
    three = [float(cell.partition("/s")[0]) for cell in row.split(" | ")]
    ratios = [kind.per_second / rate for kind, rate in zip(KINDS, three, strict=True)]
    assert round(max(ratios), 2) == measurements.VERSIONS_IN_ONE_SERVICE


def test_a_page_costs_as_much_as_the_most_expensive_kind() -> None:
    """By hand: the fax takes 2 CPUs x 1000 ms / 37.2 = 53.8 ms; the JPEGs lie on 48.3 ms + 3.18 ms per megabyte."""
    assert page_vcpu_ms(0.03) == page_vcpu_ms(1) == pytest.approx(53.8, abs=0.05)
    assert page_vcpu_ms(3) == pytest.approx(48.3 + 9.55, abs=0.05)
    assert page_vcpu_ms(10) == pytest.approx(48.3 + 31.8, abs=0.5)


def test_other_measurements_give_other_costs() -> None:
    """By hand: 2 CPUs x 1000 ms / 100 = 20 ms a page of 1 MB, and half of that without bytes."""
    large = measurements.Measurement("large", 1e6 / 1024, ms=15, cpu_ms=19, per_second=100)
    small = measurements.Measurement("small", 0.5e6 / 1024, ms=12, cpu_ms=14, per_second=2000 / 15)
    assert page_vcpu_ms(1, [large, small]) == pytest.approx(20)
    assert page_vcpu_ms(3, [large, small]) == pytest.approx(40)
    assert max(FAX.vcpu_ms, PDF.vcpu_ms) == FAX.vcpu_ms


@given(st.floats(0.001, 20), st.floats(0.001, 20))
def test_a_larger_page_never_costs_less(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert page_vcpu_ms(small) <= page_vcpu_ms(large)
    assert page_vcpu_ms(large) >= max(SCAN.vcpu_ms, PHOTO.vcpu_ms)


def test_bounds_match_the_settings() -> None:
    settings = OrchestratorSettings("table", {})
    assert settings.max_bytes / 1e6 == measurements.MAX_DOCUMENT_MB
    assert (settings.deadline_s - settings.write_reserve_s) * 1000 == pytest.approx(measurements.MODEL_BUDGET_MS)
    assert Limits().max_pages == measurements.MAX_PAGES
    assert DEFAULT_POLICY.audit_share == measurements.REVIEWED_SHARE / 2
    assert ServiceSettings().max_in_flight == advice.IN_FLIGHT


def a_record() -> Record:
    """Return a large but typical record: long names, nine labels, every field."""
    probabilities = dict.fromkeys(LABELS, 0.111111)
    said = prediction("scientific_paper", 0.987654, probabilities=probabilities)
    document = upload(
        "scans/2026/11/22/office-12/document-0000001234.pdf",
        bucket="triptych-production-inbox-123456789012-us-east-1",
        etag="d" * 32,
        version_id="3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY",
    )
    return record(dict.fromkeys(("v1", "v2", "v3"), said), document)


def size(value: Any) -> int:
    """Return the bytes of a value by DynamoDB's rules ("Item sizes and formats")."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | Decimal):
        return (len(Decimal(value).as_tuple().digits) + 1) // 2 + 1
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + size(inner) for name, inner in value.items())
    return 3 + sum(1 + size(inner) for inner in value)


def test_a_record_has_the_assumed_size() -> None:
    item = a_record().to_item()
    item_bytes = sum(len(name.encode()) + size(value) for name, value in item.items())
    assert 0.8 * measurements.RECORD_BYTES < item_bytes <= measurements.RECORD_BYTES


HEADERS = 600
"""Bytes of the request line and the headers of a call and of its response, as captured from a service."""


def test_a_call_with_an_address_has_as_many_bytes_as_assumed() -> None:
    record = a_record()
    _, request = BodyFormat(by_address=True).encode(Document(b"", record.upload.address))
    response = json.dumps(valid_answer(probabilities=dict.fromkeys(LABELS, 0.123456))).encode()
    transferred = len(request) + len(response) + HEADERS
    assert 0.5 * measurements.ADDRESS_CALL_BYTES < transferred <= measurements.ADDRESS_CALL_BYTES


CONTEXT = ["cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id"]


def test_the_handler_logs_as_many_bytes_as_assumed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    # Whatever handler ran before in this process has left its context in the logger.
    telemetry.logger.remove_keys(CONTEXT)
    record = a_record()
    attempt = Attempt(record, None, record.predictions, written=True)
    telemetry.log_attempt(attempt, handler_ms=123.4, event_ms=1234.5)
    telemetry.emit_metrics(attempt, handler_ms=123.4, event_ms=1234.5)
    [logged], [metrics] = caplog.records, [line for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    lines = [telemetry.logger.handlers[0].format(logged), metrics]
    assert all(json.loads(line)["service"] for line in lines)
    written = sum(len(line.encode()) for line in lines) + LAMBDA_LINES + 5 * EVENT_OVERHEAD
    assert 0.8 * measurements.HANDLER_LOG_BYTES < written <= measurements.HANDLER_LOG_BYTES
