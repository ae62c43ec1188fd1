"""Example events as AWS sends them, from `tests/events`."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "events"


def example_event(name: str) -> dict[str, Any]:
    """Return the event in the file with this name."""
    content = json.loads((_FOLDER / f"{name}.json").read_text())
    assert isinstance(content, dict)
    return content


def sns_event(notification: Any) -> dict[str, Any]:
    """Return the event with which SNS invokes a function for a notification."""
    event = example_event("sns_to_lambda")
    event["Records"][0]["Sns"]["Message"] = json.dumps(notification)
    return event


def sns_message(notification: Any) -> dict[str, Any]:
    """Return the message that SNS sends to a queue for a notification."""
    return {**example_event("sns_to_queue"), "Message": json.dumps(notification)}
