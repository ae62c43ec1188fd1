"""The parameters of template.yaml that the preflight depends on, with their defaults.

tests/unit/triptych/preflight/test_parameters.py compares them with the template.
"""

from collections.abc import Mapping
from typing import Final

DEFAULTS: Final[Mapping[str, str]] = {
    "ModelHosting": "fargate",
    "DeletionProtection": "disabled",
    "ModelImageUri": "",
    "ModelImageUriV1": "",
    "ModelImageUriV2": "",
    "ModelImageUriV3": "",
    "ImageRepositoryArns": "",
    "OtherModelEndpoints": "",
    "OtherModelRevision": "0",
    "OfficeFormats": "none",
    "ConverterImageUri": "",
    "ConverterTasks": "1",
    "ModelArchitecture": "X86_64",
    "ModelCpu": "1024",
    "MinModelTasks": "1",
    "ModelSpot": "none",
    "OrchestratorConcurrency": "0",
    "ExistingBucketName": "",
    "ExistingBucketKeyArn": "",
    "Ingest": "direct",
    "InboxConcurrency": "10",
    "ExistingTableName": "",
    "ExistingTableKeyArn": "",
    "Network": "private",
    "VpcCidr": "10.73.0.0/16",
    "ZoneA": "",
    "ZoneB": "",
    "VpcId": "",
    "SubnetIds": "",
    "SubnetCidr": "",
    "RouteTableIds": "",
    "InterfaceEndpoints": "create",
    "ExecuteCommand": "disabled",
    "CertificateArn": "",
    "ModelDomain": "",
    "PermissionsBoundaryArn": "",
}

IMAGE_PARAMETERS: Final = ("ModelImageUri", "ModelImageUriV1", "ModelImageUriV2", "ModelImageUriV3")
"""Parameters that name an image which was built elsewhere."""

CONVERTER_VCPUS: Final = 2
"""vCPUs of a task of the converter."""
