"""Protects: the service conforms to its published OpenAPI."""

import subprocess
import sys
from pathlib import Path

import httpx2

from tests.support.service import ServiceProcess

CONFIG = """
[checks]
# Random bytes match the schema of a document, which specifies only "binary", and are rejected correctly.
positive_data_acceptance.enabled = false
not_a_server_error.expected-statuses = ["2xx", "4xx"]
# The deadline may pass before an invalid request is rejected. No object may be read.
negative_data_rejection.expected-statuses = [
    "400", "403", "404", "405", "406", "408", "413", "415", "422", "429", "503"
]
"""


def test_the_service_conforms_to_its_openapi(service: ServiceProcess, tmp_path: Path, full: bool) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    tester = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", config, "--no-color"),
            *("run", f"{service.url}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "100" if full else "25", "--seed", "1"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tester.returncode == 0, tester.stdout
    assert "8 selected / 8 total" in tester.stdout
    assert not [line for line in service.log if line["level"] == "ERROR"]
    assert httpx2.get(service.url + "/health/ready").status_code == 200
