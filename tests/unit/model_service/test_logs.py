"""Protects: a log entry is one line of JSON with the ids of its request."""

import json
import logging
import sys

from model_service.logs import JsonFormatter, request_ids


def line(message: str, *arguments: object, **more: object) -> dict[str, object]:
    record = logging.LogRecord("model_service", logging.INFO, "file.py", 1, message, arguments, None)
    for name, value in more.items():
        setattr(record, name, value)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, object] = json.loads(text)
    return parsed


def test_a_line_has_time_level_message_and_fields() -> None:
    entry = line("read %d pages\nof two", 3, fields={"label": "invoice"})

    assert entry["message"] == "read 3 pages\nof two"
    assert entry["level"] == "INFO"
    assert entry["label"] == "invoice"
    assert str(entry["time"]).endswith("+00:00")


def test_a_line_has_the_ids_of_its_request() -> None:
    token = request_ids.set({"request_id": "r1", "trace_id": "Root=1-2"})
    try:
        entry = line("request")
    finally:
        request_ids.reset(token)

    assert (entry["request_id"], entry["trace_id"]) == ("r1", "Root=1-2")
    assert "request_id" not in line("afterwards")


def test_an_exception_is_part_of_its_line() -> None:
    try:
        int("broken")
    except ValueError:
        entry = line("failed", exc_info=sys.exc_info())

    assert "ValueError: invalid literal" in str(entry["exception"])
