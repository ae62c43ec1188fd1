"""Secrets of Secrets Manager or Parameter Store, read once and kept."""

import threading

from botocore.exceptions import BotoCoreError, ClientError

from orchestrator.aws_clients import AwsClients, aws_call_failed
from orchestrator.calls import Clock

_MIN_AGE_S = 30.0
"""A refused secret is not read again earlier. Otherwise, each document would cost a request while a key is wrong."""


class StoredSecret:
    """A secret that is read on first use, and again when a service refuses it.

    Args:
        arn: ARN of a secret in Secrets Manager, or of a parameter in Parameter Store.
        clients: Clients of AWS.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, arn: str, clients: AwsClients, clock: Clock) -> None:
        self._arn = arn
        self._clients = clients
        self._clock = clock
        self._lock = threading.Lock()
        self._value: str | None = None
        self._read_at = 0.0

    def value(self) -> str:
        """Return the secret.

        Raises:
            CallFailed: It cannot be read now.
        """
        with self._lock:
            return self._value or self._read()

    def renew(self) -> bool:
        """Read the secret again, unless that was done just now, and return whether it has changed.

        Raises:
            CallFailed: It cannot be read now.
        """
        with self._lock:
            if self._clock() - self._read_at < _MIN_AGE_S:
                return False
            refused = self._value
            return self._read() != refused

    def _read(self) -> str:
        _, _, service, region, *_ = self._arn.split(":")
        try:
            if service == "ssm":
                ssm = self._clients.get("ssm", region)
                secret = ssm.get_parameter(Name=self._arn, WithDecryption=True)["Parameter"]["Value"]
            else:
                store = self._clients.get("secretsmanager", region)
                secret = store.get_secret_value(SecretId=self._arn)["SecretString"]
        except (BotoCoreError, ClientError) as error:
            raise aws_call_failed(error, "The secret of the endpoint could not be read") from error
        self._value, self._read_at = secret.strip(), self._clock()
        return self._value
