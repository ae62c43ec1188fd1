"""Create what sends documents to an endpoint, as its kind requires."""

from typing import assert_never

from orchestrator.answers import MAX_ANSWER_BYTES
from orchestrator.authentication import ApiKey, RequestSignature
from orchestrator.aws_clients import AwsClients
from orchestrator.calls import Clock, Sender
from orchestrator.endpoints import (
    ApiKeySetting,
    Endpoint,
    HttpEndpoint,
    LambdaEndpoint,
    SageMakerEndpoint,
    SigV4Setting,
)
from orchestrator.http_sender import Authentication, HttpSender
from orchestrator.lambda_sender import LambdaSender
from orchestrator.sagemaker_sender import SageMakerSender
from orchestrator.secret_store import StoredSecret


def create_sender(endpoint: Endpoint, clients: AwsClients, clock: Clock) -> Sender:
    """Return what sends documents to an endpoint.

    Args:
        endpoint: The endpoint.
        clients: Clients of AWS, of which only those that the endpoint needs are created.
        clock: A monotonic clock in seconds.
    """
    match endpoint:
        case HttpEndpoint():
            return HttpSender(
                endpoint.url + endpoint.path,
                max_answer_bytes=MAX_ANSWER_BYTES,
                body=endpoint.body,
                authentication=_authentication(endpoint, clients, clock),
            )
        case LambdaEndpoint():
            return LambdaSender(endpoint, clients, max_answer_bytes=MAX_ANSWER_BYTES)
        case SageMakerEndpoint():
            return SageMakerSender(endpoint, clients, max_answer_bytes=MAX_ANSWER_BYTES)
        case unreachable:
            assert_never(unreachable)


def _authentication(endpoint: HttpEndpoint, clients: AwsClients, clock: Clock) -> Authentication | None:
    match endpoint.auth:
        case None:
            return None
        case ApiKeySetting(secret, header):
            return ApiKey(header, StoredSecret(secret, clients, clock))
        case SigV4Setting(service, region):
            return RequestSignature(clients.session, service, region or clients.session.region_name)
        case unreachable:
            assert_never(unreachable)
