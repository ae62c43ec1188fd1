"""Guarded lines of the product: each mutation makes a defect that the simulation must detect."""

import gc
import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType

from testkit.simulation.cooperation import cooperative
from testkit.simulation.history import run_seed


@dataclass(frozen=True)
class Mutation:
    """A change of one place in one module.

    Attributes:
        name: The defect.
        module: Name of the module.
        original: Text that the module contains exactly once.
        mutant: Text that replaces it.
    """

    name: str
    module: str
    original: str
    mutant: str

    def apply(self) -> CodeType:
        """Return the code of the mutated module.

        Raises:
            ValueError: The module does not contain the original text exactly once.
        """
        module = importlib.import_module(self.module)
        source = inspect.getsource(module)
        if source.count(self.original) != 1:
            raise ValueError(
                f"{self.name}: {self.module} contains the text {source.count(self.original)} times, not once"
            )
        return compile(source.replace(self.original, self.mutant), module.__file__ or "", "exec")


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Run all functions of a module with a mutation within the block."""
    mutant = mutation.apply()
    codes = dict(_function_codes(mutant))
    # isinstance would read `__class__`, which some objects of other packages compute with a warning.
    functions = [each for each in gc.get_objects() if type(each) is FunctionType]
    originals = [
        (each, each.__code__)
        for each in functions
        if each.__code__.co_filename == mutant.co_filename
        and each.__code__ != codes.get(each.__code__.co_qualname, each.__code__)
    ]
    try:
        for function, _ in originals:
            function.__code__ = codes[function.__code__.co_qualname]
        yield
    finally:
        for function, code in originals:
            function.__code__ = code


def _function_codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Yield the qualified name and code of each function of a module or class, but not of functions within functions.

    Those are constants of the functions around them.
    """
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and "<locals>" not in constant.co_qualname:
            yield constant.co_qualname, constant
            yield from _function_codes(constant)


def histories_until_detected(mutation: Mutation, seeds: range) -> tuple[int, int] | None:
    """Return after how many histories a mutation violates a guarantee, and which one; None if it does not."""
    with mutated(mutation), cooperative():
        for count, seed in enumerate(seeds, 1):
            result = run_seed(seed)
            if result.violations:
                return count, result.violations[0].guarantee
    return None


