"""The deployment that the preflight inspects: stack, account, region and parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.errors import UsageError
from triptych.plan.rollout import SERVICES
from triptych.preflight.parameters import CONVERTER_VCPUS, DEFAULTS, IMAGE_PARAMETERS

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient


@dataclass(frozen=True)
class DeployedStack:
    """The stack as it exists now.

    Attributes:
        status: CloudFormation's status, such as UPDATE_COMPLETE.
        parameters: The parameters of its last deployment.
    """

    status: str
    parameters: Mapping[str, str]

    @property
    def exists(self) -> bool:
        """Whether an update would be made; a stack in review has no resources yet, so it would be created."""
        return self.status != "REVIEW_IN_PROGRESS"


def describe_stack(cloudformation: "CloudFormationClient", name: str) -> DeployedStack | None:
    """Return the stack of this name, or None if there is none.

    Raises:
        ClientError: CloudFormation denied the call.
    """
    try:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no separate error code for a stack that does not exist.
        if error.response["Error"].get("Code") == "ValidationError":
            return None
        raise
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])}
    return DeployedStack(stack["StackStatus"], values)


@dataclass(frozen=True)
class Deployment:
    """A planned deployment.

    Attributes:
        stack: Name of the stack.
        given: Parameters that the deployment sets. Others keep the value of the deployed stack, or their default.
        deployed: The stack as it exists now, if it does.
    """

    stack: str
    region: str
    account: str
    partition: str
    given: Mapping[str, str]
    deployed: DeployedStack | None = None

    def __getitem__(self, parameter: str) -> str:
        """Return the value that a parameter will have."""
        earlier = self.deployed.parameters if self.deployed else {}
        return {**DEFAULTS, **earlier, **self.given}[parameter]

    def number(self, parameter: str) -> int:
        """Return the value of a parameter that is a number.

        Raises:
            UsageError: It is something else.
        """
        value = self[parameter]
        if not value.isdecimal():
            raise UsageError(f"{parameter}={value} is not a number.")
        return int(value)

    def earlier(self, parameter: str) -> str | None:
        """Return the value that a parameter has in the deployed stack, or None if there is no such stack."""
        if self.deployed is None or not self.deployed.exists:
            return None
        return self.deployed.parameters.get(parameter, DEFAULTS[parameter])

    @property
    def is_first(self) -> bool:
        """Whether the deployment creates the stack."""
        return self.deployed is None or not self.deployed.exists

    @property
    def builds_images(self) -> bool:
        """Whether the stack builds its images."""
        return not self["ModelImageUri"]

    @property
    def images(self) -> list[str]:
        """Images from elsewhere, each once."""
        names = [*IMAGE_PARAMETERS, *(["ConverterImageUri"] if self.converts else [])]
        return list(dict.fromkeys(self[name] for name in names if self[name]))

    @property
    def repositories(self) -> list[str]:
        """ARNs of the repositories from which the tasks may pull images; `*` stands for any characters."""
        own = f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/*"
        return _split(self["ImageRepositoryArns"]) or [own]

    @property
    def converts(self) -> bool:
        """Whether the stack has a converter."""
        return self["OfficeFormats"] == "convert"

    @property
    def is_private(self) -> bool:
        """Whether the tasks have no route to the internet."""
        return self["Network"] == "private"

    @property
    def endpoint_services(self) -> tuple[str, ...]:
        """Services with an interface endpoint in a private network."""
        shell = ("ssmmessages",) if self["ExecuteCommand"] == "enabled" else ()
        return ("ecr.api", "ecr.dkr", "logs", *shell)

    @property
    def creates_endpoints(self) -> bool:
        """Whether the stack creates these endpoints."""
        return self.is_private and self["InterfaceEndpoints"] == "create"

    @property
    def subnets(self) -> list[str]:
        """The subnets of an existing VPC."""
        return _split(self["SubnetIds"])

    @property
    def route_tables(self) -> list[str]:
        """The route tables of an existing VPC in which the stack creates gateway endpoints."""
        return _split(self["RouteTableIds"])

    @property
    def own_bucket(self) -> str:
        """The name of the inbox that the stack creates unless `ExistingBucketName` names another."""
        return f"{self.stack}-inbox-{self.account}-{self.region}"

    @property
    def minimum_vcpus(self) -> dict[str, float]:
        """The vCPUs of the minimum number of tasks, by the name of their quota in aws.toml."""
        services = SERVICES.get(self["ModelHosting"], 0)
        versions = services * self.number("MinModelTasks") * self.number("ModelCpu") / 1024
        converter = CONVERTER_VCPUS * self.number("ConverterTasks") if self.converts else 0
        if self["ModelSpot"] == "all":
            return {"fargate_spot_vcpus": versions, "fargate_vcpus": converter}
        return {"fargate_vcpus": versions + converter}


def _split(text: str) -> list[str]:
    return text.split(",") if text else []
