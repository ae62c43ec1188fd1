"""Image tags are equal if and only if their inputs are equal."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_build import contexts

NAMES = st.sampled_from(["a", "b", "ab", "a/b", "a/ab", "b/a/b"])
TREES = st.dictionaries(NAMES, st.binary(max_size=6), min_size=1, max_size=4).filter(
    lambda tree: not any(other.startswith(f"{name}/") for name in tree for other in tree)
)
SETTINGS = st.lists(st.text(max_size=3), max_size=2)


def write_tree(root: Path, tree: dict[str, bytes]) -> Path:
    for name, content in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@given(first=TREES, second=TREES, one=SETTINGS, other=SETTINGS)
def test_tags_are_equal_if_and_only_if_content_and_settings_are_equal(
    tmp_path_factory: pytest.TempPathFactory,
    first: dict[str, bytes],
    second: dict[str, bytes],
    one: list[str],
    other: list[str],
) -> None:
    """The same bytes divided differently among names, contents and settings give another tag."""
    tag = contexts.image_tag("v1", write_tree(tmp_path_factory.mktemp("first"), first), *one)
    tag_of_other = contexts.image_tag("v1", write_tree(tmp_path_factory.mktemp("second"), second), *other)

    assert (tag == tag_of_other) == ((first, one) == (second, other))


def test_file_times_and_modes_do_not_change_the_tag(tmp_path: Path) -> None:
    """Every checkout of one commit gives the same image."""
    context = write_tree(tmp_path, {"Dockerfile": b"FROM scratch"})
    before = contexts.image_tag("v1", context)

    os.utime(context / "Dockerfile", (0, 0))
    (context / "Dockerfile").chmod(0o600)

    assert contexts.image_tag("v1", context) == before


def test_tag_is_valid_in_a_registry_and_starts_with_the_version(tmp_path: Path) -> None:
    tag = contexts.image_tag("v3", write_tree(tmp_path, {"a": b""}), "base", "ARM64")

    assert tag.startswith("v3-")
    assert len(tag) <= 128
    assert set(tag) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._")


def test_each_folder_is_the_context_of_an_image(tmp_path: Path) -> None:
    write_tree(tmp_path, {"v2/a": b"", "converter/a": b"", "note": b""})

    assert contexts.by_name(tmp_path) == {"converter": tmp_path / "converter", "v2": tmp_path / "v2"}


def test_package_without_contexts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="empty"):
        contexts.by_name(tmp_path)
