"""Protects: a certificate that the load balancer cannot use, or the orchestrator does not trust, is found."""

from typing import Any

import pytest

from tests.support.aws_answers import failure
from tests.unit.triptych.preflight.conftest import ACCOUNT, SeededAccount
from triptych.preflight.certificate import find_certificate, name_matches
from triptych.preflight.deployment import Deployment
from triptych.preflight.roles import find_boundary

ARN = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"
ISSUED = {
    "CertificateArn": ARN,
    "DomainName": "example.com",
    "SubjectAlternativeNames": ["example.com", "*.example.com"],
    "Status": "ISSUED",
    "Type": "AMAZON_ISSUED",
}


def sentences(account: SeededAccount, answer: dict[str, Any], region: str = "us-east-1") -> list[str]:
    account.aws.answers["DescribeCertificate"] = answer
    parameters = {"CertificateArn": ARN, "ModelDomain": "models.example.com"}
    plan = Deployment("triptych", region, ACCOUNT, "aws", parameters)
    return [finding.sentence for finding in find_certificate(account.clients.acm, plan)]


def test_an_issued_certificate_for_the_domain_is_accepted(account: SeededAccount) -> None:
    assert sentences(account, {"Certificate": ISSUED}) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Status": "PENDING_VALIDATION"}, "is PENDING_VALIDATION"),
        ({"SubjectAlternativeNames": ["other.com"]}, "is for other.com, not for ModelDomain=models.example.com"),
        ({"Type": "PRIVATE"}, "from a private authority"),
    ],
)
def test_an_unfit_certificate_is_found(account: SeededAccount, change: dict[str, Any], expected: str) -> None:
    [sentence] = sentences(account, {"Certificate": ISSUED | change})
    assert expected in sentence


def test_a_certificate_has_to_exist_in_the_region(account: SeededAccount) -> None:
    assert sentences(account, failure("ResourceNotFoundException")) == [f"The certificate {ARN} does not exist."]
    [sentence] = sentences(account, {}, region="eu-west-1")
    assert "is in us-east-1" in sentence


@pytest.mark.parametrize(
    ("pattern", "domain", "matches"),
    [
        ("models.example.com", "MODELS.example.com", True),
        ("*.example.com", "models.example.com", True),
        ("*.example.com", "a.models.example.com", False),
        ("*.example.com", "example.com", False),
    ],
)
def test_a_wildcard_stands_for_one_label(pattern: str, domain: str, matches: bool) -> None:
    assert name_matches(pattern, domain) is matches


def test_a_boundary_has_to_exist(account: SeededAccount) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", {"PermissionsBoundaryArn": boundary})
    account.aws.answers["GetPolicy"] = {"Policy": {"PolicyName": "boundary"}}
    assert not list(find_boundary(account.clients.iam, plan))
    account.aws.answers["GetPolicy"] = failure("NoSuchEntity")
    [finding] = find_boundary(account.clients.iam, plan)
    assert finding.sentence == f"The permissions boundary {boundary} does not exist."
