"""No network allows inbound access; HTTPS and encryption keys."""

from ipaddress import ip_network

import pytest

from testkit.changes.resource_changes import references
from testkit.changes.transitions import NETWORK
from testkit.template import rollout, template

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/x"
NETWORKS = ("private", "public")
EXISTING = NETWORK


@pytest.mark.parametrize("network", NETWORKS)
def test_inbound_rules_name_only_security_groups_of_the_stack(network: str) -> None:
    stack = rollout(Network=network)
    assert stack["LoadBalancer"]["Scheme"] == "internal"
    for name, group in stack.of_type("AWS::EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupIngress", []):
            assert "SourceSecurityGroupId" in rule, f"{name} admits addresses instead of a group"


def test_private_network_has_endpoints_and_no_internet_gateway() -> None:
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


def test_public_network_assigns_addresses_and_has_no_interface_endpoints() -> None:
    stack = rollout(Network="public")
    endpoints = stack.of_type("AWS::EC2::VPCEndpoint").values()
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}
    assert stack["ServiceV1"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED"


@pytest.mark.parametrize(("network", "routes"), [("private", {"EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint"}),
                                               ("public", {"InternetRoute"})])  # fmt: skip
def test_services_wait_for_the_route_to_their_image(network: str, routes: set[str]) -> None:
    """Tasks that cannot download their image would fail the deployment."""
    stack = rollout(Network=network)
    always = {"CapacityProviders", "S3Endpoint", "RoutesOfSubnetA", "RoutesOfSubnetB"}
    for version in ("V1", "V2", "V3"):
        awaited = set(references(stack.resources[f"Service{version}"]["Metadata"]["After"]))
        assert awaited == routes | always | {f"Rule{version}"} <= set(stack.resources)


def test_capacity_providers_wait_until_the_service_linked_role_can_be_assumed() -> None:
    """The account's first cluster creates the role; a load balancer takes minutes, IAM seconds."""
    assert rollout().resources["CapacityProviders"]["DependsOn"] == "LoadBalancer"


def test_interface_endpoints_admit_principals_of_this_account_only() -> None:
    for name in ("EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint"):
        [statement] = rollout()[name]["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}


def test_smallest_vpc_has_room_for_both_subnets() -> None:
    _, count, bits = rollout()["SubnetA"]["CidrBlock"]["Select"][1]["Cidr"]
    assert count * 2**bits <= ip_network("10.0.0.0/20").num_addresses
    assert "|20)" in template()["Parameters"]["VpcCidr"]["AllowedPattern"]


class TestExistingNetwork:
    """VpcId: the stack uses a VPC that it does not manage."""

    @pytest.mark.parametrize("network", NETWORKS)
    def test_stack_creates_nothing_in_the_vpc_that_it_does_not_need(self, network: str) -> None:
        stack = rollout(Network=network, InterfaceEndpoints="existing", **EXISTING)
        kinds = {body["Type"] for body in stack.resources.values() if body["Type"].startswith("AWS::EC2::")}
        assert kinds == {"AWS::EC2::SecurityGroup"}

    @pytest.mark.parametrize("network", NETWORKS)
    def test_nothing_refers_to_a_network_of_the_stack(self, network: str) -> None:
        stack = rollout(Network=network, RouteTableIds="rtb-0a1b2c3d,rtb-1a2b3c4d", **EXISTING)
        absent = {"Vpc", "SubnetA", "SubnetB", "RouteTable", "InternetRoute", "RoutesOfSubnetA", "RoutesOfSubnetB"}
        assert not absent & set(stack.resources)
        assert not absent & set(references({**stack.resources, **stack.outputs}))

    def test_everything_is_in_the_given_subnets(self) -> None:
        stack = rollout(**EXISTING)
        subnets = {"Split": [",", EXISTING["SubnetIds"]]}
        assert stack["LoadBalancer"]["Subnets"] == stack["Orchestrator"]["VpcConfig"]["SubnetIds"] == subnets
        for version in ("V1", "V2", "V3"):
            network = stack[f"Service{version}"]["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert network["Subnets"] == subnets
            assert stack[f"Targets{version}"]["VpcId"] == EXISTING["VpcId"]

    def test_security_groups_allow_connections_to_the_given_range(self) -> None:
        stack = rollout(**EXISTING)
        for name, group in stack.of_type("AWS::EC2::SecurityGroup").items():
            assert group["VpcId"] == EXISTING["VpcId"]
            ranges = {rule["CidrIp"] for rule in group["SecurityGroupEgress"]}
            assert ranges <= {EXISTING["SubnetCidr"], "0.0.0.0/0"}, name

    def test_gateway_endpoints_are_created_only_in_given_route_tables(self) -> None:
        gateways = {"S3Endpoint", "DynamoDBEndpoint"}
        assert not gateways & set(rollout(**EXISTING).resources)
        stack = rollout(RouteTableIds="rtb-0a1b2c3d", **EXISTING)
        for name in gateways:
            assert stack[name]["RouteTableIds"] == {"Split": [",", "rtb-0a1b2c3d"]}


def test_zones_of_the_subnets_can_be_chosen() -> None:
    stack = rollout(ZoneA="us-east-1c", ZoneB="us-east-1d")
    assert [stack[name]["AvailabilityZone"] for name in ("SubnetA", "SubnetB")] == ["us-east-1c", "us-east-1d"]
    assert "Select" in rollout()["SubnetA"]["AvailabilityZone"]


@pytest.mark.parametrize(("choice", "traffic"), [("rejected", "REJECT"), ("all", "ALL")])
def test_flow_logs_record_the_chosen_connections(choice: str, traffic: str) -> None:
    assert "VpcFlowLog" not in rollout()
    stack = rollout(FlowLogs=choice, LogRetentionDays=7)
    assert (stack["VpcFlowLog"]["ResourceId"], stack["VpcFlowLog"]["TrafficType"]) == ({"Ref": "Vpc"}, traffic)
    assert stack["VpcFlowLogs"]["RetentionInDays"] == "7"


class TestHttps:
    def test_load_balancer_with_a_certificate_accepts_https_only(self) -> None:
        stack = rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com")
        assert set(stack.of_type("AWS::ElasticLoadBalancingV2::Listener")) == {"HttpsListener"}
        listener = stack["HttpsListener"]
        assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
        assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE}]
        assert "TLS13-1-2" in listener["SslPolicy"]
        for version in ("V1", "V2", "V3"):
            assert stack[f"Rule{version}"]["ListenerArn"] == {"Ref": "HttpsListener"}

    def test_load_balancer_without_a_certificate_accepts_http_only(self) -> None:
        [(name, listener)] = rollout().of_type("AWS::ElasticLoadBalancingV2::Listener").items()
        assert (name, listener["Port"], listener["Protocol"]) == ("Listener", 80, "HTTP")

    def test_domain_resolves_to_the_load_balancer_within_the_vpc_only(self) -> None:
        stack = rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com")
        assert stack["ModelZone"]["VPCs"] == [{"VPCId": {"Ref": "Vpc"}, "VPCRegion": {"Ref": "AWS::Region"}}]
        assert stack["ModelName"]["AliasTarget"]["DNSName"] == {"GetAtt": "LoadBalancer.DNSName"}
        assert "ModelZone" not in rollout()


class TestRules:
    """Combinations that CloudFormation rejects before it creates anything."""

    @pytest.mark.parametrize(
        "parameters",
        [
            {"CertificateArn": CERTIFICATE},
            {"ModelDomain": "models.example.com"},
            {"ExistingTableKeyArn": "arn:aws:kms:us-east-1:000000000000:key/x"},
            {"VpcId": "vpc-0a1b2c3d"},
            {"SubnetIds": "subnet-0a1b2c3d,subnet-1a2b3c4d", "SubnetCidr": "10.8.0.0/16"},
            {"RouteTableIds": "rtb-0a1b2c3d"},
            {"InterfaceEndpoints": "existing"},
            {**EXISTING, "FlowLogs": "all"},
            {**EXISTING, "ZoneA": "us-east-1c", "ZoneB": "us-east-1d"},
            {"ZoneA": "us-east-1c"},
            {"ZoneA": "us-east-1c", "ZoneB": "us-east-1c"},
        ],
        ids="-".join,
    )
    def test_incomplete_combination_violates_a_rule(self, parameters: dict[str, str]) -> None:
        assert len(rollout(**parameters).violated_rules()) == 1

    def test_complete_combination_violates_no_rule(self) -> None:
        assert not rollout().violated_rules()
        assert not rollout(CertificateArn=CERTIFICATE, ModelDomain="models.example.com").violated_rules()
        assert not rollout(**EXISTING).violated_rules()
        assert not rollout(ZoneA="us-east-1c", ZoneB="us-east-1d").violated_rules()


class TestKey:
    def test_key_encrypts_all_stored_data(self) -> None:
        stack = rollout(Encryption="customer-managed", Ingest="queue")
        key = {"GetAtt": "Key.Arn"}
        assert stack["Records"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
        assert "SSESpecification" not in rollout()["Records"]  # DynamoDB's own key, without costs
        assert stack["Orchestrator"]["KmsKeyArn"] == stack["AlarmTopic"]["KmsMasterKeyId"] == key
        for name, group in stack.of_type("AWS::Logs::LogGroup").items():
            assert group["KmsKeyId"] == key, name
        assert stack["Key"]["EnableKeyRotation"] is True

    def test_alarms_and_logs_can_use_the_key_for_this_account_only(self) -> None:
        _, _, alarms, logs = rollout(Encryption="customer-managed")["Key"]["KeyPolicy"]["Statement"]
        assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert "ArnLike" in logs["Condition"]

    def test_events_into_queues_can_use_the_key_without_a_condition(self) -> None:
        """EventBridge sends no account to KMS: with a condition on it, every upload would be dropped silently."""
        _, events, *_ = rollout(Encryption="customer-managed")["Key"]["KeyPolicy"]["Statement"]
        assert events["Principal"] == {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}
        assert "Condition" not in events

    def test_key_has_a_name(self) -> None:
        assert rollout(Encryption="customer-managed")["KeyName"]["TargetKeyId"] == {"Ref": "Key"}
