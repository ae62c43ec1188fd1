"""Protects: the model of an update follows CloudFormation's schemas and the references between resources."""

from testkit.changes import Action, compare
from tests.unit.testkit.changes.stacks import changed, resource, stack

VPC = resource("EC2::VPC", CidrBlock="10.0.0.0/16")
SUBNET = resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.0.0.0/24")
BALANCER = resource("ElasticLoadBalancingV2::LoadBalancer", Scheme="internal", Subnets=[{"Ref": "Subnet"}])


def test_equal_templates_change_nothing() -> None:
    assert not compare(stack(Vpc=VPC, Subnet=SUBNET), stack(Vpc=VPC, Subnet=SUBNET)).changes


def test_new_and_missing_resources_are_created_and_deleted() -> None:
    update = compare(stack(Vpc=VPC), stack(Other=VPC))
    assert update.names(Action.CREATE) == {"Other"}
    assert update.names(Action.DELETE) == {"Vpc"}


def test_property_that_can_change_is_updated_in_place() -> None:
    update = compare(stack(Vpc=VPC), stack(Vpc=changed(VPC, EnableDnsSupport=True)))
    assert update.names(Action.UPDATE) == {"Vpc"}
    assert update.changes["Vpc"].properties == {"EnableDnsSupport"}


def test_replacement_continues_along_references_until_a_property_can_change() -> None:
    """A subnet cannot move to another VPC and is replaced; a load balancer gets other subnets in place."""
    before = stack(Vpc=VPC, Subnet=SUBNET, Balancer=BALANCER)
    update = compare(before, stack(Vpc=changed(VPC, CidrBlock="10.1.0.0/16"), Subnet=SUBNET, Balancer=BALANCER))
    assert update.names(Action.REPLACE) == {"Vpc", "Subnet"}
    assert update.changes["Subnet"].create_only == {"VpcId"}
    assert update.names(Action.UPDATE) == {"Balancer"}


def test_nested_create_only_property_replaces_the_resource() -> None:
    plain = resource("ECR::Repository", EncryptionConfiguration={"EncryptionType": "AES256"})
    with_key = changed(plain, EncryptionConfiguration={"EncryptionType": "KMS", "KmsKey": "key"})
    assert compare(stack(Images=plain), stack(Images=with_key)).names(Action.REPLACE) == {"Images"}


def test_updated_custom_resource_changes_what_refers_to_it() -> None:
    """Its attributes are only known after the update."""
    image = resource("Custom::ModelImage", ServiceToken="token", BaseImage="a")
    task = resource("ECS::TaskDefinition", ContainerDefinitions=[{"Image": {"GetAtt": "Image.Uri"}}])
    update = compare(stack(Image=image, Task=task), stack(Image=changed(image, BaseImage="b"), Task=task))
    assert update.names(Action.REPLACE) == {"Task"}


def test_select_from_a_list_equals_its_item() -> None:
    selected = changed(SUBNET, VpcId={"Select": [0, [{"Ref": "Vpc"}, {"Ref": "Other"}]]})
    assert not compare(stack(Vpc=VPC, Subnet=selected), stack(Vpc=VPC, Subnet=SUBNET)).changes
