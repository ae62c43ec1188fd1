"""The environment of the stack's processes, without any of the user's AWS configuration."""

import os
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config

from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import HOME_VARIABLE

REGION = "us-east-1"
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105 -- of the emulator
"""The root user of the emulator's account. IAM allows it everything; roles are limited to their policies."""

_REMOVED_PREFIXES = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
"""Variables that would make the processes use the user's account, settings or packages."""


def base_environment(home: Home) -> dict[str, str]:
    """Return the environment of every process: the user's variables without those above, and the stack's home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_PREFIXES)}
    return inherited | {HOME_VARIABLE: str(home.path), "NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}


def aws_environment(home: Home) -> dict[str, str]:
    """Return the base environment with credentials and settings for the local stack only."""
    return base_environment(home) | {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def local_session() -> boto3.Session:
    """Return a session for the local stack that reads no profile, no configuration file and no proxy setting."""
    ignored = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    core = botocore.session.Session(session_vars=ignored)
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION, botocore_session=core
    )


def tool_path(name: str) -> Path:
    """Return the path of a program in the tools' virtual environment: `sam`, `ministack` or `python`.

    Raises:
        StackError: The program is not installed.
    """
    folder = Path(os.environ.get("TRIPTYCH_TOOLS") or REPOSITORY / ".venv-tools")
    path = folder / "bin" / name
    if not path.exists():
        raise StackError(f"{path} is missing. `make run` installs the emulator and the SAM CLI there.")
    return path
