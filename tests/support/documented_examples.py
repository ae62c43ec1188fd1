"""Examples in the documentation: fenced blocks of code, each with the block of text that it prints."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class DocumentedExample:
    """One example.

    Attributes:
        language: `sh` or `python`.
        code: The code.
        output: What the page says that it prints; empty if the page shows nothing.
    """

    language: str
    code: str
    output: str


def read_examples(page: str) -> list[DocumentedExample]:
    """Return the examples of a page, in its order."""
    examples: list[DocumentedExample] = []
    for language, content in _BLOCK.findall(page):
        if language == "text" and examples:
            examples[-1] = DocumentedExample(examples[-1].language, examples[-1].code, content)
        else:
            examples.append(DocumentedExample(language, content, ""))
    return examples


def run_examples(page: str, folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[DocumentedExample, str]]:
    """Run the examples of a page one after the other, as in one terminal, and yield each with what it printed.

    Variables that a shell example exports are set for the next ones, and all run in the same folder.
    """
    variables = dict(environment)
    for example in read_examples(page):
        program = [sys.executable, "-c", example.code]
        if example.language == "sh":
            program = ["bash", "-euo", "pipefail", "-c", f"{example.code}\nenv -0 > .variables"]
        done = subprocess.run(program, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{example.code}\n{done.stdout}{done.stderr}"
        if example.language == "sh":
            saved = (folder / ".variables").read_bytes().split(b"\0")
            variables = dict(os.fsdecode(each).split("=", 1) for each in saved if each)
        yield example, done.stdout
