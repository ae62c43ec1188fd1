"""The custom resource from request to response."""

from typing import Any

from tests.support.response_server import CLOSE
from tests.unit.image_build.conftest import Deployment

VERSIONS = ("v1", "v2", "v3")


def images(response: dict[str, Any] | None) -> dict[str, str]:
    """Return the tags in a response, by version."""
    assert response is not None
    return {name.removeprefix("ImageUri").lower(): uri.rpartition(":")[2] for name, uri in response["Data"].items()}


class TestCreate:
    def test_images_are_built_and_their_uris_returned(self, deployment: Deployment) -> None:
        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert (response["Status"], response["Reason"]) == ("SUCCESS", "")
        assert set(images(response)) == set(VERSIONS)
        assert set(images(response).values()) == deployment.tags()
        assert all(tag.startswith(f"{version}-") for version, tag in images(response).items())
        assert response["Data"]["ImageUriV2"].startswith(deployment.uri + ":v2-")

    def test_image_of_the_converter_is_built_if_the_template_names_it(self, deployment: Deployment) -> None:
        response = deployment.request(deployment.event("Create", Images=[*VERSIONS, "converter"]))

        assert set(images(response)) == {*VERSIONS, "converter"}
        assert images(response)["converter"].startswith("converter-")

    def test_converter_that_is_added_later_builds_its_image_only(self, deployment: Deployment) -> None:
        before = images(deployment.request(deployment.event("Create", Images=[*VERSIONS])))

        after = images(deployment.request(deployment.event("Update", "request-2", Images=[*VERSIONS, "converter"])))

        assert {name: after[name] for name in VERSIONS} == before
        assert deployment.codebuild.variables()["TAGS"] == after["converter"]

    def test_response_repeats_the_ids_of_the_request(self, deployment: Deployment) -> None:
        """CloudFormation ignores other responses, and would keep waiting."""
        event = deployment.event("Create")

        response = deployment.request(event)

        assert response is not None
        for name in ("RequestId", "StackId", "LogicalResourceId"):
            assert response[name] == event[name]
        assert response["PhysicalResourceId"]

    def test_response_has_the_empty_content_type_that_the_url_is_signed_for(self, deployment: Deployment) -> None:
        deployment.request(deployment.event("Create"))

        assert set(deployment.server.content_types) == {""}

    def test_codebuild_reads_the_package_of_the_running_function_version(self, deployment: Deployment) -> None:
        """The alias may move to another version during the build; the tags belong to the running one."""
        deployment.request(deployment.event("Create"))

        [request] = deployment.codebuild.started
        variables = deployment.codebuild.variables()
        assert request["projectName"] == "triptych-model-image"
        assert variables["PACKAGE"] == "arn:aws:lambda:eu-west-1:123456789012:function:image-builder:7"
        assert set(variables["TAGS"].split()) == deployment.tags()

    def test_failed_build_fails_the_resource_with_reason_and_log(self, deployment: Deployment) -> None:
        deployment.codebuild.outcome = "FAILED"

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        for part in ("FAILED", "exit status 1", "/triptych/test/image-build", "stream-0"):
            assert part in response["Reason"]
        assert response["PhysicalResourceId"], "CloudFormation needs it to delete the resource"

    def test_build_that_pushes_nothing_fails_the_resource(self, deployment: Deployment) -> None:
        deployment.codebuild.push = lambda _: None

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"

    def test_missing_permission_is_reported_within_a_minute(self, deployment: Deployment) -> None:
        deployment.codebuild.denied = {"StartBuild"}

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert deployment.clock.seconds - deployment.created <= 60
        assert "may not StartBuild" in response["Reason"]

    def test_account_without_a_quota_of_builds_reports_the_remedy(self, deployment: Deployment) -> None:
        """As new accounts are: otherwise only the message of CodeBuild would be reported."""
        deployment.codebuild.without_quota = True

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert deployment.clock.seconds - deployment.created <= 60
        for part in ("more than 0 builds", "request an increase", "ModelImageUri"):
            assert part in response["Reason"]

    def test_permissions_that_take_effect_late_are_waited_for(self, deployment: Deployment) -> None:
        """IAM is eventually consistent, and in a new stack every role is new."""
        deployment.codebuild.denied, deployment.codebuild.denied_s = {"StartBuild"}, 25.0

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"

    def test_build_that_fails_in_the_queue_is_started_again(self, deployment: Deployment) -> None:
        """The permission of CodeBuild's new role to write logs may take effect late."""
        deployment.codebuild.failing_in_queue = 2

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"
        assert len(deployment.codebuild.started) == 3

    def test_build_that_always_fails_in_the_queue_fails_the_resource(self, deployment: Deployment) -> None:
        deployment.codebuild.failing_in_queue = 99

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert "logs:CreateLogStream" in response["Reason"]
        assert len(deployment.codebuild.started) == 3

    def test_package_without_contexts_fails_the_resource(self, deployment: Deployment) -> None:
        for folder in sorted(deployment.root.rglob("*"), reverse=True):
            folder.rmdir() if folder.is_dir() else folder.unlink()

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert "empty" in response["Reason"]

    def test_long_reason_is_cut_to_fit_the_response(self, deployment: Deployment) -> None:
        response = deployment.request(deployment.event("Create", Repository="x" * 5000))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert len(str(response)) < 4096


