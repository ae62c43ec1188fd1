"""Nobody gets in, whichever network is chosen; and what is encrypted on the way."""

from ipaddress import ip_network

import pytest

from testkit.template import rollout, template

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/x"
NETWORKS = ("private", "public")


@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_comes_in_from_outside_the_network(network: str) -> None:
    stack = rollout(Network=network)
    assert stack["LoadBalancer"]["Scheme"] == "internal"
    for name, group in stack.of_type("AWS::EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupIngress", []):
            assert "SourceSecurityGroupId" in rule, f"{name} lets in addresses, not a group"


def test_privately_there_is_no_way_to_the_internet_and_none_is_needed() -> None:
    stack = rollout(Network="private")
    assert not {"InternetGateway", "InternetRoute"} & set(stack.resources)
    services = {endpoint["ServiceName"]["Sub"].split("${AWS::Region}.")[1]: endpoint["VpcEndpointType"]
                for endpoint in stack.of_type("AWS::EC2::VPCEndpoint").values()}  # fmt: skip
    assert services == {
        "s3": "Gateway",
        "dynamodb": "Gateway",
        "ecr.api": "Interface",
        "ecr.dkr": "Interface",
        "logs": "Interface",
    }
    assert stack["ServiceV1"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_publicly_tasks_have_addresses_and_nothing_costs_by_the_hour() -> None:
    stack = rollout(Network="public")
    endpoints = stack.of_type("AWS::EC2::VPCEndpoint").values()
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}
    assert stack["ServiceV1"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED"


@pytest.mark.parametrize(("network", "ways"), [("private", {"EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint"}),
                                               ("public", {"InternetRoute"})])  # fmt: skip
def test_services_wait_for_the_way_to_their_image(network: str, ways: set[str]) -> None:
    """Tasks that fail for want of it would count as a failed rollout."""
    stack = rollout(Network=network)
    [tag] = stack["Cluster"]["Tags"]
    waited_for = {part["Ref"] for part in tag["Value"]["Select"][1] if isinstance(part, dict)}
    assert waited_for == ways <= set(stack.resources)
    assert stack["ServiceV1"]["Cluster"] == {"Select": [0, [{"Ref": "Cluster"}, {"Ref": "CapacityProviders"}]]}


def test_there_are_addresses_for_every_task_that_may_be_asked_for() -> None:
    """A VPC of the smallest allowed size holds both subnets; on the default one they hold what a deployment doubles."""
    _, count, bits = rollout()["SubnetA"]["CidrBlock"]["Select"][1]["Cidr"]
    assert count * 2**bits <= ip_network("10.0.0.0/20").num_addresses
    assert "|20)" in template()["Parameters"]["VpcCidr"]["AllowedPattern"]


class TestHttps:
    def test_with_a_certificate_the_balancer_speaks_nothing_else(self) -> None:
        stack = rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com")
        listener = stack["Listener"]
        assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
        assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE}]
        assert "TLS13-1-2" in listener["SslPolicy"]
        [way_in] = stack["LoadBalancerSecurityGroup"]["SecurityGroupIngress"]
        assert (way_in["FromPort"], way_in["ToPort"]) == (443, 443)

    def test_its_name_leads_to_the_balancer_within_this_network_only(self) -> None:
        stack = rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com")
        assert stack["ModelZone"]["VPCs"] == [{"VPCId": {"Ref": "Vpc"}, "VPCRegion": {"Ref": "AWS::Region"}}]
        assert stack["ModelName"]["AliasTarget"]["DNSName"] == {"GetAtt": "LoadBalancer.DNSName"}
        assert "ModelZone" not in rollout()


class TestRules:
    """What CloudFormation refuses before it makes anything."""

    @pytest.mark.parametrize(
        "parameters",
        [
            {"CertificateArn": CERTIFICATE},
            {"ModelDomain": "models.example.com"},
            {"ExistingBucketKeyArn": "arn:aws:kms:us-east-1:000000000000:key/x"},
        ],
        ids=lambda parameters: str(*parameters),
    )
    def test_half_of_what_belongs_together(self, parameters: dict[str, str]) -> None:
        assert len(rollout(**parameters).violated_rules()) == 1

    def test_the_whole_of_it(self) -> None:
        assert not rollout().violated_rules()
        assert not rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com").violated_rules()


class TestKey:
    def test_it_encrypts_everything_that_is_kept(self) -> None:
        stack = rollout(Encryption="customer-managed", Ingest="queue")
        key = {"GetAtt": "Key.Arn"}
        assert stack["Records"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
        assert stack["Orchestrator"]["KmsKeyArn"] == stack["AlarmTopic"]["KmsMasterKeyId"] == key
        for name, group in stack.of_type("AWS::Logs::LogGroup").items():
            assert group["KmsKeyId"] == key, name
        assert stack["Key"]["EnableKeyRotation"] is True

    def test_services_may_use_it_for_this_account_only(self) -> None:
        _, notifications, logs = rollout(Encryption="customer-managed")["Key"]["KeyPolicy"]["Statement"]
        assert notifications["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert "ArnLike" in logs["Condition"]
