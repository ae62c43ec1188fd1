"""The crash of the emulator: the local stack continues with the objects on disk, the saved state and the journal."""

from benchmarks.chaos.campaign import Campaign, notification_of
from testkit.consistency import ConfirmedUpload, scan_records

NAME = "kill-emulator"


class EmulatorCampaign(Campaign):
    """Crashes of the emulator, which takes the place of S3, Lambda, SQS and DynamoDB at once."""

    def run(self, rounds: int) -> None:
        """Kill the emulator while documents are processed, and start it again."""
        self.stack.save_emulator()
        uploads: list[ConfirmedUpload] = []
        for _ in range(rounds):
            uploads += self.upload("emulator killed (SIGKILL)")
            self.pause(0, 1.5)
            self.stack.kill_emulator()
            self.stack.restart_emulator()
        recorded = {record.upload.version_id for record in scan_records(self.table)}
        # S3, Lambda and SQS do not forget events, but the emulator does.
        forgotten = [upload for upload in uploads if upload.version_id not in recorded]
        if forgotten:
            self.deliver([notification_of(self.bucket, upload, next(self.numbers)) for upload in forgotten])
