"""Where versions are called: the kinds of endpoints, as data.

`orchestrator.endpoint_settings` reads them from the setting MODEL_ENDPOINTS. They are named tuples, because creating a
data class takes five times as long, at each cold start.
"""

from typing import NamedTuple

from orchestrator.answer_mapping import AnswerMapping
from orchestrator.request_body import PLAIN_DOCUMENT, BodyFormat

PREDICT_PATH = "/predict"
"""Path of a model service that classifies a document."""

MAX_EVENT_BYTES = 4_500_000
"""Maximum size of a document in an event of Lambda, which accepts 6 MB; base64 adds a third (AWS, "Lambda quotas")."""

MAX_SAGEMAKER_BYTES = 4_000_000
"""Maximum size of a document in a request to SageMaker: the limit of serverless endpoints. Others accept more."""

_IN_EVENT = BodyFormat(max_bytes=MAX_EVENT_BYTES)
_IN_SAGEMAKER_REQUEST = BodyFormat(max_bytes=MAX_SAGEMAKER_BYTES)


class ApiKeySetting(NamedTuple):
    """Requests have a secret in a header.

    Attributes:
        secret: ARN of a secret in Secrets Manager, or of a parameter in Parameter Store.
        header: Name of the header.
    """

    secret: str
    header: str = "x-api-key"


class SigV4Setting(NamedTuple):
    """Requests are signed with the credentials of the function.

    Attributes:
        service: `lambda` for a function URL, `execute-api` for API Gateway.
        region: Region of the endpoint; None for that of the function.
    """

    service: str
    region: str | None = None


class HttpEndpoint(NamedTuple):
    """A service behind a URL.

    Attributes:
        url: Base URL without a trailing slash.
        path: Where documents are posted, after the base URL.
        auth: How requests are authenticated; None for not at all.
        body: How the service receives documents.
        answer: How to read its answers; None if they are those of a model service.
    """

    url: str
    path: str = PREDICT_PATH
    auth: ApiKeySetting | SigV4Setting | None = None
    body: BodyFormat = PLAIN_DOCUMENT
    answer: AnswerMapping | None = None


class LambdaEndpoint(NamedTuple):
    """A Lambda function that is invoked without a URL.

    Attributes:
        function: ARN or name, with an alias or a version after a colon.
        region: Region of the function; None for that of the orchestrator.
        path: Path of the request in the event.
        body: How the function receives documents.
        answer: How to read its answers; None if they are those of a model service.
    """

    function: str
    region: str | None = None
    path: str = PREDICT_PATH
    body: BodyFormat = _IN_EVENT
    answer: AnswerMapping | None = None


class SageMakerEndpoint(NamedTuple):
    """An endpoint of SageMaker.

    Attributes:
        name: Name of the endpoint.
        variant: Production variant; None for the distribution that the endpoint has.
        region: Region of the endpoint; None for that of the function.
        body: How the endpoint receives documents.
        answer: How to read its answers; None if they are those of a model service.
    """

    name: str
    variant: str | None = None
    region: str | None = None
    body: BodyFormat = _IN_SAGEMAKER_REQUEST
    answer: AnswerMapping | None = None


Endpoint = HttpEndpoint | LambdaEndpoint | SageMakerEndpoint
