"""Protects: each kind of endpoint is read from MODEL_ENDPOINTS, and an invalid one is named with its version."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answer_mapping import AnswerMapping
from orchestrator.endpoint_settings import parse_endpoints
from orchestrator.endpoints import (
    MAX_EVENT_BYTES,
    MAX_SAGEMAKER_BYTES,
    ApiKeySetting,
    Endpoint,
    HttpEndpoint,
    LambdaEndpoint,
    SageMakerEndpoint,
    SigV4Setting,
)
from orchestrator.errors import ConfigurationError
from orchestrator.request_body import BodyFormat

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:models/v2-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:111122223333:parameter/models/v2"
FUNCTION = "arn:aws:lambda:eu-central-1:111122223333:function:triptych-v2:live"
URL = "https://models.example.com/v2"


def mapped(answer: object) -> dict[str, object]:
    return {"type": "lambda", "function": "f", "answer": answer}


def parse(value: object) -> Endpoint:
    return parse_endpoints(json.dumps({"v2": value}))["v2"]


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("http://load-balancer/v2/", HttpEndpoint("http://load-balancer/v2")),
        ({"type": "http", "url": URL}, HttpEndpoint(URL)),
        ({"type": "http", "url": URL, "auth": "none", "path": "/score"}, HttpEndpoint(URL, "/score")),
        ({"type": "http", "url": URL, "path": ""}, HttpEndpoint(URL, "")),
        (
            {"type": "http", "url": URL, "auth": "api-key", "secret": SECRET},
            HttpEndpoint(URL, auth=ApiKeySetting(SECRET)),
        ),
        (
            {"type": "http", "url": URL, "auth": "api-key", "secret": PARAMETER, "header": "Authorization"},
            HttpEndpoint(URL, auth=ApiKeySetting(PARAMETER, "Authorization")),
        ),
        (
            {"type": "http", "url": URL, "auth": "sigv4", "service": "lambda", "region": "eu-west-1"},
            HttpEndpoint(URL, auth=SigV4Setting("lambda", "eu-west-1"), body=BodyFormat(max_bytes=MAX_EVENT_BYTES)),
        ),
        ({"type": "lambda", "function": "triptych-v2:live"}, LambdaEndpoint("triptych-v2:live")),
        ({"type": "lambda", "function": FUNCTION}, LambdaEndpoint(FUNCTION, "eu-central-1")),
        ({"type": "sagemaker", "endpoint": "documents", "variant": None}, SageMakerEndpoint("documents")),
        (
            {
                "type": "sagemaker",
                "endpoint": "documents",
                "variant": "v2",
                "region": "us-east-1",
                "max_bytes": 6_000_000,
            },
            SageMakerEndpoint("documents", "v2", "us-east-1", BodyFormat(max_bytes=6_000_000)),
        ),
        (
            {
                "type": "http",
                "url": URL,
                "content_type": "application/x-image",
                "max_bytes": 100,
                "reads_objects": False,
            },
            HttpEndpoint(URL, body=BodyFormat("application/x-image", 100, reads_objects=False)),
        ),
        ({"type": "http", "url": URL, "by_address": True}, HttpEndpoint(URL, body=BodyFormat(by_address=True))),
    ],
)
def test_each_kind_of_endpoint_is_read(value: object, endpoint: Endpoint) -> None:
    assert parse(value) == endpoint


def test_mapping_of_answers_is_read() -> None:
    answer = {
        "scores": "[].score",
        "labels": "[].label",
        "scale": "logits",
        "rename": {"INV": "invoice"},
        "label": "top",
        "pages": "pages",
        "model_sha256": "revision",
        "abstained": "unsure",
        "abstain_below": 1,
    }
    endpoint = parse(mapped(answer))
    assert endpoint.answer == AnswerMapping(
        "[].score", "[].label", "logits", {"INV": "invoice"}, "top", "pages", "revision", "unsure", 1.0
    )
    assert not endpoint.body.reads_objects
    assert parse(mapped({"scores": "s", "labels": ["a", "b"]})).answer == AnswerMapping("s", ("a", "b"))
    assert parse(mapped({"scores": "s"}) | {"reads_objects": True}).body.reads_objects


def test_documents_that_a_request_cannot_contain_have_a_limit_at_functions_and_sagemaker_only() -> None:
    kinds = [
        "http://load-balancer/v2",
        {"type": "lambda", "function": "f"},
        {"type": "sagemaker", "endpoint": "e"},
        {"type": "http", "url": URL, "auth": "sigv4", "service": "execute-api"},
    ]
    limits = [parse(value).body.max_bytes for value in kinds]
    assert limits == [None, MAX_EVENT_BYTES, MAX_SAGEMAKER_BYTES, MAX_EVENT_BYTES]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("balancer", "'url'"),
        ("http://", "url"),
        ("http://user:password@host/v2", "credentials"),
        ("http://host/v2?key=1", "query"),
        (7, "not an object"),
        ({}, "'type'"),
        ({"type": "ecs"}, "'type' 'ecs'"),
        ({"type": ["http"]}, "'type'"),
        ({"type": "http"}, "no 'url'"),
        ({"type": "http", "url": URL, "auth": "basic"}, "'auth' 'basic'"),
        ({"type": "http", "url": URL, "auth": "api-key"}, "no 'secret'"),
        ({"type": "http", "url": URL, "auth": "api-key", "secret": "hunter2"}, "'secret'"),
        ({"type": "http", "url": URL, "auth": "api-key", "secret": SECRET, "header": "x key"}, "'header'"),
        ({"type": "http", "url": "http://host", "auth": "api-key", "secret": SECRET}, "TLS"),
        ({"type": "http", "url": "http://host", "auth": "sigv4", "service": "lambda"}, "TLS"),
        ({"type": "http", "url": URL, "auth": "sigv4"}, "'service'"),
        ({"type": "http", "url": URL, "auth": "sigv4", "service": "s3"}, "'service' 's3'"),
        ({"type": "http", "url": URL, "secret": SECRET}, "unknown fields: secret"),
        ({"type": "http", "url": URL, "path": "predict"}, "'path'"),
        ({"type": "http", "url": URL, "max_bytes": 0}, "'max_bytes'"),
        ({"type": "http", "url": URL, "max_bytes": True}, "'max_bytes'"),
        ({"type": "http", "url": URL, "by_address": 1}, "'by_address'"),
        ({"type": "http", "url": URL, "by_address": True, "reads_objects": False}, "'by_address'"),
        (mapped({"scores": "s"}) | {"by_address": True}, "'by_address'"),
        ({"type": "http", "url": URL, "content_type": "image"}, "'content_type'"),
        ({"type": "lambda"}, "no 'function'"),
        ({"type": "lambda", "function": "arn:aws:lambda:eu-west-1:1:function:f"}, "'function'"),
        ({"type": "lambda", "function": FUNCTION, "region": "eu-west-1"}, "unknown fields: region"),
        ({"type": "lambda", "function": "f", "url": URL}, "unknown fields: url"),
        ({"type": "sagemaker", "endpoint": "a_b"}, "'endpoint'"),
        ({"type": "sagemaker", "endpoint": "e", "variant": ""}, "'variant'"),
        ({"type": "sagemaker", "endpoint": "e", "region": "moon"}, "'region'"),
        (mapped("scores"), "answer is not an object"),
        (mapped({}), "answer has no 'scores'"),
        (mapped({"scores": "a["}), "answer has an invalid 'scores'"),
        (mapped({"scores": ["a"]}), "answer has an invalid 'scores'"),
        (mapped({"scores": "a", "labels": ["x", 1]}), "answer has an invalid 'labels'"),
        (mapped({"scores": "a", "labels": []}), "answer has an invalid 'labels'"),
        (mapped({"scores": "a", "scale": "log"}), "answer has the 'scale' 'log'"),
        (mapped({"scores": "a", "rename": {"INV": 1}}), "answer has an invalid 'rename'"),
        (mapped({"scores": "a", "abstain_below": "0.5"}), "answer has an invalid 'abstain_below'"),
        (mapped({"scores": "a", "abstain_below": 2}), "answer has an invalid 'abstain_below'"),
        (mapped({"scores": "a", "confidence": "b"}), "answer has unknown fields: confidence"),
    ],
)
def test_invalid_endpoint_is_named(value: object, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"MODEL_ENDPOINTS: v2:? .*{re.escape(named)}"):
        parse(value)


fields = st.dictionaries(
    st.sampled_from(
        ["type", "url", "auth", "secret", "service", "function", "endpoint", "variant", "max_bytes", "path"]
    ),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["http", "lambda", "sigv4", URL]),
)
values = st.none() | st.integers() | st.text(max_size=20) | fields | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.text(max_size=3), values, max_size=2) | values)
def test_any_setting_is_valid_or_a_configuration_error(setting: Any) -> None:
    with suppress(ConfigurationError):
        assert set(parse_endpoints(json.dumps(setting))) == set(setting)


def test_setting_that_is_not_json_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="not JSON"):
        parse_endpoints("v1=http://load-balancer")
