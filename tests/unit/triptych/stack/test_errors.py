"""Errors of a part contain the last lines of its log."""

from pathlib import Path

from triptych.stack.errors import StackError, log_tail


def test_message_contains_the_last_lines_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "sam-deploy.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    message = str(StackError("`sam deploy` failed.", log))
    assert message.startswith("`sam deploy` failed.\nline 85\n")
    assert f"line 99\n(full log: {log})" in message
    assert "line 84\n" not in message


def test_empty_or_missing_log_is_reported_without_another_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_text("\n")
    assert log_tail(empty) == "(the log is empty)"
    assert log_tail(tmp_path / "missing.log") == "(no log: No such file or directory)"
