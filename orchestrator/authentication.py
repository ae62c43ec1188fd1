"""Authentication of requests to a URL: an API key, or a signature of AWS."""

from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from orchestrator.errors import CallFailed


class Secret(Protocol):
    """A secret that may be replaced; see `orchestrator.secret_store.StoredSecret`."""

    def value(self) -> str:
        """Return the secret."""

    def renew(self) -> bool:
        """Read the secret again, and return whether it has changed."""


class ApiKey:
    """Sends a secret in a header.

    Args:
        header: Name of the header.
        secret: The secret.
    """

    def __init__(self, header: str, secret: Secret) -> None:
        self._header = header
        self._secret = secret

    def headers(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:  # noqa: ARG002
        """Return the headers with the secret."""
        return {**headers, self._header: self._secret.value()}

    def renew(self) -> bool:
        """Read the secret again after it was refused, and return whether it has changed."""
        return self._secret.renew()


class RequestSignature:
    """Signs requests with Signature Version 4, as function URLs and API Gateway require with IAM authentication.

    Args:
        session: Session of botocore or boto3, which has the credentials of the function.
        service: Name in the signature: `lambda` or `execute-api`.
        region: Region of the endpoint.
    """

    def __init__(self, session: Any, service: str, region: str) -> None:
        self._session = session
        self._service = service
        self._region = region

    def headers(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """Return the headers with a signature of the request.

        Raises:
            CallFailed: `failed`: There are no credentials.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise CallFailed("failed", "The request cannot be signed: there are no credentials.")
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())

    def renew(self) -> bool:
        """Return False: credentials are renewed before they expire, so a refusal is about permissions."""
        return False