class TestUpdate:
    def test_update_without_a_change_succeeds_at_once_with_the_same_id(self, deployment: Deployment) -> None:
        created = deployment.request(deployment.event("Create"))
        before = deployment.clock.seconds

        updated = deployment.request(deployment.event("Update", "request-2"))

        assert created is not None
        assert updated is not None
        assert updated["Status"] == "SUCCESS"
        assert updated["PhysicalResourceId"] == created["PhysicalResourceId"]
        assert updated["Data"] == created["Data"]
        assert len(deployment.codebuild.started) == 1
        assert deployment.clock.seconds == before

    def test_changed_model_builds_the_image_of_its_version_only(self, deployment: Deployment) -> None:
        before = images(deployment.request(deployment.event("Create")))
        deployment.change_weights("v2", b"trained again")

        response = deployment.request(deployment.event("Update", "request-2"))

        after = images(response)
        assert {version for version in VERSIONS if before[version] != after[version]} == {"v2"}
        assert deployment.codebuild.variables()["TAGS"] == after["v2"]
        assert set(before.values()) <= deployment.tags(), "running tasks and a rollback need the old image"
        assert response is not None
        assert response["PhysicalResourceId"] == "model-images", (
            "CloudFormation would replace the resource for another id"
        )

    def test_changed_base_image_or_architecture_builds_every_image(self, deployment: Deployment) -> None:
        first = images(deployment.request(deployment.event("Create")))
        second = images(
            deployment.request(deployment.event("Update", "request-2", BaseImage="registry.example/python:3.14-slim"))
        )
        third = images(deployment.request(deployment.event("Update", "request-3", Architecture="ARM64")))

        assert len({*first.values(), *second.values(), *third.values()}) == 9

    def test_rollback_reuses_the_old_images(self, deployment: Deployment) -> None:
        before = deployment.request(deployment.event("Create"))
        deployment.codebuild.outcome = "FAILED"
        deployment.change_weights("v2", b"broken")
        failed = deployment.request(deployment.event("Update", "request-2"))
        deployment.change_weights("v2", b"v2")

        rolled_back = deployment.request(deployment.event("Update", "request-3"))

        assert failed is not None
        assert rolled_back is not None
        assert before is not None
        assert (failed["Status"], rolled_back["Status"]) == ("FAILED", "SUCCESS")
        assert rolled_back["Data"] == before["Data"]
        assert len(deployment.codebuild.started) == 2


class TestDelete:
    def test_delete_stops_running_builds(self, deployment: Deployment) -> None:
        deployment.codebuild.duration = 3600.0
        deployment.timeout = 100.0
        deployment.request(deployment.event("Create"))

        response = deployment.request(deployment.event("Delete", "request-2"))

        assert response is not None
        assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", "model-images")
        assert deployment.codebuild.stopped == ["images:0"]

    def test_delete_after_a_failed_create_stops_nothing(self, deployment: Deployment) -> None:
        deployment.codebuild.outcome = "FAILED"
        deployment.request(deployment.event("Create"))

        response = deployment.request(deployment.event("Delete", "request-2"))

        assert response is not None
        assert response["Status"] == "SUCCESS"
        assert deployment.codebuild.stopped == []

    def test_delete_succeeds_even_if_builds_cannot_be_stopped(self, deployment: Deployment) -> None:
        deployment.codebuild.denied = {"ListBuildsForProject", "StopBuild"}

        response = deployment.request(deployment.event("Delete"))

        assert response is not None
        assert response["Status"] == "SUCCESS"


class TestInterruptedInvocation:
    def test_next_invocation_waits_for_a_long_build(self, deployment: Deployment) -> None:
        deployment.codebuild.duration = 1500.0

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"
        assert len(deployment.codebuild.started) == 1

    def test_retry_of_a_killed_invocation_builds_nothing_twice(self, deployment: Deployment) -> None:
        deployment.kill_at = [30.0]

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"
        assert len(deployment.codebuild.started) == 1

    def test_next_invocation_reports_a_build_that_failed_in_between(self, deployment: Deployment) -> None:
        """The build fails while no invocation runs."""
        deployment.codebuild.outcome = "FAILED"
        deployment.codebuild.duration = 70.0
        deployment.kill_at = [30.0]

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert len(deployment.codebuild.started) == 1

    def test_stuck_build_is_stopped_and_fails_before_the_service_timeout(self, deployment: Deployment) -> None:
        deployment.codebuild.duration = float("inf")

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "FAILED"
        assert "did not end in time" in response["Reason"]
        assert deployment.codebuild.stopped == ["images:0"]
        assert deployment.clock.seconds - deployment.created < 2700


class TestDelivery:
    def test_lost_response_is_sent_again(self, deployment: Deployment) -> None:
        deployment.server.statuses = [500, CLOSE, 503]

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"

    def test_retry_of_the_invocation_sends_a_response_that_could_not_be_sent(self, deployment: Deployment) -> None:
        deployment.server.statuses = [503] * 5

        response = deployment.request(deployment.event("Create"))

        assert response is not None
        assert response["Status"] == "SUCCESS"
        assert len(deployment.codebuild.started) == 1
