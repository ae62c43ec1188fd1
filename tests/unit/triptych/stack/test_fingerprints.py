"""Fingerprints change with their sources only."""

from pathlib import Path

from triptych.stack.fingerprints import deployment_fingerprint, files_fingerprint, service_fingerprint


def test_fingerprint_depends_on_names_and_contents_but_not_on_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = files_fingerprint([one, two])
    assert files_fingerprint([two, one]) == before

    two.write_text("c")
    changed = files_fingerprint([one, two])
    assert changed != before

    two.rename(tmp_path / "three")
    assert files_fingerprint([one, tmp_path / "three"]) not in {before, changed}


def test_fingerprint_depends_on_the_boundaries_between_files(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("ab")
    two.write_text("c")
    first = files_fingerprint([one, two])
    one.write_text("a")
    two.write_text("bc")
    assert files_fingerprint([one, two]) != first


def test_versions_differ_only_by_their_models() -> None:
    assert deployment_fingerprint() == deployment_fingerprint()
    assert len({service_fingerprint("none-a"), service_fingerprint("none-b")}) == 1
