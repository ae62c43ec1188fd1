"""CloudFormation receives a correct response in time, whatever fails and whenever it fails."""

import uuid
from http.client import RemoteDisconnected
from urllib.error import HTTPError

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from image_build.builder import StillBuilding
from tests.support.examples import examples
from tests.support.response_server import CLOSE
from tests.unit.image_build.conftest import Deployment, Killed

SERVICE_TIMEOUT_S = 2700
"""ServiceTimeout in template.yaml, after which CloudFormation fails the resource."""

OPERATIONS = ("StartBuild", "BatchGetBuilds", "ListBuildsForProject", "StopBuild")


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    duration=st.floats(0, 4000),
    outcome=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"]),
    denied=st.sets(st.sampled_from(OPERATIONS), max_size=1),
    pushes=st.integers(0, 3),
    statuses=st.lists(st.sampled_from([CLOSE, 403, 500, 503]), max_size=6),
    kill_at=st.lists(st.floats(0, 3000), max_size=2).map(sorted),
    failing_in_queue=st.sampled_from([0, 0, 1, 2, 3]),
)
@example(duration=4000, outcome="SUCCEEDED", denied=set(), pushes=3, statuses=[], kill_at=[], failing_in_queue=0)
@example(
    duration=100, outcome="SUCCEEDED", denied=set(), pushes=3, statuses=[503] * 6, kill_at=[10.0], failing_in_queue=1
)
def test_response_is_sent_in_time_and_matches_the_repository(
    deployment: Deployment,
    duration: float,
    outcome: str,
    denied: set[str],
    pushes: int,
    statuses: list[int],
    kill_at: list[float],
    failing_in_queue: int,
) -> None:
    """Up to two of Lambda's three attempts are killed at arbitrary moments."""
    deployment = Deployment(deployment.server, deployment.ecr, deployment.root, name=f"images-{uuid.uuid4().hex}")
    deployment.codebuild.duration, deployment.codebuild.outcome, deployment.codebuild.denied = duration, outcome, denied
    deployment.codebuild.push = lambda tags: deployment.push(tags[:pushes])
    deployment.codebuild.failing_in_queue = failing_in_queue
    deployment.server.statuses = list(statuses)
    deployment.kill_at = list(kill_at)

    response = deployment.request(deployment.event("Create"))

    assert len(deployment.codebuild.started) <= min(failing_in_queue + 1, 3), (
        "a build whose commands ran is never repeated"
    )
    assert deployment.clock.seconds - deployment.created < SERVICE_TIMEOUT_S
    assert {outcome for outcome in deployment.outcomes if outcome} <= {
        Killed,
        StillBuilding,
        HTTPError,
        RemoteDisconnected,
    }
    if response is None:
        assert len(deployment.outcomes) == 3, "Lambda did not make all of its attempts"
    else:
        assert len(deployment.tags()) == 3 if response["Status"] == "SUCCESS" else response["Reason"]
