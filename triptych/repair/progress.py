"""How far a backfill has come, kept in a file so that the next one goes on from there."""

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from triptych.errors import UsageError


@dataclass
class BackfillProgress:
    """The progress of the backfill of one prefix of one bucket.

    Keys are begun in S3's own order and finished in any. `after` is the last key before which, itself included,
    everything is finished: what lies beyond it may be done twice, which does no harm, and nothing is left out.
    """

    path: Path
    bucket: str
    prefix: str
    after: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    """Keys that could not be finished, and why: the next run begins with them."""
    _begun: deque[str] = field(default_factory=deque, repr=False)
    _finished: set[str] = field(default_factory=set, repr=False)

    @classmethod
    def load(cls, path: Path, bucket: str, prefix: str) -> "BackfillProgress":
        """The checkpoint in a file, or a new one where there is none.

        Raises:
            UsageError: the file cannot be read, or is of another backfill.
        """
        try:
            saved = json.loads(path.read_text())
            loaded = cls(path, saved["bucket"], saved["prefix"], saved["after"], dict(saved["failed"]))
        except FileNotFoundError:
            return cls(path, bucket, prefix)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no checkpoint that can be read: {error!r}. --restart begins anew.") from error
        if (loaded.bucket, loaded.prefix) != (bucket, prefix):
            raise UsageError(f"{path} is the checkpoint of {loaded.bucket}/{loaded.prefix}*, another backfill.")
        return loaded

    @property
    def resumes(self) -> bool:
        """Whether an earlier run left something to go on from."""
        return bool(self.after or self.failed)

    def begin(self, key: str) -> None:
        """A key that was listed is being worked on. One that failed before is outside the order."""
        if key not in self.failed:
            self._begun.append(key)

    def finish(self, key: str, why: str = "") -> None:
        """A key is done, or with `why` it could not be."""
        self._finished.add(key)
        if why:
            self.failed[key] = why
        else:
            self.failed.pop(key, None)
        while self._begun and self._begun[0] in self._finished:
            self.after = self._begun.popleft()
            self._finished.discard(self.after)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"bucket": self.bucket, "prefix": self.prefix, "after": self.after, "failed": self.failed}
        draft = self.path.with_name(self.path.name + ".draft")
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False))
        draft.replace(self.path)

    def close(self) -> None:
        """The backfill came to its end: keep the file only if something failed."""
        if self.failed:
            self.save()
        else:
            self.path.unlink(missing_ok=True)
