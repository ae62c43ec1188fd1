"""A local stack of its own for the whole session: in a temporary home, beside whatever else runs here."""

from collections.abc import Iterator

import psutil
import pytest

from tests.support.account import Account
from tests.support.tools import needed
from triptych.stack import Home, Stack, start_stack, stop_stack
from triptych.stack.processes import HOME_VARIABLE

RETRY_SECONDS = 1.0
"""What a failed event waits before its first retry, and twice that before its second. AWS waits a minute and two."""


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of the session's stack. Commands that a test runs speak to that stack too."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("stack")
        patch.setenv("TRIPTYCH_HOME", str(path))
        yield Home(path)


@pytest.fixture(scope="package")
def stack(home: Home) -> Iterator[Stack]:
    """The running stack: emulator, template.yaml deployed with IAM enforced, three model services."""
    needed("sam")
    try:
        yield start_stack(home=home, retry_seconds=RETRY_SECONDS)
    finally:
        stop_stack(home=home)
    assert not survivors(home), "down left processes behind"


@pytest.fixture(scope="module")
def packaged(account: Account) -> str:
    """Where the packaged template is, in the account that the module's own fixture opens."""
    return account.package()


def survivors(home: Home) -> list[str]:
    """Command lines of the processes that still belong to the stack."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home.path):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found
