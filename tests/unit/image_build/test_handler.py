"""The custom resource, from request to answer: what CloudFormation is told, and that it is told something."""

from typing import Any

from tests.support.callback import DROP
from tests.unit.image_build.conftest import Stage

VERSIONS = ("v1", "v2", "v3")


def images(answer: dict[str, Any] | None) -> dict[str, str]:
    """The tags that the template reads, by version."""
    assert answer is not None
    return {name.removeprefix("ImageUri").lower(): uri.rpartition(":")[2] for name, uri in answer["Data"].items()}


class TestCreate:
    def test_the_images_are_built_and_named(self, stage: Stage) -> None:
        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "")
        assert set(images(answer)) == set(VERSIONS)
        assert set(images(answer).values()) == stage.tags()
        assert all(tag.startswith(f"{version}-") for version, tag in images(answer).items())
        assert answer["Data"]["ImageUriV2"].startswith(stage.uri + ":v2-")

    def test_the_answer_belongs_to_the_request(self, stage: Stage) -> None:
        """CloudFormation ignores an answer that does not repeat these, and would wait on."""
        event = stage.event("Create")

        answer = stage.request(event)

        assert answer is not None
        for name in ("RequestId", "StackId", "LogicalResourceId"):
            assert answer[name] == event[name]
        assert answer["PhysicalResourceId"]

    def test_the_url_is_signed_for_an_empty_content_type(self, stage: Stage) -> None:
        stage.request(stage.event("Create"))

        assert set(stage.callback.content_types) == {""}

    def test_codebuild_gets_the_package_of_the_version_that_asks(self, stage: Stage) -> None:
        """An alias may move on meanwhile; a version's package is what the tags were computed from."""
        stage.request(stage.event("Create"))

        [request] = stage.codebuild.started
        variables = stage.codebuild.variables()
        assert request["projectName"] == "triptych-model-image"
        assert variables["PACKAGE"] == "arn:aws:lambda:eu-west-1:123456789012:function:image-builder:7"
        assert set(variables["TAGS"].split()) == stage.tags()

    def test_a_build_that_fails_fails_the_resource_and_says_where_to_look(self, stage: Stage) -> None:
        stage.codebuild.outcome = "FAILED"

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        for part in ("FAILED", "exit status 1", "/triptych/test/image-build", "stream-0"):
            assert part in answer["Reason"]
        assert answer["PhysicalResourceId"], "CloudFormation deletes the resource by it"

    def test_a_build_that_pushes_nothing_is_no_success(self, stage: Stage) -> None:
        stage.codebuild.push = lambda _: None

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"

    def test_a_missing_right_is_told_soon(self, stage: Stage) -> None:
        stage.codebuild.refuse = {"StartBuild"}

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert stage.clock.seconds - stage.born <= 60
        assert "may not StartBuild" in answer["Reason"]

    def test_rights_that_are_still_on_their_way_are_waited_for(self, stage: Stage) -> None:
        """IAM tells of a new role bit by bit, and in a new stack every role is new."""
        stage.codebuild.refuse, stage.codebuild.settles = {"StartBuild"}, 25.0

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"

    def test_a_build_that_ended_before_it_began_is_started_again(self, stage: Stage) -> None:
        """CodeBuild's role, too, is new: the build may not write its log yet, and ends in the queue."""
        stage.codebuild.unbegun = 2

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"
        assert len(stage.codebuild.started) == 3

    def test_a_build_that_never_begins_fails_the_resource(self, stage: Stage) -> None:
        stage.codebuild.unbegun = 99

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert "logs:CreateLogStream" in answer["Reason"]
        assert len(stage.codebuild.started) == 3

    def test_a_package_without_contexts_is_told(self, stage: Stage) -> None:
        for folder in sorted(stage.root.rglob("*"), reverse=True):
            folder.rmdir() if folder.is_dir() else folder.unlink()

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert "empty" in answer["Reason"]

    def test_a_long_reason_still_fits_into_an_answer(self, stage: Stage) -> None:
        answer = stage.request(stage.event("Create", Repository="x" * 5000))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert len(str(answer)) < 4096


