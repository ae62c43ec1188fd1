"""Protects: wherever a backfill is interrupted, the next one leaves no key out."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.errors import UsageError
from triptych.repair.progress import BackfillProgress


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 12))
def test_every_unfinished_key_is_after_the_saved_position(tmp_path: Path, data: st.DataObject, count: int) -> None:
    """In any order of completion, with any failures and young objects, interrupted anywhere."""
    keys = [f"{number:02}" for number in range(count)]
    young = data.draw(st.sets(st.sampled_from(keys)), label="too young")
    old = [key for key in keys if key not in young]
    progress = BackfillProgress(tmp_path / "progress.json", "inbox", "", stop_before=min(young, default=""))
    started = old[: data.draw(st.integers(0, len(old)), label="started")]
    for key in started:
        progress.start(key)
    done: set[str] = set()
    finished = data.draw(st.permutations(started), label="order")
    for key in finished[: data.draw(st.integers(0, len(started)), label="finished")]:
        failed = data.draw(st.booleans(), label=f"{key} fails")
        progress.finish(key, "no answer" if failed else "")
        done |= set() if failed else {key}
    progress.save()

    loaded = BackfillProgress.load(progress.path, "inbox", "")
    assert all(key > loaded.after for key in keys if key not in done)


def test_the_position_advances_past_finished_keys(tmp_path: Path) -> None:
    progress = BackfillProgress(tmp_path / "progress.json", "inbox", "a/")
    for key in ("a/1", "a/2", "a/3"):
        progress.start(key)
    progress.finish("a/2")
    progress.save()
    assert BackfillProgress.load(progress.path, "inbox", "a/").after == ""
    progress.finish("a/1")
    progress.save()
    assert BackfillProgress.load(progress.path, "inbox", "a/").after == "a/2"


def test_a_run_that_came_to_its_end_makes_the_next_one_list_from_the_start(tmp_path: Path) -> None:
    first = BackfillProgress(tmp_path / "folder" / "progress.json", "inbox", "a/")
    for key in ("a/1", "a/2"):
        first.start(key)
    first.finish("a/1")
    first.finish("a/2", "no answer")
    first.close()
    assert json.loads(first.path.read_text())["failed"] == {"a/2": "no answer"}
    second = BackfillProgress.load(first.path, "inbox", "a/")
    assert (second.after, second.failed) == ("", {})
    for key in ("a/1", "a/2"):
        second.start(key)
        second.finish(key)
    second.close()
    assert not first.path.exists()


def test_a_file_of_an_earlier_release_lists_from_the_start(tmp_path: Path) -> None:
    """Its position may lie beyond objects that were too young at the time."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"bucket": "inbox", "prefix": "", "after": "c.pdf", "failed": {"a.pdf": "no answer"}}))
    assert BackfillProgress.load(path, "inbox", "").after == ""


def test_the_progress_of_another_backfill_is_rejected(tmp_path: Path) -> None:
    BackfillProgress(tmp_path / "progress.json", "inbox", "a/").save()
    with pytest.raises(UsageError, match="another backfill"):
        BackfillProgress.load(tmp_path / "progress.json", "inbox", "b/")


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", '{"bucket": "inbox", "prefix": ""}'])
def test_an_unreadable_file_is_rejected(tmp_path: Path, content: str) -> None:
    path = tmp_path / "progress.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="not a readable progress file"):
        BackfillProgress.load(path, "inbox", "")
