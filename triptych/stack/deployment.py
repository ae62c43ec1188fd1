"""Deploy template.yaml to the emulator with `sam build` and `sam deploy`, as on AWS."""

import json
import math
import subprocess
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.stack import environment
from triptych.stack.emulator import endpoint_url
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.state import Choices

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_sqs.client import SQSClient

STACK_NAME = "triptych"
_ALIAS = "live"
_PROCESSING_S = 4.0
"""Seconds that the orchestrator needs at most for a message, including a cold start."""

_STEP_TIMEOUT = 300.0
"""Seconds. A build downloads a few megabytes of wheels, possibly over a slow connection."""


def sam_build(home: Home, fingerprint: str) -> bool:
    """Run `sam build`, unless `home` contains a build with the same fingerprint.

    Returns:
        Whether it ran.

    Raises:
        StackError: The build failed.
    """
    stamp = home.build / "fingerprint"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return False
    template = str(REPOSITORY / "template.yaml")
    _run_sam(home, "build", "--template-file", template, "--build-dir", str(home.build))
    built = home.build / "template.yaml"
    built.write_text(_without_codedeploy(built.read_text()))
    stamp.write_text(fingerprint)
    return True


def sam_deploy(home: Home, port: int, choices: Choices, *, concurrency: int, retry_seconds: float) -> dict[str, str]:
    """Run `sam deploy` with the environment `local` of samconfig.toml.

    Args:
        home: The stack's home, which contains the build.
        port: Port of the emulator.
        choices: The user's choices.
        concurrency: With a queue, maximum number of documents in progress.
        retry_seconds: With a queue, seconds before a failed document is received again.

    Returns:
        The stack's outputs.

    Raises:
        StackError: The deployment failed, and CloudFormation has rolled it back.
    """
    config = REPOSITORY / "samconfig.toml"
    _run_sam(
        home,
        "deploy",
        *("--template-file", str(home.build / "template.yaml")),
        *("--config-file", str(config), "--config-env", "local"),
        *("--parameter-overrides", *local_parameters(config.read_text(), endpoint_url(port))),
        *(f"Ingest={choices.ingest}", f"InboxConcurrency={concurrency}"),
        *(f"OfficeFormats={choices.office_formats}", "ConverterImageUri=local/no-image"),
        *(f"Results={choices.results}", f"ModelHosting={choices.hosting}", f"DocumentTransfer={choices.transfer}"),
        *([f"LocalFunctions={choices.functions_url}"] if choices.functions_url else []),
        *("--tags", f"results={choices.results}"),  # the emulator overlooks a change that only adds resources
        emulator_url=endpoint_url(port),
    )
    outputs = read_outputs(port)
    _set_dead_letter_queue(outputs["OrchestratorFunctionName"], port)
    if choices.ingest == "queue":
        _configure_inbox_queue(outputs, port, concurrency, retry_seconds)
    return outputs


def local_parameters(samconfig: str, emulator_url: str) -> list[str]:
    """Return the parameters of the environment `local` in samconfig.toml, with the URL of this stack's emulator."""
    overrides = tomllib.loads(samconfig)["local"]["deploy"]["parameters"]["parameter_overrides"]
    kept = [pair for pair in overrides if not pair.startswith("LocalEndpoint=")]
    return [*kept, f"LocalEndpoint={emulator_url}"]


def read_outputs(port: int) -> dict[str, str]:
    """Return the outputs of the deployed stack, by name."""
    client: CloudFormationClient = environment.local_session().client("cloudformation", endpoint_url=endpoint_url(port))
    [stack] = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def queue_length(queue_url: str, port: int) -> int:
    """Return the number of messages in a queue, including those in flight."""
    client: SQSClient = environment.local_session().client("sqs", endpoint_url=endpoint_url(port))
    counts = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    return sum(int(number) for name, number in counts.items() if name.startswith("ApproximateNumberOfMessages"))


