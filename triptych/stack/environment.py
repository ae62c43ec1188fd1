"""The environment of the stack's processes: made here, so that nothing of a person's own AWS configuration gets in."""

import os
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config

from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import MARK

REGION = "us-east-1"
ACCESS_KEY = SECRET_KEY = "test"
"""The root user of the emulator's account, to whom IAM allows everything; roles are held to their policies."""

_FOREIGN = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
"""Prefixes of variables that would point our processes at someone's account, settings or packages."""


def base(home: Home) -> dict[str, str]:
    """What every process of the stack gets: the person's environment less what is foreign to it, and its mark."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return inherited | {MARK: str(home.path), "NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}


def aws(home: Home) -> dict[str, str]:
    """`base`, with credentials and settings of the local stack and of nothing else."""
    return base(home) | {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def session() -> boto3.Session:
    """A session for the local stack, which reads neither a profile nor a configuration file nor a proxy."""
    unread = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    core = botocore.session.Session(session_vars=unread)
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION, botocore_session=core
    )


def tool(name: str) -> Path:
    """A program of the tools' own virtual environment: `sam`, `ministack`, `python`.

    Raises:
        StackError: it is not installed.
    """
    folder = Path(os.environ.get("TRIPTYCH_TOOLS") or REPOSITORY / ".venv-tools")
    path = folder / "bin" / name
    if not path.exists():
        raise StackError(f"{path} is missing. `make run` installs the emulator and the SAM CLI there.")
    return path
