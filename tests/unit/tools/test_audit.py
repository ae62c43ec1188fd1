"""Protects: `make audit` fails for a known vulnerability, and does not pass silently what it could not look up."""

from datetime import date

from tools.audit import AcceptedRisk, Findings

TODAY = date(2026, 11, 29)

FOUND = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2019-217"}, {"id": "PYSEC-2021-66"}]}
CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
SKIPPED = {"name": "docorient", "skip_reason": "Dependency not found on PyPI and could not be audited"}

DPKG = """\
Package: libc6
Status: install ok installed
Version: 2.36-9

Package: removed
Status: deinstall ok config-files

Package: zlib1g
Status: install ok installed
"""


def findings(*packages: object) -> Findings:
    found = Findings()
    found.add_report({"dependencies": packages, "fixes": []})
    return found


def test_vulnerable_package_is_a_failure_that_names_the_advisories() -> None:
    assert findings(FOUND, CLEAN).failures((), TODAY) == ["jinja2 2.4.1: PYSEC-2019-217, PYSEC-2021-66"]


def test_exception_covers_one_advisory_until_its_day() -> None:
    accepted = AcceptedRisk("PYSEC-2019-217", "templates are the project's own", until=TODAY)
    assert findings(FOUND).failures((accepted,), TODAY) == ["jinja2 2.4.1: PYSEC-2021-66"]


def test_expired_exception_is_a_failure_even_if_nothing_is_vulnerable() -> None:
    accepted = AcceptedRisk("PYSEC-2019-217", "templates are the project's own", until=date(2026, 11, 28))
    assert findings(CLEAN).failures((accepted,), TODAY) == ["the exception for PYSEC-2019-217 ended on 2026-11-28"]


def test_audit_without_an_answer_is_not_reported_as_clean() -> None:
    unanswered = findings(SKIPPED)
    assert unanswered.summary() == "NOT AUDITED: no advisory service answered about any of 1 packages."
    assert unanswered.failures((), TODAY) == []


def test_packages_that_could_not_be_looked_up_are_listed() -> None:
    assert findings(CLEAN, SKIPPED).summary() == "Advisory services answered about 1 packages, not about docorient."


def test_debian_packages_with_a_fixed_vulnerability_are_failures() -> None:
    found = Findings()
    found.add_debian_report("CVE-2026-1000 libc6 (fixed, remotely exploitable)\nCVE-2026-1001 libc6 (fixed)\n", DPKG)
    assert found.failures((), TODAY) == ["libc6 (Debian): CVE-2026-1000, CVE-2026-1001"]
    assert found.summary() == "Advisory services answered about 2 packages."
