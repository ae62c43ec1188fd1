"""What changed must be rolled out again; what did not must not cost a second."""

from pathlib import Path

from triptych.stack.fingerprints import of_deployment, of_files, of_service


def test_it_depends_on_names_and_contents_and_not_on_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = of_files([one, two])
    assert of_files([two, one]) == before

    two.write_text("c")
    changed = of_files([one, two])
    assert changed != before

    two.rename(tmp_path / "three")
    assert of_files([one, tmp_path / "three"]) not in {before, changed}


def test_where_one_file_ends_and_the_next_begins_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("ab")
    two.write_text("c")
    first = of_files([one, two])
    one.write_text("a")
    two.write_text("bc")
    assert of_files([one, two]) != first


def test_the_versions_differ_by_their_models_only() -> None:
    assert of_deployment() == of_deployment()
    assert len({of_service("none-a"), of_service("none-b")}) == 1
