"""Structured logs: one JSON object a line, with the id of the request that it belongs to."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

request_ids: Final[ContextVar[dict[str, str]]] = ContextVar("request_ids")
"""`request_id` and, behind AWS, `trace_id` of the request that is being handled."""


class JsonFormatter(logging.Formatter):
    """A record as JSON: time, level, logger, message, the request's ids, and what `extra={"fields": …}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
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
    """Send all logs of this process, uvicorn's too, to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # What decoders and parsers remark on broken input is answered to its sender; here it would be noise.
    logging.captureWarnings(True)
    for chatty in ("PIL", "py.warnings", "python_multipart"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
