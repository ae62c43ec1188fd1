"""Protects: every `sam` command in the documentation exists, with the options that it names."""

import subprocess

import pytest

from testkit.template import ROOT
from tests.support.shell_commands import commands_of
from tests.support.tools import require_tool

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTED = [(page.name, words) for page in PAGES for words in commands_of(page, "sam")]


@pytest.mark.parametrize("command", sorted({words[1] for _, words in DOCUMENTED}))
def test_each_command_of_sam_and_its_options_exist(command: str) -> None:
    done = subprocess.run([require_tool("sam"), command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page, words in DOCUMENTED:
        if words[1] == command:
            options = [word.split("=")[0] for word in words[2:] if word.startswith("--")]
            assert all(option in done.stdout for option in options), (page, words)