class TestUpdate:
    def test_without_a_change_it_is_answered_at_once_with_the_same_id(self, stage: Stage) -> None:
        created = stage.request(stage.event("Create"))
        before = stage.clock.seconds

        updated = stage.request(stage.event("Update", "request-2"))

        assert created is not None
        assert updated is not None
        assert updated["Status"] == "SUCCESS"
        assert updated["PhysicalResourceId"] == created["PhysicalResourceId"]
        assert updated["Data"] == created["Data"]
        assert len(stage.codebuild.started) == 1
        assert stage.clock.seconds == before

    def test_a_changed_model_builds_its_own_image_and_leaves_the_others(self, stage: Stage) -> None:
        before = images(stage.request(stage.event("Create")))
        stage.change("v2", b"trained again")

        answer = stage.request(stage.event("Update", "request-2"))

        after = images(answer)
        assert {version for version in VERSIONS if before[version] != after[version]} == {"v2"}
        assert stage.codebuild.variables()["TAGS"] == after["v2"]
        assert set(before.values()) <= stage.tags(), "tasks still run the old image, and a rollback goes back to it"
        assert answer is not None
        assert answer["PhysicalResourceId"] == "model-images", "another id would have the old resource deleted"

    def test_another_base_or_processor_builds_them_all(self, stage: Stage) -> None:
        first = images(stage.request(stage.event("Create")))
        second = images(
            stage.request(stage.event("Update", "request-2", BaseImage="registry.example/python:3.14-slim"))
        )
        third = images(stage.request(stage.event("Update", "request-3", Architecture="ARM64")))

        assert len({*first.values(), *second.values(), *third.values()}) == 9

    def test_a_rollback_finds_the_old_images(self, stage: Stage) -> None:
        before = stage.request(stage.event("Create"))
        stage.codebuild.outcome = "FAILED"
        stage.change("v2", b"broken")
        failed = stage.request(stage.event("Update", "request-2"))
        stage.change("v2", b"v2")

        rolled_back = stage.request(stage.event("Update", "request-3"))

        assert failed is not None
        assert rolled_back is not None
        assert before is not None
        assert (failed["Status"], rolled_back["Status"]) == ("FAILED", "SUCCESS")
        assert rolled_back["Data"] == before["Data"]
        assert len(stage.codebuild.started) == 2


class TestDelete:
    def test_what_still_builds_is_stopped(self, stage: Stage) -> None:
        stage.codebuild.duration = 3600.0
        stage.timeout = 100.0
        stage.request(stage.event("Create"))

        answer = stage.request(stage.event("Delete", "request-2"))

        assert answer is not None
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "model-images")
        assert stage.codebuild.stopped == ["images:0"]

    def test_after_a_failed_create_there_is_nothing_to_do(self, stage: Stage) -> None:
        stage.codebuild.outcome = "FAILED"
        stage.request(stage.event("Create"))

        answer = stage.request(stage.event("Delete", "request-2"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"
        assert stage.codebuild.stopped == []

    def test_nothing_keeps_a_stack_from_being_deleted(self, stage: Stage) -> None:
        stage.codebuild.refuse = {"ListBuildsForProject", "StopBuild"}

        answer = stage.request(stage.event("Delete"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"


class TestTime:
    def test_a_build_longer_than_an_invocation_is_waited_for_by_the_next(self, stage: Stage) -> None:
        stage.codebuild.duration = 1500.0

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"
        assert len(stage.codebuild.started) == 1

    def test_an_invocation_that_dies_is_repeated_and_builds_nothing_twice(self, stage: Stage) -> None:
        stage.dies_at = [30.0]

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"
        assert len(stage.codebuild.started) == 1

    def test_a_failure_that_nobody_was_told_of_is_told_by_the_next(self, stage: Stage) -> None:
        """The build fails while no invocation lives."""
        stage.codebuild.outcome = "FAILED"
        stage.codebuild.duration = 70.0
        stage.dies_at = [30.0]

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert len(stage.codebuild.started) == 1

    def test_a_build_that_never_ends_is_stopped_and_fails_before_cloudformation_gives_up(self, stage: Stage) -> None:
        stage.codebuild.duration = float("inf")

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "FAILED"
        assert "does not end" in answer["Reason"]
        assert stage.codebuild.stopped == ["images:0"]
        assert stage.clock.seconds - stage.born < 2700


class TestDelivery:
    def test_an_answer_that_gets_lost_is_given_again(self, stage: Stage) -> None:
        stage.callback.statuses = [500, DROP, 503]

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"

    def test_an_answer_that_cannot_be_given_fails_the_invocation_so_that_the_next_gives_it(self, stage: Stage) -> None:
        stage.callback.statuses = [503] * 5

        answer = stage.request(stage.event("Create"))

        assert answer is not None
        assert answer["Status"] == "SUCCESS"
        assert len(stage.codebuild.started) == 1
