"""Look up known vulnerabilities of the pinned packages, or of those in an image: `python -m tools.audit`.

    python -m tools.audit                  the packages of constraints.txt, and of both images
    python -m tools.audit --image FOLDER   the Python and Debian packages in an image's root file system

The exit code is 1 if a package has a vulnerability without an exception, or if an exception has expired. Advisory
services cannot be reached from every network: what could not be looked up is listed, and is not a failure.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_PINS = ("constraints.txt", "model_service/requirements.txt", "converter/requirements.txt")
_SERVICES = ("pypi", "osv")
"""Advisory services of pip-audit, tried in this order until one answers."""


@dataclass(frozen=True)
class AcceptedRisk:
    """A vulnerability that is accepted for a time.

    Attributes:
        id: The id under which pip-audit or debsecan reports it.
        reason: Why it does not matter here.
        until: The last day of the exception.
    """

    id: str
    reason: str
    until: date


ACCEPTED: tuple[AcceptedRisk, ...] = ()
"""The exceptions."""


@dataclass
class Findings:
    """The result of an audit.

    Attributes:
        looked_up: Packages about which an advisory service answered.
        unknown: Packages about which none did.
        vulnerable: Ids of vulnerabilities by package.
    """

    looked_up: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    vulnerable: dict[str, set[str]] = field(default_factory=dict)

    def add_report(self, report: Mapping[str, Any]) -> None:
        """Add a report of pip-audit in the format json."""
        for package in report["dependencies"]:
            if "skip_reason" in package:
                self.unknown.add(package["name"])
                continue
            name = f"{package['name']} {package['version']}"
            self.looked_up.add(name)
            if package["vulns"]:
                self.vulnerable[name] = {each["id"] for each in package["vulns"]}

    def add_debian_report(self, report: str, status: str) -> None:
        """Add a report of debsecan about the packages in dpkg's status file.

        Args:
            report: The report in the format summary: an id, the package, and remarks in each line.
            status: Content of the status file.
        """
        installed = re.findall(r"^Package: (\S+)\nStatus: install ok installed$", status, re.MULTILINE)
        self.looked_up |= {f"{package} (Debian)" for package in installed}
        for found, package in re.findall(r"^(\S+) (\S+)", report, re.MULTILINE):
            self.vulnerable.setdefault(f"{package} (Debian)", set()).add(found)

    def failures(self, accepted: Sequence[AcceptedRisk], today: date) -> list[str]:
        """Return what has to be fixed, a line each."""
        valid = {risk.id for risk in accepted if risk.until >= today}
        expired = [f"the exception for {risk.id} ended on {risk.until}" for risk in accepted if risk.until < today]
        return expired + [
            f"{package}: {', '.join(sorted(ids - valid))}"
            for package, ids in sorted(self.vulnerable.items())
            if ids - valid
        ]

    def summary(self) -> str:
        """Return how much was looked up."""
        if not self.looked_up:
            return f"NOT AUDITED: no advisory service answered about any of {len(self.unknown)} packages."
        missing = f", not about {', '.join(sorted(self.unknown))}" if self.unknown else ""
        return f"Advisory services answered about {len(self.looked_up)} packages{missing}."


def audit_python(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return the report of pip-audit about packages, or None if no advisory service can be reached.

    Args:
        arguments: Where pip-audit finds the packages.
    """
    report: dict[str, Any] | None = None
    for service in _SERVICES:
        command = [_tool("pip-audit"), "--format=json", "--progress-spinner=off", f"--vulnerability-service={service}"]
        done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            continue  # it ends with a traceback if it cannot reach the service
        assert report is not None
        if any("skip_reason" not in package for package in report["dependencies"]):
            return report
    return report


def audit_pins() -> Findings:
    """Audit the packages that are pinned."""
    findings = Findings()
    for file in _PINS:
        report = audit_python(["--requirement", file, "--no-deps", "--disable-pip"])
        if report is None:
            findings.unknown.add(f"those of {file}")
        else:
            findings.add_report(report)
    return findings


def audit_image(root: Path) -> Findings:
    """Audit the Python packages and the Debian packages in an image's root file system."""
    findings = Findings()
    for folder in sorted(root.glob("opt/venv/lib/python3*/site-packages")):
        report = audit_python(["--path", str(folder)])
        if report is None:
            findings.unknown.add(f"those of {folder}")
        else:
            findings.add_report(report)
    status = root / "var/lib/dpkg/status"
    [suite] = re.findall(r"^VERSION_CODENAME=(\w+)", (root / "etc/os-release").read_text("utf-8"), re.MULTILINE)
    try:
        done = subprocess.run(
            ["/usr/bin/debsecan", "--suite", suite, "--only-fixed", "--format", "summary", "--status", str(status)],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):  # not installed, or its service cannot be reached
        findings.unknown.add(f"Debian's packages of {suite} (debsecan)")
    else:
        findings.add_debian_report(done.stdout, status.read_text("utf-8"))
    return findings


def main() -> None:
    """Audit, print the findings, and exit with 1 if something has to be fixed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, metavar="FOLDER", help="root file system of an image")
    arguments = parser.parse_args()
    findings = audit_image(arguments.image) if arguments.image else audit_pins()
    failures = findings.failures(ACCEPTED, datetime.now(UTC).date())
    print(findings.summary())
    print("\n".join(failures) or "No known vulnerability was found." * bool(findings.looked_up))
    sys.exit(1 if failures else 0)


def _tool(name: str) -> str:
    """Return the path of a program in the environment that runs this module."""
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main()
