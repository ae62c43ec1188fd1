"""One local stack for all end-to-end tests that need one, in a temporary home next to any other stack."""

from collections.abc import Iterator

import psutil
import pytest

from tests.support.account import Account, open_account
from tests.support.checkouts import copy_checkout
from tests.support.rollouts import EXISTING_BUCKET
from tests.support.tools import require_tool
from triptych.stack import Home, Stack, start_stack, stop_stack
from triptych.stack.processes import HOME_VARIABLE
from triptych.storage.connection import StackConnection, connect_local
from triptych.storage.results import Results

RETRY_SECONDS = 1.0
"""Delay before the first retry of a failed event; the second waits twice as long. In AWS, one and two minutes."""

VERSIONS = ("v1", "v2", "v3")


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of the shared stack. Commands that tests run use it too."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("stack")
        patch.setenv("TRIPTYCH_HOME", str(path))
        yield Home(path)


@pytest.fixture(scope="package")
def stack(home: Home) -> Iterator[Stack]:
    """The running stack: emulator, template.yaml deployed with IAM enforced, three model services."""
    require_tool("sam")
    try:
        yield start_stack(home=home, retry_seconds=RETRY_SECONDS)
    finally:
        stop_stack(home=home)
    assert not remaining_processes(home), "stopping the stack left processes behind"


@pytest.fixture(scope="module")
def connection(stack: Stack) -> StackConnection:
    """The connection to the shared stack."""
    return connect_local()


@pytest.fixture(scope="module")
def results(connection: StackConnection) -> Results:
    """The records of the shared stack."""
    return Results(connection.table)


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account for tests that deploy the template themselves, with a build of it and a separate bucket.

    The build contains the contexts of the images, with small files instead of the weights.
    """
    services = ("athena", "codebuild", "ecr", "firehose", "glue")
    with open_account(Home(tmp_path_factory.mktemp("account")), *services) as account:
        account.build(copy_checkout(tmp_path_factory.mktemp("checkout"), weights=False))
        account.create_bucket(EXISTING_BUCKET)
        yield account


@pytest.fixture(scope="package")
def packaged(account: Account) -> str:
    """The URL of the packaged template in the account."""
    return account.package()


def remaining_processes(home: Home) -> list[str]:
    """Return the command lines of the processes that still belong to the stack."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home.path):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found
