"""Whatever goes wrong, and whenever: CloudFormation gets an answer in time, and a true one."""

import uuid
from http.client import RemoteDisconnected
from urllib.error import HTTPError

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from image_build.builder import StillBuilding
from tests.support.callback import DROP
from tests.unit.image_build.conftest import Killed, Stage

SERVICE_TIMEOUT_S = 2700
"""Of template.yaml: after that CloudFormation fails the resource by itself."""

OPERATIONS = ("StartBuild", "BatchGetBuilds", "ListBuildsForProject", "StopBuild")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    duration=st.floats(0, 4000),
    outcome=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"]),
    refuse=st.sets(st.sampled_from(OPERATIONS), max_size=1),
    pushes=st.integers(0, 3),
    statuses=st.lists(st.sampled_from([DROP, 403, 500, 503]), max_size=6),
    dies_at=st.lists(st.floats(0, 3000), max_size=2).map(sorted),
    unbegun=st.sampled_from([0, 0, 1, 2, 3]),
)
@example(duration=4000, outcome="SUCCEEDED", refuse=set(), pushes=3, statuses=[], dies_at=[], unbegun=0)
@example(duration=100, outcome="SUCCEEDED", refuse=set(), pushes=3, statuses=[503] * 6, dies_at=[10.0], unbegun=1)
def test_a_true_answer_in_time(
    stage: Stage,
    duration: float,
    outcome: str,
    refuse: set[str],
    pushes: int,
    statuses: list[int],
    dies_at: list[float],
    unbegun: int,
) -> None:
    """Two of Lambda's three attempts may die at any moment."""
    stage = Stage(stage.callback, stage.ecr, stage.root, name=f"images-{uuid.uuid4().hex}")
    stage.codebuild.duration, stage.codebuild.outcome, stage.codebuild.refuse = duration, outcome, refuse
    stage.codebuild.push = lambda tags: stage.push(tags[:pushes])
    stage.codebuild.unbegun = unbegun
    stage.callback.statuses = list(statuses)
    stage.dies_at = list(dies_at)

    answer = stage.request(stage.event("Create"))

    assert len(stage.codebuild.started) <= min(unbegun + 1, 3), "a build that ran is never repeated"
    assert stage.clock.seconds - stage.born < SERVICE_TIMEOUT_S
    assert {ending for ending in stage.endings if ending} <= {Killed, StillBuilding, HTTPError, RemoteDisconnected}
    if answer is None:
        assert len(stage.endings) == 3, "Lambda did not get to make all its attempts"
    else:
        assert len(stage.tags()) == 3 if answer["Status"] == "SUCCESS" else answer["Reason"]
