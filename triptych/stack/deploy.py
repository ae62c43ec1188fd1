"""The rollout: the same `sam build` and `sam deploy` of the same template.yaml as on AWS, spoken to the emulator."""

import json
import math
import subprocess
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.stack import environment
from triptych.stack.emulator import endpoint
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.state import Ingest

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_sqs.client import SQSClient

STACK_NAME = "triptych"
_ALIAS = "live"
_A_DOCUMENT_S = 4.0
"""Seconds that the orchestrator may have a message, a cold start included, before it is seen as failed."""

_STEP_TIMEOUT = 300.0
"""Seconds; a build on a slow line fetches a few megabytes of wheels."""


def build(home: Home, fingerprint: str) -> bool:
    """Run `sam build`, unless what lies in `home` was made from the same sources.

    Returns:
        Whether it had to build.

    Raises:
        StackError: the build failed.
    """
    stamp = home.build / "fingerprint"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return False
    template = str(REPOSITORY / "template.yaml")
    _sam(home, "build", "--template-file", template, "--build-dir", str(home.build))
    built = home.build / "template.yaml"
    built.write_text(_without_codedeploy(built.read_text()))
    stamp.write_text(fingerprint)
    return True


def deploy(home: Home, port: int, *, ingest: Ingest, concurrency: int, retry_seconds: float) -> dict[str, str]:
    """Run `sam deploy` with the environment `local` of samconfig.toml.

    Args:
        home: where the build lies.
        port: the emulator's.
        ingest: how uploads reach the orchestrator.
        concurrency: with a queue, how many documents are taken from it at a time.
        retry_seconds: with a queue, what a failed document waits before it is taken again.

    Returns:
        The stack's outputs.

    Raises:
        StackError: the deployment failed; CloudFormation has rolled it back.
    """
    config = REPOSITORY / "samconfig.toml"
    _sam(
        home,
        "deploy",
        *("--template-file", str(home.build / "template.yaml")),
        *("--config-file", str(config), "--config-env", "local"),
        *("--parameter-overrides", *parameters(config.read_text(), endpoint(port))),
        *(f"Ingest={ingest}", f"InboxConcurrency={concurrency}"),
        endpoint_url=endpoint(port),
    )
    outputs = read_outputs(port)
    _keep_failures(outputs["OrchestratorFunctionName"], port)
    if ingest == "queue":
        _pace(outputs, port, concurrency, retry_seconds)
    return outputs


def parameters(samconfig: str, endpoint_url: str) -> list[str]:
    """The parameters of the environment `local`, with the endpoint that this stack really got."""
    overrides = tomllib.loads(samconfig)["local"]["deploy"]["parameters"]["parameter_overrides"]
    kept = [pair for pair in overrides if not pair.startswith("LocalEndpoint=")]
    return [*kept, f"LocalEndpoint={endpoint_url}"]


def read_outputs(port: int) -> dict[str, str]:
    """The outputs of the deployed stack, by name."""
    client: CloudFormationClient = environment.session().client("cloudformation", endpoint_url=endpoint(port))
    [stack] = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def waiting(queue_url: str, port: int) -> int:
    """How many messages a queue holds, those that somebody works on included."""
    client: SQSClient = environment.session().client("sqs", endpoint_url=endpoint(port))
    counts = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    return sum(int(number) for name, number in counts.items() if name.startswith("ApproximateNumberOfMessages"))


def warm_up(function: str, port: int, *, workers: int) -> None:
    """Invoke the orchestrator with an event that announces nothing: it starts, or tells why it cannot.

    Args:
        function: the orchestrator's name.
        port: the emulator's.
        workers: how many are to be warm afterwards; that many invocations at once start as many.

    Raises:
        StackError: its code cannot be loaded.
    """
    client: LambdaClient = environment.session().client("lambda", endpoint_url=endpoint(port))

    def invoke(_: int) -> None:
        answer = client.invoke(FunctionName=function, Qualifier=_ALIAS, Payload=json.dumps({"Records": []}))
        if "FunctionError" in answer:
            raise StackError(f"The orchestrator does not start: {answer['Payload'].read().decode()}")

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(invoke, range(workers)))


def _without_codedeploy(template: str) -> str:
    """The built template with another default for how a new orchestrator is rolled out.

    The emulator expands SAM's resources by the parameters' defaults, whatever was given, and knows no CodeDeploy.
    """
    canary = "Default: Canary10Percent5Minutes"
    if template.count(canary) != 1:
        raise StackError("template.yaml no longer says how a new orchestrator is rolled out.")
    return template.replace(canary, "Default: AllAtOnce")


def _keep_failures(function: str, port: int) -> None:
    """Make the emulator keep failed events in the on-failure queue.

    It overlooks the destination of an alias, but sends the very same message to a function's dead-letter queue, which
    its CloudFormation does not set.
    """
    client: LambdaClient = environment.session().client("lambda", endpoint_url=endpoint(port))
    config = client.get_function_event_invoke_config(FunctionName=function, Qualifier=_ALIAS)
    queue = config["DestinationConfig"]["OnFailure"]["Destination"]
    client.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": queue})
    version = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name=_ALIAS, FunctionVersion=version)


def _pace(outputs: dict[str, str], port: int, concurrency: int, retry_seconds: float) -> None:
    """Make the emulator take from the inbox queue as told.

    Its CloudFormation hands the mapping's concurrency on as text, on which its poller stumbles: the same number is
    set again. And what a failed message waits is shortened as everything that waits is here.
    """
    lambdas: LambdaClient = environment.session().client("lambda", endpoint_url=endpoint(port))
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": concurrency})
    sqs: SQSClient = environment.session().client("sqs", endpoint_url=endpoint(port))
    hidden = math.ceil(retry_seconds + _A_DOCUMENT_S)
    sqs.set_queue_attributes(QueueUrl=outputs["InboxQueueUrl"], Attributes={"VisibilityTimeout": str(hidden)})


def _sam(home: Home, command: str, *arguments: str, endpoint_url: str = "") -> None:
    log = home.logs / f"sam-{command}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",  # seconds between looks at the deployment; its default suits AWS's pace
        "__SAM_CLI_APP_DIR": str(_sam_settings(home)),
        "PYTHON": str(environment.tool("python")),  # it has pip, which orchestrator/Makefile needs
        "IMAGE_VERSIONS": "",  # image_build/Makefile: the services run as processes, so no image is to be built
    }
    if endpoint_url:
        settings["AWS_ENDPOINT_URL"] = endpoint_url
    argv = [str(environment.tool("sam")), command, *arguments]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                argv,
                env=environment.aws(home) | settings,
                cwd=home.path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_STEP_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StackError(f"`sam {command}` took more than {_STEP_TIMEOUT:.0f} s.", log) from None
    if done.returncode != 0:
        raise StackError(f"`sam {command}` failed.", log)


def _sam_settings(home: Home) -> Path:
    """The SAM CLI's own settings, kept out of the person's; it looks for no newer version of itself."""
    folder = home.path / "sam"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    return folder
