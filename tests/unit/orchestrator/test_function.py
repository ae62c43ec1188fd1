"""Protects: the function is ready before its first event, and collects garbage from then on."""

import os
import sys
from subprocess import run


def test_clients_are_created_and_frozen_before_the_first_event() -> None:
    program = (
        "import gc\n"
        "from orchestrator.function import handler\n"
        "from orchestrator.handler import orchestrator\n"
        "assert callable(handler)\n"
        "assert orchestrator.cache_info().currsize == 1, orchestrator.cache_info()\n"
        "assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()\n"
        "assert gc.isenabled()\n"
    )
    settings = {
        "TABLE_NAME": "records",
        "MODEL_ENDPOINTS": '{"v1": "http://127.0.0.1:9/v1"}',
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-c", program]
    done = run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