MUTATIONS = (
    Mutation(
        "a record is written without a condition",
        "records.table",
        "_put(self._table, self._item(record), condition,",
        "_put(self._table, self._item(record), Attr('absent').not_exists(),",
    ),
    Mutation(
        "a policy is written without a condition",
        "records.table",
        '_put(self._table, policy.to_item(), Attr("document").not_exists(),',
        "_put(self._table, policy.to_item(), Attr('absent').not_exists(),",
    ),
    Mutation(
        "a label is written again after a lost answer",
        "triptych.review.reviews",
        "if attempt and is_done(current):",
        "if False:",
    ),
    Mutation(
        "a lost answer to a write counts as a conflict",
        "records.table",
        "if not _contains(table, item):",
        "if True:",
    ),
    Mutation(
        "a merge replaces stored predictions",
        "records.assembly",
        "{**theirs.predictions, **ours.predictions, **theirs.answered()}",
        "{**theirs.predictions, **ours.predictions}",
    ),
    Mutation(
        "a merge drops the label",
        "records.assembly",
        "review=replaced.review,",
        "review=record.review,",
    ),
    Mutation(
        "a merge drops earlier labels",
        "records.assembly",
        "earlier_reviews=replaced.earlier_reviews,",
        "earlier_reviews=record.earlier_reviews,",
    ),
    Mutation(
        "a merged verdict names the policy of the record",
        "records.assembly",
        '        policy=policy.id if verdict else "",\n        audit=is_audited(record.upload',
        "        policy=record.policy,\n        audit=is_audited(record.upload",
    ),
    Mutation(
        "a conflict replaces a final record",
        "orchestrator.pipeline",
        "if stored.status is Status.COMPLETE or (stored.final and not record.answered()):",
        "if False:",
    ),
    Mutation(
        "a retry calls all versions",
        "orchestrator.classification",
        "[version for version in self._models.versions if version not in answered]",
        "[version for version in self._models.versions]",
    ),
    Mutation(
        "predictions of versions that this code does not call are dropped",
        "orchestrator.classification",
        "for version in sorted({*self._models.versions, *answered})",
        "for version in self._models.versions",
    ),
    Mutation(
        "a late event does not look for the backfilled record",
        "orchestrator.pipeline",
        "if stored is None and late:",
        "if False:",
    ),
    Mutation(
        "a late event counts as punctual",
        "orchestrator.pipeline",
        "return upload.backfilled or self._now() - upload.event_time > LATE_AFTER",
        "return upload.backfilled",
    ),
    Mutation(
        "a late event continues without a lookup",
        "orchestrator.pipeline",
        "            if late:\n                raise  #",
        "            if False:\n                raise  #",
    ),
    Mutation(
        "a record of an archived object stays final",
        "orchestrator.pipeline",
        "stored.final and not (stored.inaccessible and isinstance(reading.result(), bytes))",
        "stored.final",
    ),
    Mutation(
        "an incomplete record is not retried",
        "orchestrator.handler",
        "    if incomplete:\n",
        "    if False:\n",
    ),
    Mutation(
        "an incomplete message is deleted from the queue",
        "orchestrator.handler",
        '"reason": str(error)})\n        return False',
        '"reason": str(error)})\n        return True',
    ),
    Mutation(
        "an object is read without its version",
        "records.documents",
        'return {"VersionId": upload.version_id}',
        "return {}",
    ),
    Mutation(
        "an object is read without its ETag",
        "records.documents",
        'return {"IfMatch": upload.etag} if upload.etag else {}',
        "return {}",
    ),
    Mutation(
        "one service rejects a document alone",
        "records.verdict",
        "if not predicted and len(rejections) * 2 > len(outcomes):",
        "if not predicted and rejections:",
    ),
    Mutation(
        "probabilities that do not sum to 1 are accepted",
        "orchestrator.answers",
        "_require(abs(total - 1) < 1e-3,",
        "_require(True,",
    ),
    Mutation(
        "an answer of another model is accepted",
        "orchestrator.answers",
        '_require(answer.get("model") == version,',
        "_require(True,",
    ),
    Mutation(
        "a policy is cached for hours",
        "orchestrator.policy_cache",
        "self._next_read = self._last_read + delay",
        "self._next_read = self._last_read + 100 * delay",
    ),
    Mutation(
        "a label that met a conflict is acknowledged",
        "triptych.review.reviews",
        "            except RecordConflict:\n                continue",
        "            except RecordConflict:\n                return changed",
    ),
    Mutation(
        "a reviewer removes another's label",
        "triptych.review.reviews",
        "if record.review.by != by.strip():",
        "if False:",
    ),
    Mutation(
        "a second label changes the queue of the first",
        "records.record",
        "drawn = replace(review, queue=self.review.queue, draw=self.review.draw)",
        "drawn = review",
    ),
    Mutation(
        "a dead letter is deleted before its records are final",
        "triptych.repair.redrive",
        "if task.dead_letter and not self._queue.extend(task.dead_letter):",
        "if task.dead_letter and self._queue.delete(task.dead_letter):",
    ),
    Mutation(
        "an event that the bus throttles is not sent again",
        "publisher.handler",
        "        if delayed:\n",
        "        if False:\n",
    ),
    Mutation(
        "an event that the bus refuses is dropped",
        "publisher.handler",
        "                    self._unsent.keep(dict(entry), _reason(result))",
        "                    _reason(result)",
    ),
    Mutation(
        "a backfill skips keys with any final record",
        "triptych.repair.backfill",
        "any(record.final and not record.inaccessible and record.upload.same_object(upload) for record in history)",
        "any(record.final for record in history)",
    ),
)
"""Each must be detected within a minute of simulation."""
