"""Answers to calls of AWS from a table, for operations that moto does not have or that many checks share.

Like botocore's Stubber, it validates every answer against the service's model; unlike it, calls may come in any order.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import validate_parameters

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A response, or a function from the parameters of the call to one. `failure` returns responses that are errors."""


def failure(code: str, message: str = "") -> dict[str, Any]:
    """Return the answer of a call that fails."""
    return {"Error": {"Code": code, "Message": message or code}}


class AwsAnswers:
    """The answers of an account.

    Attributes:
        answers: The answer of each operation, such as `GetRole`.
        calls: Names of the operations called so far.
    """

    def __init__(self, session: boto3.Session) -> None:
        self.answers: dict[str, Answer] = {}
        self.calls: list[str] = []
        self._parameters: Mapping[str, Any] = {}
        session.events.register("before-parameter-build", self._remember)
        session.events.register("before-call", self._respond)  # type: ignore[arg-type]  # an answer replaces the call

    def _remember(self, params: Mapping[str, Any], **_: object) -> None:
        self._parameters = params

    def _respond(self, model: Any, **_: object) -> tuple[SimpleNamespace, dict[str, Any]]:
        self.calls.append(model.name)
        answer = self.answers[model.name]
        response = dict(answer(self._parameters) if callable(answer) else answer)
        if "Error" in response:
            return SimpleNamespace(status_code=400, raw=None), response
        validate_parameters(response, model.output_shape)
        return SimpleNamespace(status_code=200, raw=None), response
