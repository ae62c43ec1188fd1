"""The faults, each of which uploads documents while something is broken."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.chaos.campaign import Campaign, notification_of
from records.policy import POLICY_KEY, policy_sort_key
from testkit.fault_proxy import delay, hang, invalid_responses, lossy, throttle
from testkit.local_stack import VERSIONS, orchestrator_denied, publisher_denied
from testkit.process_limits import full_disk, memory_limit
from triptych.stack.services import service_is_ready

CLOCK_STEP_S = 45
"""By how much the clock of the orchestrator is stepped. docs/semantics.md allows 50 seconds."""

LARGE = 12
"""Factor by which pictures are larger whose decoding must fail for lack of memory: 11 megapixels."""

ROLLED_OUT = "v1"
"""The version that has other weights during the rollouts."""


class FaultCampaign(Campaign):
    """Faults in one ingest mode."""

    def run(self, rounds: int, includes: Callable[[str], bool], report: Callable[[str], None]) -> None:
        """Inject every fault once a round, in random order, and then the outages that outlast every retry.

        Args:
            rounds: Number of rounds.
            includes: Returns whether to inject the fault of this name.
            report: Receives a line before each round and after each fault.
        """
        faults = [fault for fault in FAULTS if includes(name_of(fault)) and self._can_inject(fault)]
        for number in range(1, rounds + 1):
            report(f"{self.ingest}: round {number} of {rounds}")
            for fault in self.rng.sample(faults, len(faults)):
                self._inject(fault, report)
        for outage in OUTAGES:
            if includes(name_of(outage)):
                self._inject(outage, report)

    def _can_inject(self, fault: "Fault") -> bool:
        return fault is not FaultCampaign.step_clock or self.stack.clock is not None

    def _inject(self, fault: "Fault", report: Callable[[str], None]) -> None:
        started = time.monotonic()
        fault(self)
        report(f"  {name_of(fault)}: {time.monotonic() - started:.1f} s")

    # Faults. The first argument of `upload` names each in the report.

    def kill_service(self) -> None:
        """Kill a service with SIGKILL."""
        version = next(self.versions)
        self.stack.kill_service(version)
        self.upload("service killed")
        self.stack.start_service(version)

    def freeze_service(self) -> None:
        """Suspend a service: it keeps its connections and does not respond."""
        with self.stack.frozen_service(next(self.versions)):
            self.wait_for_records(self.upload("service stopped (SIGSTOP)"))

    def slow_service(self) -> None:
        """Delay the responses of a service."""
        seconds = self.rng.choice([0.5, 1.5, 3.5])  # within the budget and beyond it
        with self.stack.faulty_service(next(self.versions), delay(seconds)):
            self.wait_for_records(self.upload("service slowed"))

    def restart_service(self) -> None:
        """Stop a service gracefully and start it again, as a deployment does."""
        self.upload("service restarted")
        self.stack.restart_service(next(self.versions))

    def return_invalid_responses(self) -> None:
        """Falsify the responses of a service, in ten ways."""
        with self.stack.faulty_service(next(self.versions), invalid_responses()):
            self.wait_for_records(self.upload("service returns invalid responses"))

    def throttle_table(self) -> None:
        """Respond as DynamoDB does when it throttles."""
        with self.stack.table_proxy.injecting(throttle):
            self.upload("table throttled")
            time.sleep(1.5)

    def kill_handlers(self) -> None:
        """Kill Lambda workers while they work."""
        self.upload("handlers killed (SIGKILL)")
        self.pause(0.02, 0.3)
        self.stack.kill_lambda_workers(3)

    def duplicate_events(self) -> None:
        """Deliver each event twice, all at the same time."""
        with self.notifications_off():
            uploads = self.upload("events duplicated")
        events = [notification_of(self.bucket, upload, next(self.numbers)) for upload in uploads]
        self.deliver(events * 2)

    def shuffle_events(self) -> None:
        """Upload one key several times, deliver its events in random order, and one of them once more later."""
        with self.notifications_off():
            key = f"{self.ingest}/shuffled/{next(self.numbers)}.png"
            uploads = [self.put("events shuffled", key) for _ in range(self.per_fault)]
            self.log.injected["events shuffled"] += 1
        events = [notification_of(self.bucket, upload, next(self.numbers)) for upload in uploads]
        self.deliver(self.rng.sample(events, len(events)))
        self.wait_for_records(uploads)
        self.deliver(events[:1])

    def kill_publisher(self) -> None:
        """Kill the workers of the publisher while they work."""
        uploads = self.upload("publisher killed (SIGKILL)")
        for _ in range(3):
            self.pause(0.05, 0.5)
            self.stack.kill_publisher()
        self.wait_for_records(uploads)

    def deny_publisher(self) -> None:
        """Take away the permission of the publisher to send events."""
        with publisher_denied(self.stack.connection):
            self.wait_for_records(self.upload("publisher may not send"))

    def partition_network(self) -> None:
        """Let no answer of any service reach the orchestrator."""
        with ExitStack() as partition:
            for version in VERSIONS:
                partition.enter_context(self.stack.faulty_service(version, hang))
            self.wait_for_records(self.upload("network partitioned"))

    def lose_packets(self) -> None:
        """Lose a third of the requests to a service or of its answers, and delay another third."""
        with self.stack.faulty_service(next(self.versions), lossy(self.rng)):
            self.wait_for_records(self.upload("packets lost"))

    def poison_policy(self) -> None:
        """Put an unreadable policy into the table, as the newest."""
        key = {"document": POLICY_KEY, "sequencer": policy_sort_key(999)}
        self.table.put_item(Item={**key, "id": "p999", "weights": "everything", "audit_share": "x"})
        try:
            self.wait_for_records(self.upload("policy poisoned"))
        finally:
            self.table.delete_item(Key=key)

    def revoke_read(self) -> None:
        """Take away the permission of the orchestrator to read documents."""
        with orchestrator_denied(self.stack.connection, "s3:GetObject*"):
            self.wait_for_records(self.upload("read permission revoked"))

    def revoke_write(self) -> None:
        """Take away its permission to write records."""
        with orchestrator_denied(self.stack.connection, "dynamodb:PutItem"):
            self.upload("write permission revoked")
            time.sleep(1.5)

    def fill_disk(self) -> None:
        """Leave a service, its decoders and the journal without space for files."""
        version = next(self.versions)
        with full_disk([self.stack.service_process(version), self.stack.journal_process()]):
            self.wait_for_records(self.upload("disk full"))
        self.stack.replace_unhealthy_service(version)

    def limit_memory(self) -> None:
        """Leave a service and its decoders without more memory than they have, and send large pictures."""
        version = next(self.versions)
        with memory_limit([self.stack.service_process(version)]):
            self.wait_for_records(self.upload("memory limited", scale=LARGE))
        self.stack.kill_service(version)
        self.stack.start_service(version)

    def step_clock(self) -> None:
        """Step the clock of the orchestrator while it works, forwards or backwards."""
        assert self.stack.clock is not None
        uploads = self.upload("clock stepped")
        with self.stack.clock.stepped(self.rng.choice([-CLOCK_STEP_S, CLOCK_STEP_S])):
            self.wait_for_records(uploads)

    def corrupt_weights(self) -> None:
        """Replace the task of a service by one whose weights are damaged. It must end, and never be ready."""
        version = next(self.versions)
        self.stack.kill_service(version)
        with self.stack.corrupted_task(version) as task:
            self.upload("weights corrupted")
            while task.process.alive:
                if service_is_ready(task):
                    raise RuntimeError(f"{version} serves weights that differ from its manifest.")
                time.sleep(0.05)
        self.stack.start_service(version)

    def roll_out_weights(self) -> None:
        """Serve one version with two weights at once, behind one address."""
        with (
            self.stack.task_with_other_weights(ROLLED_OUT) as task,
            self.stack.second_task(ROLLED_OUT, task.port),
        ):
            self.wait_for_records(self.upload("two weights at once"))

    def service_outage(self) -> None:
        """Let a service be down until the events are dead letters."""
        version = next(self.versions)
        self.stack.kill_service(version)
        self.wait_for_dead_letters(self.upload("service down for good"))
        self.stack.start_service(version)

    def table_outage(self) -> None:
        """Throttle the table until the events are dead letters."""
        with self.stack.table_proxy.injecting(throttle):
            self.wait_for_dead_letters(self.upload("table throttled for good"))


Fault = Callable[[FaultCampaign], None]

FAULTS: tuple[Fault, ...] = (
    *(FaultCampaign.kill_service, FaultCampaign.freeze_service, FaultCampaign.slow_service),
    *(FaultCampaign.restart_service, FaultCampaign.return_invalid_responses, FaultCampaign.throttle_table),
    *(FaultCampaign.kill_handlers, FaultCampaign.duplicate_events, FaultCampaign.shuffle_events),
    *(FaultCampaign.kill_publisher, FaultCampaign.deny_publisher, FaultCampaign.partition_network),
    *(FaultCampaign.lose_packets, FaultCampaign.poison_policy, FaultCampaign.revoke_read, FaultCampaign.revoke_write),
    *(FaultCampaign.fill_disk, FaultCampaign.limit_memory, FaultCampaign.step_clock, FaultCampaign.corrupt_weights),
    FaultCampaign.roll_out_weights,
)
"""Injected once a round."""

OUTAGES: tuple[Fault, ...] = (FaultCampaign.service_outage, FaultCampaign.table_outage)
"""Injected once in each ingest mode."""


def name_of(fault: Fault) -> str:
    """Return the name under which a fault can be chosen."""
    return fault.__name__.replace("_", "-")
