"""Structured logs: one JSON object per line, with the id of its request."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

request_ids: Final[ContextVar[dict[str, str]]] = ContextVar("request_ids")
"""`request_id` and, behind AWS, `trace_id` of the current request."""


class JsonFormatter(logging.Formatter):
    """Formatter of log records as JSON.

    An object has the keys `time`, `level`, `logger` and `message`, the ids of the request, and the fields given as
    `extra={"fields": …}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a log record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **request_ids.get({}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Send all logs of this process, including uvicorn's, to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Decoders and parsers warn about invalid input. The client gets an error; in the log, warnings would be noise.
    logging.captureWarnings(True)
    for name in ("PIL", "py.warnings", "python_multipart"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
