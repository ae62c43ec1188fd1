"""Examples in the documentation: fenced blocks of code, each with the block of text that it prints."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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


def block_with(page: str, language: str, part: str) -> str:
    """Return the only block of a language on a page that contains a text."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if part in block]
    return block


def run_examples(page: str, folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[DocumentedExample, str]]:
    """Run the examples of a page one after the other, as in one terminal, and yield each with what it printed.

    Variables that a shell example exports are set for the next ones, and all run in the same folder.
    """
    variables = dict(environment)
    for example in read_examples(page):
        program = [sys.executable, "-c", example.code]
        if example.language == "sh":
            program = ["bash", "-euo", "pipefail", "-c", f"{example.code}\nenv -0 > .variables"]
        printed = _run(program, folder, variables)
        if example.language == "sh":
            saved = (folder / ".variables").read_bytes().split(b"\0")
            variables = dict(os.fsdecode(each).split("=", 1) for each in saved if each)
        yield example, printed


def _run(program: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """Return what a program prints. If it fails, stop the processes that it left in the background."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        program, cwd=folder, env=variables, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        printed, errors = process.communicate()
        assert process.returncode == 0, f"{program[-1]}\n{printed}{errors}"
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        raise
    return printed
