"""What the local stack says when it cannot come up.

TriptychError
├── StackUnavailable  no local stack is running (triptych.errors)
└── StackError        a part of it failed; the message ends with the last lines of its log
"""

from pathlib import Path

from triptych.errors import TriptychError

_TAIL = 15


class StackError(TriptychError):
    """A part of the local stack failed.

    Args:
        message: what failed, in a sentence.
        log: where it wrote; its last lines are added to the message.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message if log is None else f"{message}\n{tail(log)}\n(all of it: {log})")


def tail(log: Path, lines: int = _TAIL) -> str:
    """The last lines of a log, or why there are none."""
    try:
        text = log.read_text(errors="replace").strip()
    except OSError as error:
        return f"(no log: {error.strerror})"
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"
