"""Protects: wherever a backfill is cut short, the next one leaves no key out."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.errors import UsageError
from triptych.repair.progress import BackfillProgress


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 12))
def test_whatever_is_not_done_comes_again(tmp_path: Path, data: st.DataObject, count: int) -> None:
    """Any order of completion, any failures, cut short anywhere: what lies behind `after` or failed comes again."""
    keys = [f"{number:02}" for number in range(count)]
    checkpoint = BackfillProgress(tmp_path / "progress.json", "inbox", "")
    done: set[str] = set()
    begun: list[str] = []
    for key in keys[: data.draw(st.integers(0, count), label="begun")]:
        checkpoint.begin(key)
        begun.append(key)
    for key in data.draw(st.permutations(begun), label="order")[: data.draw(st.integers(0, count), label="finished")]:
        failed = data.draw(st.booleans(), label=f"{key} fails")
        checkpoint.finish(key, "no answer" if failed else "")
        done |= set() if failed else {key}
    checkpoint.save()

    loaded = BackfillProgress.load(checkpoint.path, "inbox", "")
    again = [*loaded.failed, *(key for key in keys if key > loaded.after)]
    assert set(keys) - done <= set(again)
    assert all(key in done or key in loaded.failed for key in keys if key <= loaded.after)


def test_what_failed_and_then_succeeds_is_forgotten(tmp_path: Path) -> None:
    first = BackfillProgress(tmp_path / "folder" / "progress.json", "inbox", "a/")
    first.begin("a/1")
    first.finish("a/1", "no answer")
    first.close()
    second = BackfillProgress.load(first.path, "inbox", "a/")
    assert (second.resumes, second.after, second.failed) == (True, "a/1", {"a/1": "no answer"})
    second.begin("a/1")
    second.finish("a/1")
    second.close()
    assert not first.path.exists()
    assert not BackfillProgress.load(first.path, "inbox", "a/").resumes


def test_another_backfill_s_checkpoint_is_refused(tmp_path: Path) -> None:
    BackfillProgress(tmp_path / "progress.json", "inbox", "a/").save()
    with pytest.raises(UsageError, match="another backfill"):
        BackfillProgress.load(tmp_path / "progress.json", "inbox", "b/")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"bucket": "inbox", "prefix": "", "after": "", "failed": 7}'])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "progress.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="no checkpoint"):
        BackfillProgress.load(path, "inbox", "")
