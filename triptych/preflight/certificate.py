"""The check of the load balancer's certificate."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings

if TYPE_CHECKING:
    from mypy_boto3_acm.client import ACMClient


def find_certificate(acm: "ACMClient", deployment: Deployment) -> Findings:
    """Yield why the load balancer could not use the certificate, or the orchestrator not trust it."""
    arn, domain = deployment["CertificateArn"], deployment["ModelDomain"]
    if not arn:
        return
    region = arn.split(":")[3]
    if region != deployment.region:
        yield Finding(
            f"The certificate {arn} is in {region}, and the load balancer can use only those in {deployment.region}.",
            f"Request a certificate for {domain} in {deployment.region}.",
        )
        return
    try:
        certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ResourceNotFoundException":
            raise
        yield Finding(f"The certificate {arn} does not exist.", "Correct CertificateArn.")
        return
    names = certificate.get("SubjectAlternativeNames", [certificate["DomainName"]])
    if certificate["Status"] != "ISSUED":
        yield Finding(
            f"The certificate {arn} is {certificate['Status']}, so the load balancer cannot use it.",
            "Complete its validation, or request another one.",
        )
    if not any(name_matches(pattern, domain) for pattern in names):
        yield Finding(
            f"The certificate is for {', '.join(names)}, not for ModelDomain={domain}, so every call would fail.",
            "Correct ModelDomain, or request a certificate for it.",
        )
    if certificate.get("Type") == "PRIVATE":
        yield Finding(
            "The certificate is from a private authority, and the orchestrator trusts public ones only.",
            f"Request a public certificate for {domain}.",
        )


def name_matches(pattern: str, domain: str) -> bool:
    """Return whether a name in a certificate covers a domain; `*` stands for one label (RFC 6125)."""
    if not pattern.startswith("*."):
        return pattern.lower() == domain.lower()
    _, _, parent = domain.partition(".")
    return pattern[2:].lower() == parent.lower()
