"""Progress of a backfill, kept in a file so that an interrupted backfill can resume."""

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from triptych.errors import UsageError

FORMAT = 2
"""Version of the file.

Files without it were written when `after` could pass objects that still had to be classified. They are read as if the
backfill had just begun; objects with a record are skipped quickly.
"""


@dataclass
class BackfillProgress:
    """Progress through the objects of one prefix of one bucket.

    Objects are started in S3's order and finish in any order. Every object up to `after`, inclusive, is done. Objects
    beyond it may be classified twice, which is harmless; none is left out.

    Attributes:
        path: The file.
        bucket: The inbox.
        prefix: The prefix of all keys.
        after: The last key before the first one that is not done.
        stop_before: The first key that this run skips because the object is too young; `after` does not reach it.
        failed: Keys that failed in this run, each with the reason. `after` does not reach them either.
    """

    path: Path
    bucket: str
    prefix: str
    after: str = ""
    stop_before: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    _started: deque[str] = field(default_factory=deque, repr=False)
    _done: set[str] = field(default_factory=set, repr=False)

    @classmethod
    def load(cls, path: Path, bucket: str, prefix: str) -> "BackfillProgress":
        """Read the file, or return new progress if it does not exist.

        Raises:
            UsageError: The file is unreadable, or belongs to another backfill.
        """
        try:
            saved = json.loads(path.read_text("utf-8"))
            owner = (saved["bucket"], saved["prefix"])
            after, current = str(saved["after"]), saved.get("format") == FORMAT
        except FileNotFoundError:
            return cls(path, bucket, prefix)
        except (AttributeError, OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is not a readable progress file: {error!r}. Use --restart to start over."
            ) from error
        if owner != (bucket, prefix):
            raise UsageError(f"{path} is the progress of another backfill: {'/'.join(map(str, owner))}*.")
        return cls(path, bucket, prefix, after if current else "")

    def start(self, key: str) -> None:
        """Note that work on a key begins. Call it in the order of the listing."""
        self._started.append(key)

    def finish(self, key: str, failure: str = "") -> None:
        """Note that a key is done, or that it failed for the given reason."""
        if failure:
            self.failed[key] = failure
            return
        self._done.add(key)
        while self._started and self._started[0] in self._done and self._may_pass(self._started[0]):
            self.after = self._started.popleft()
            self._done.discard(self.after)

    def _may_pass(self, key: str) -> bool:
        return not self.stop_before or key.encode() < self.stop_before.encode()  # S3 sorts keys by their UTF-8 bytes

    def save(self) -> None:
        """Write the file atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "format": FORMAT,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "after": self.after,
            "failed": self.failed,
        }
        draft = self.path.with_name(self.path.name + ".draft")
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False), "utf-8")
        draft.replace(self.path)

    def close(self) -> None:
        """End a backfill that came to the end of its listing: the next one lists from the start.

        The file remains only if something failed, to list what.
        """
        self.after = ""
        if self.failed:
            self.save()
        else:
            self.path.unlink(missing_ok=True)