def warm_up_orchestrator(function: str, port: int, *, workers: int) -> None:
    """Start Lambda workers by invoking the orchestrator with an empty event.

    Args:
        function: Name of the function.
        port: Port of the emulator.
        workers: Number of concurrent invocations, each of which starts a worker.

    Raises:
        StackError: The orchestrator cannot be imported.
    """
    client = _lambda_client(port)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda _: _invoke_without_records(client, f"{function}:{_ALIAS}"), range(workers)))


def warm_up_publisher(function: str, port: int) -> None:
    """Start the publisher's Lambda worker. One suffices, because a stream is read in order.

    Raises:
        StackError: The publisher cannot be imported.
    """
    _invoke_without_records(_lambda_client(port), function)


def _invoke_without_records(client: "LambdaClient", function: str) -> None:
    response = client.invoke(FunctionName=function, Payload=json.dumps({"Records": []}))
    if "FunctionError" in response:
        raise StackError(f"{function} does not start: {response['Payload'].read().decode()}")


def _lambda_client(port: int) -> "LambdaClient":
    client: LambdaClient = environment.local_session().client("lambda", endpoint_url=endpoint_url(port))
    return client


def _without_codedeploy(template: str) -> str:
    """Return the built template with another default of OrchestratorRollout.

    The emulator expands SAM's resources with the defaults of the parameters, and does not support CodeDeploy.
    """
    canary = "Default: Canary10Percent5Minutes"
    if template.count(canary) != 1:
        raise StackError("template.yaml has another default of OrchestratorRollout than expected.")
    return template.replace(canary, "Default: AllAtOnce")


def _set_dead_letter_queue(function: str, port: int) -> None:
    """Make the emulator send failed events to the dead-letter queue.

    It ignores the on-failure destination of an alias, but sends the same message to the dead-letter queue of a
    function, which its CloudFormation does not set.
    """
    client: LambdaClient = environment.local_session().client("lambda", endpoint_url=endpoint_url(port))
    config = client.get_function_event_invoke_config(FunctionName=function, Qualifier=_ALIAS)
    queue = config["DestinationConfig"]["OnFailure"]["Destination"]
    client.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": queue})
    version = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name=_ALIAS, FunctionVersion=version)


def _configure_inbox_queue(outputs: dict[str, str], port: int, concurrency: int, retry_seconds: float) -> None:
    """Set concurrency and retry delay of the inbox queue.

    The emulator's CloudFormation passes the concurrency on as text, which its poller cannot handle, so it is set again
    as a number. The delay of a failed message is shortened like all delays of the local stack.
    """
    lambdas: LambdaClient = environment.local_session().client("lambda", endpoint_url=endpoint_url(port))
    for mapping in lambdas.list_event_source_mappings(FunctionName=outputs["OrchestratorFunctionName"])[
        "EventSourceMappings"
    ]:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": concurrency})
    sqs: SQSClient = environment.local_session().client("sqs", endpoint_url=endpoint_url(port))
    visibility_timeout = math.ceil(retry_seconds + _PROCESSING_S)
    sqs.set_queue_attributes(
        QueueUrl=outputs["InboxQueueUrl"], Attributes={"VisibilityTimeout": str(visibility_timeout)}
    )


def _run_sam(home: Home, command: str, *arguments: str, emulator_url: str = "") -> None:
    log = home.logs / f"sam-{command}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",  # seconds between polls of the deployment; the default suits AWS
        "__SAM_CLI_APP_DIR": str(_sam_app_dir(home)),
        "PYTHON": str(environment.tool_path("python")),  # has pip, which orchestrator/Makefile needs
        "IMAGES": "",  # for image_build/Makefile: the services run as processes and need no images
    }
    if emulator_url:
        settings["AWS_ENDPOINT_URL"] = emulator_url
    argv = [str(environment.tool_path("sam")), command, *arguments]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                argv,
                env=environment.aws_environment(home) | settings,
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


def _sam_app_dir(home: Home) -> Path:
    """Return a folder for the SAM CLI's settings, separate from the user's, with the version check disabled."""
    folder = home.path / "sam"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    return folder
