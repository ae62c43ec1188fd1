"""Protects: requests to a URL carry the key or the signature that it requires, and a replaced key is noticed."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto import mock_aws

from orchestrator.aws_clients import AwsClients
from orchestrator.endpoints import ApiKeySetting, HttpEndpoint, SigV4Setting
from orchestrator.models import ModelClient
from orchestrator.secret_store import StoredSecret
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.servers import Request, serving, valid_answer

REGION = "eu-west-1"


class Clock:
    """A clock that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """A session of an account in memory. Requests to local servers are not intercepted."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(config={"core": {"mock_credentials": True, "passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}):
        yield boto3.Session("key-id", "secret-key", region_name=REGION)


def stored(session: boto3.Session, kind: str, value: str) -> str:
    """Store a secret and return its ARN."""
    if kind == "ssm":
        ssm = session.client("ssm")
        ssm.put_parameter(Name="/models/v1", Value=value, Type="SecureString", Overwrite=True)
        return ssm.get_parameter(Name="/models/v1")["Parameter"]["ARN"]
    return session.client("secretsmanager").create_secret(Name="models/v1", SecretString=value)["ARN"]


def call(models: ModelClient) -> Outcome:
    return models.predict(b"%PDF-", versions=["v1"], deadline=time.monotonic() + 30)["v1"]


@pytest.mark.parametrize("kind", ["secretsmanager", "ssm"])
def test_api_key_is_read_once_and_again_when_it_is_refused(session: boto3.Session, kind: str) -> None:
    accepted, keys = "first", []

    def check_key(request: Request) -> None:
        keys.append(request.headers["X-Api-Key"])
        valid = keys[-1] == accepted
        request.answer(valid_answer() if valid else {"message": "Forbidden"}, 200 if valid else 403)

    clock = Clock()
    arn = stored(session, kind, "first\n")
    secret = StoredSecret(arn, AwsClients(session), clock)
    assert (secret.value(), secret.renew()) == ("first", False)

    with serving(check_key) as server:
        endpoint = HttpEndpoint(server.url, auth=ApiKeySetting(arn))
        models = ModelClient({"v1": endpoint}, lambda: time.monotonic() + clock.now, clients=AwsClients(session))

        def outcome() -> Outcome:
            return models.predict(b"%PDF-", versions=["v1"], deadline=time.monotonic() + clock.now + 30)["v1"]

        assert isinstance(outcome(), Prediction)
        accepted = "second"
        refused = outcome()
        assert isinstance(refused, ModelFailure)
        assert (refused.kind, refused.status, refused.detail) == ("failed", 403, "Forbidden")
        _replace(session, kind, arn, "second")
        clock.now += 60
        assert isinstance(outcome(), Prediction)
    assert keys == ["first", "first", "first", "second"]


def _replace(session: boto3.Session, kind: str, arn: str, value: str) -> None:
    if kind == "ssm":
        session.client("ssm").put_parameter(Name="/models/v1", Value=value, Type="SecureString", Overwrite=True)
    else:
        session.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)


def test_a_key_that_stays_wrong_is_read_again_once_in_a_while_only(session: boto3.Session) -> None:
    clients, clock = AwsClients(session), Clock()
    secret = StoredSecret(stored(session, "ssm", "wrong"), clients, clock)
    secret.value()
    reads: list[Any] = []
    clients.get("ssm", REGION).meta.events.register("before-send.ssm.GetParameter", lambda **_: reads.append(1))

    for _ in range(10):
        assert not secret.renew()
    clock.now += 31
    for _ in range(10):
        assert not secret.renew()

    assert len(reads) == 1


def test_a_secret_that_does_not_exist_costs_the_prediction_only(session: boto3.Session) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:missing"
    with serving(lambda request: request.answer(valid_answer())) as server:
        endpoint = HttpEndpoint(server.url, auth=ApiKeySetting(arn))
        outcome = call(ModelClient({"v1": endpoint}, time.monotonic, clients=AwsClients(session)))
        assert server.requests == []
    assert isinstance(outcome, ModelFailure)
    assert outcome.kind == "failed"
    assert "secret of the endpoint" in outcome.detail


def test_signature_is_that_of_the_request(session: boto3.Session) -> None:
    """The service computes the signature again from what it received."""
    with serving(lambda request: request.answer(valid_answer())) as server:
        endpoint = HttpEndpoint(server.url, auth=SigV4Setting("lambda"))
        outcome = call(ModelClient({"v1": endpoint}, time.monotonic, clients=AwsClients(session)))
    assert isinstance(outcome, Prediction), outcome
    [request] = server.requests
    given = request.headers["Authorization"]
    signed = {name: request.headers[name] for name in given.split("SignedHeaders=")[1].split(",")[0].split(";")}
    assert {"content-type", "host", "x-amz-date", "x-timeout-ms"} <= set(signed)
    assert f"/{REGION}/lambda/aws4_request" in given
    assert _signature(f"{server.url}/predict", signed, request.body) == given.rsplit("Signature=", 1)[-1]


def _signature(url: str, headers: dict[str, str], body: bytes) -> str:
    request = AWSRequest("POST", url, data=body, headers=headers)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("key-id", "secret-key"), "lambda", REGION)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def test_request_without_credentials_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(region_name=REGION)
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with serving(lambda request: request.answer(valid_answer())) as server:
        endpoint = HttpEndpoint(server.url, auth=SigV4Setting("execute-api"))
        outcome = call(ModelClient({"v1": endpoint}, time.monotonic, clients=AwsClients(session)))
    assert isinstance(outcome, ModelFailure)
    assert "no credentials" in outcome.detail


def test_clients_are_shared_by_threads_and_created_once(session: boto3.Session) -> None:
    clients, found = AwsClients(session), []
    threads = [threading.Thread(target=lambda: found.append(clients.get("lambda", REGION, 2.5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in found}) == 1
    assert clients.get("lambda", REGION, 20.0) is not found[0]
    assert found[0].meta.config.retries["total_max_attempts"] == 1
    assert found[0].meta.config.read_timeout == 3.0
