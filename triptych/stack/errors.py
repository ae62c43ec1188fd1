"""Errors of the local stack.

TriptychError
├── StackUnavailable  no local stack is running (triptych.errors)
└── StackError        a part of it failed; the message ends with the last lines of its log
"""

from pathlib import Path

from triptych.errors import TriptychError

_TAIL_LINES = 15


class StackError(TriptychError):
    """A part of the local stack failed.

    Args:
        message: What failed, as a sentence.
        log: The log of the part. Its last lines are added to the message.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message if log is None else f"{message}\n{log_tail(log)}\n(full log: {log})")


def log_tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a log, or the reason why there are none."""
    try:
        text = log.read_text(errors="replace").strip()
    except OSError as error:
        return f"(no log: {error.strerror})"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"
