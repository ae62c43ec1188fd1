"""Protects: the function is ready before its first event, and its processes differ after they start from a snapshot."""

import os
import sys
from subprocess import run
from textwrap import dedent


def run_in_function(program: str) -> None:
    """Run a program in a new process with the settings of the function."""
    settings = {
        "TABLE_NAME": "records",
        "MODEL_ENDPOINTS": '{"v1": "http://127.0.0.1:9/v1"}',
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    command = [sys.executable, "-c", dedent(program)]
    done = run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_clients_are_created_and_frozen_before_the_first_event() -> None:
    run_in_function("""
        import gc
        from orchestrator.function import handler
        from orchestrator.handler import orchestrator

        assert callable(handler)
        assert orchestrator.cache_info().currsize == 1, orchestrator.cache_info()
        assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()
        assert gc.isenabled()
    """)


def test_processes_of_one_snapshot_draw_different_random_numbers() -> None:
    run_in_function("""
        import random
        import orchestrator.function
        from snapshot_restore_py import get_after_restore

        def numbers_after_restore(snapshot):
            random.setstate(snapshot)
            for hook, arguments, options in get_after_restore():
                hook(*arguments, **options)
            return random.random()

        snapshot = random.getstate()
        assert numbers_after_restore(snapshot) != numbers_after_restore(snapshot)
    """)


def test_no_connection_is_part_of_a_snapshot() -> None:
    """A restored process would use a connection that the other side has closed long ago."""
    run_in_function("""
        import psutil
        import orchestrator.function

        assert not psutil.Process().net_connections()
    """)
