"""A part that fails must say why, from its log, without a person looking for it."""

from pathlib import Path

from triptych.stack.errors import StackError, tail


def test_the_last_lines_of_the_log_go_with_the_message(tmp_path: Path) -> None:
    log = tmp_path / "sam-deploy.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    message = str(StackError("`sam deploy` failed.", log))
    assert message.startswith("`sam deploy` failed.\nline 85\n")
    assert f"line 99\n(all of it: {log})" in message
    assert "line 84\n" not in message


def test_a_log_that_is_empty_or_missing_is_no_second_failure(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_text("\n")
    assert tail(empty) == "(its log is empty)"
    assert tail(tmp_path / "missing.log") == "(no log: No such file or directory)"
