"""Combinations of parameters that tests deploy: every choice at least once, and choices that affect each other."""

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
BOUNDARY = "arn:aws:iam::aws:policy/AdministratorAccess"
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/existing-records/stream/2026-11-01T00:00:00.000"
KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
EXISTING_BUCKET = "existing-documents"
"""A bucket that does not belong to the stack."""

EXISTING_NETWORK = {
    "VpcId": "vpc-0a1b2c3d",
    "SubnetIds": "subnet-0a1b2c3d,subnet-1a2b3c4d",
    "SubnetCidr": "10.8.0.0/16",
}
"""A network that does not belong to the stack. Tests that deploy to an account replace the ids."""

EXISTING_TABLE = "existing-records"
"""A table that does not belong to the stack."""

COMBINATIONS: dict[str, dict[str, str]] = {
    "defaults": {},
    "image-from-elsewhere": {
        "ModelImageUri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/models:1",
        "ImageRepositoryArns": "arn:aws:ecr:us-east-1:111111111111:repository/models",
    },
    "queue": {"Ingest": "queue", "InboxConcurrency": "5", "UploadWait": "60", "OrchestratorTimeout": "30"},
    "public": {"Network": "public", "VpcCidr": "10.0.0.0/20"},
    "https": {"CertificateArn": CERTIFICATE, "ModelDomain": "models.example.com"},
    "https-public-queue": {
        "CertificateArn": CERTIFICATE,
        "ModelDomain": "models.example.com",
        "Network": "public",
        "Ingest": "queue",
    },
    "key": {"Encryption": "customer-managed"},
    "key-queue": {"Encryption": "customer-managed", "Ingest": "queue"},
    "existing-bucket": {"ExistingBucketName": EXISTING_BUCKET},
    "existing-bucket-queue-keys": {
        "ExistingBucketName": EXISTING_BUCKET,
        "ExistingBucketKeyArn": KEY,
        "Ingest": "queue",
        "Encryption": "customer-managed",
    },
    "small-arm-spot": {
        "ModelCpu": "256",
        "ModelArchitecture": "ARM64",
        "OrchestratorArchitecture": "arm64",
        "SnapStart": "orchestrator",
        "ModelSpot": "extra",
    },
    "large-fixed-spot": {"ModelCpu": "8192", "MinModelTasks": "3", "MaxModelTasks": "3", "ModelSpot": "all"},
    "bounded": {
        "OrchestratorConcurrency": "20",
        "OrchestratorRollout": "AllAtOnce",
        "PermissionsBoundaryArn": BOUNDARY,
        "AlarmEmail": "on-call@example.com",
        "LogRetentionDays": "365",
    },
    "existing-vpc": {**EXISTING_NETWORK, "InterfaceEndpoints": "existing"},
    "existing-vpc-endpoints-https": {
        **EXISTING_NETWORK,
        "RouteTableIds": "rtb-0a1b2c3d",
        "CertificateArn": CERTIFICATE,
        "ModelDomain": "models.example.com",
    },
    "existing-vpc-public-queue": {**EXISTING_NETWORK, "Network": "public", "Ingest": "queue"},
    "existing-table-traced": {
        "ExistingTableName": EXISTING_TABLE,
        "ExistingTableKeyArn": KEY,
        "Tracing": "active",
        "ExistingBucketKeyArn": KEY,
    },
    "zones-shell": {"ZoneA": "us-east-1b", "ZoneB": "us-east-1c", "ExecuteCommand": "enabled"},
    "office-formats": {"OfficeFormats": "convert", "ConverterImageUri": "registry/converter:1"},
    "events-expiring": {"Results": "events", "DocumentDays": "365", "RecordDays": "730"},
    "events-key-bounded": {
        "Results": "events",
        "ResultsBusName": "results",
        "Encryption": "customer-managed",
        "PermissionsBoundaryArn": BOUNDARY,
    },
    "analytics-expiring": {"Analytics": "events", "RecordDays": "730"},
    "analytics-events-key-bounded": {
        "Analytics": "events",
        "Results": "events",
        "Encryption": "customer-managed",
        "PermissionsBoundaryArn": BOUNDARY,
    },
    "single": {"ModelHosting": "single", "ModelSpot": "extra"},
    "single-by-address": {"ModelHosting": "single", "DocumentTransfer": "address"},
    "by-address-key-bounded-shell": {
        "DocumentTransfer": "address",
        "Encryption": "customer-managed",
        "ExistingBucketName": EXISTING_BUCKET,
        "ExistingBucketKeyArn": KEY,
        "PermissionsBoundaryArn": BOUNDARY,
        "ExecuteCommand": "enabled",
        "Network": "public",
    },
    "functions": {"ModelHosting": "lambda", "ModelConcurrency": "20"},
    "functions-without-network": {
        "ModelHosting": "lambda",
        "Network": "none",
        "ModelWarmth": "provisioned",
        "ModelArchitecture": "ARM64",
        "Encryption": "customer-managed",
        "ExistingBucketName": EXISTING_BUCKET,
        "ExistingBucketKeyArn": KEY,
        "PermissionsBoundaryArn": BOUNDARY,
        "Tracing": "active",
    },
    "functions-and-converter": {
        "ModelHosting": "lambda",
        "OfficeFormats": "convert",
        "ConverterImageUri": "registry/converter:1",
    },
    "other-models": {
        "OtherModelEndpoints": '{"v2": {"type": "lambda", "function": "f:live"}, "v4": "https://e/v4"}',
        "OtherModelRevision": "1",
        "OtherModelArns": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
    },
    "linear-one-version": {"OrchestratorRollout": "Linear10PercentEvery1Minute", "ModelImageUriV2": "registry/new:2"},
}

