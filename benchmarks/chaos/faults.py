"""The faults, each of which uploads documents while something is broken."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.chaos.campaign import Campaign, notification_of
from records.policy import POLICY_KEY, policy_sort_key
from testkit.fault_proxy import delay, hang, invalid_responses, lossy, throttle
from testkit.local_stack import VERSIONS, orchestrator_denied, publisher_denied


class FaultCampaign(Campaign):
    """Faults in one ingest mode."""

    def run(self, rounds: int, report: Callable[[str], None]) -> None:
        """Inject every fault once a round, in random order, and then two outages that outlast every retry."""
        faults: list[Callable[[], None]] = [
            *(self._kill_service, self._freeze_service, self._slow_service, self._restart_service),
            *(self._return_invalid_responses, self._throttle_table, self._kill_lambda_workers),
            *(self._duplicate_events, self._shuffle_events, self._kill_publisher, self._deny_publisher),
            *(self._partition_network, self._lose_packets, self._poison_policy),
            *(self._revoke_read, self._revoke_write),
        ]
        for number in range(1, rounds + 1):
            report(f"{self.ingest}: round {number} of {rounds}")
            for fault in self.rng.sample(faults, len(faults)):
                fault()
        report(f"{self.ingest}: outages that outlast every retry")
        self._service_outage()
        self._table_outage()

    # Faults. The first argument of `upload` names each in the report.

    def _kill_service(self) -> None:
        version = next(self.versions)
        self.stack.kill_service(version)
        self.upload("service killed")
        self.stack.start_service(version)

    def _freeze_service(self) -> None:
        with self.stack.frozen_service(next(self.versions)):
            self.wait_for_records(self.upload("service stopped (SIGSTOP)"))

    def _slow_service(self) -> None:
        seconds = self.rng.choice([0.5, 1.5, 3.5])  # within the budget and beyond it
        with self.stack.faulty_service(next(self.versions), delay(seconds)):
            self.wait_for_records(self.upload("service slowed"))

    def _restart_service(self) -> None:
        self.upload("service restarted")
        self.stack.restart_service(next(self.versions))

    def _return_invalid_responses(self) -> None:
        with self.stack.faulty_service(next(self.versions), invalid_responses()):
            self.wait_for_records(self.upload("service returns invalid responses"))

    def _throttle_table(self) -> None:
        with self.stack.table_proxy.injecting(throttle):
            self.upload("table throttled")
            time.sleep(1.5)

    def _kill_lambda_workers(self) -> None:
        self.upload("handlers killed (SIGKILL)")
        time.sleep(self.rng.uniform(0.02, 0.3))
        self.stack.kill_lambda_workers(3)

    def _duplicate_events(self) -> None:
        """Deliver each event twice, all at the same time."""
        with self.notifications_off():
            uploads = self.upload("events duplicated")
        events = [notification_of(self.bucket, upload, next(self.numbers)) for upload in uploads]
        self.deliver(events * 2)

    def _shuffle_events(self) -> None:
        """Upload one key several times, deliver its events in random order, and one of them once more later."""
        with self.notifications_off():
            key = f"{self.ingest}/shuffled/{next(self.numbers)}.png"
            uploads = [self.put("events shuffled", key) for _ in range(self.per_fault)]
            self.log.injected["events shuffled"] += 1
        events = [notification_of(self.bucket, upload, next(self.numbers)) for upload in uploads]
        self.deliver(self.rng.sample(events, len(events)))
        self.wait_for_records(uploads)
        self.deliver(events[:1])

    def _kill_publisher(self) -> None:
        uploads = self.upload("publisher killed (SIGKILL)")
        for _ in range(3):
            time.sleep(self.rng.uniform(0.05, 0.5))
            self.stack.kill_publisher()
        self.wait_for_records(uploads)

    def _deny_publisher(self) -> None:
        with publisher_denied(self.stack.connection):
            self.wait_for_records(self.upload("publisher may not send"))

    def _partition_network(self) -> None:
        """Let no answer of any service reach the orchestrator."""
        with ExitStack() as partition:
            for version in VERSIONS:
                partition.enter_context(self.stack.faulty_service(version, hang))
            self.wait_for_records(self.upload("network partitioned"))

    def _lose_packets(self) -> None:
        """Lose a third of the requests to a service or of its answers, and delay another third."""
        with self.stack.faulty_service(next(self.versions), lossy(self.rng)):
            self.wait_for_records(self.upload("packets lost"))

    def _poison_policy(self) -> None:
        """Put a policy into the table that nobody can read, as the newest."""
        key = {"document": POLICY_KEY, "sequencer": policy_sort_key(999)}
        self.table.put_item(Item={**key, "id": "p999", "weights": "everything", "audit_share": "x"})
        try:
            self.wait_for_records(self.upload("policy poisoned"))
        finally:
            self.table.delete_item(Key=key)

    def _revoke_read(self) -> None:
        with orchestrator_denied(self.stack.connection, "s3:GetObject*"):
            self.wait_for_records(self.upload("read permission revoked"))

    def _revoke_write(self) -> None:
        with orchestrator_denied(self.stack.connection, "dynamodb:PutItem"):
            self.upload("write permission revoked")
            time.sleep(1.5)

    def _service_outage(self) -> None:
        version = next(self.versions)
        self.stack.kill_service(version)
        self.wait_for_dead_letters(self.upload("service down for good"))
        self.stack.start_service(version)

    def _table_outage(self) -> None:
        with self.stack.table_proxy.injecting(throttle):
            self.wait_for_dead_letters(self.upload("table throttled for good"))