BUILDING: dict[str, dict[str, str]] = {
    "builds": {"ModelImageUri": ""},
    "builds-arm-key-bounded": {
        "ModelImageUri": "",
        "ModelArchitecture": "ARM64",
        "Encryption": "customer-managed",
        "PermissionsBoundaryArn": BOUNDARY,
    },
    "builds-shared": {"ModelImageUri": "", "ModelHosting": "single", "OfficeFormats": "convert"},
    "builds-functions": {"ModelImageUri": "", "ModelHosting": "lambda", "Network": "none"},
    "builds-converter": {"ModelImageUri": "", "OfficeFormats": "convert"},
}
"""Combinations with images that the stack builds. tests/e2e/test_image.py deploys them: they need more services of the
emulator."""

NOT_EMULATED: dict[str, dict[str, str]] = {
    "events-existing-table": {
        "Results": "events",
        "ExistingTableName": EXISTING_TABLE,
        "ExistingTableStreamArn": STREAM,
        "ExistingTableKeyArn": KEY,
    },
    "analytics-existing-table": {
        "Analytics": "events",
        "ExistingTableName": EXISTING_TABLE,
        "ExistingTableStreamArn": STREAM,
    },
    "flow-logs-key-protected": {
        "FlowLogs": "all",
        "Encryption": "customer-managed",
        "DeletionProtection": "enabled",
        "PackageIndexUrl": "https://mirror.example/simple",
    },
    "office-formats-key-bounded-public": {
        "OfficeFormats": "convert",
        "ConverterImageUri": "registry/converter:1",
        "ConverterTasks": "2",
        "Encryption": "customer-managed",
        "ExistingBucketName": EXISTING_BUCKET,
        "ExistingBucketKeyArn": KEY,
        "PermissionsBoundaryArn": BOUNDARY,
        "Network": "public",
        "ExecuteCommand": "enabled",
    },
    "canary-https": {
        "ModelRollout": "Canary10Percent10Minutes",
        "CertificateArn": CERTIFICATE,
        "ModelDomain": "models.example.com",
    },
    "linear-existing-vpc-bounded": {
        **EXISTING_NETWORK,
        "ModelRollout": "Linear20PercentEvery5Minutes",
        "PermissionsBoundaryArn": BOUNDARY,
    },
}
"""Combinations with resources that the emulator does not have. They are linted only."""
