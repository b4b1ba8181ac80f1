"""The walk of docs/first-hour.md: its commands are run one after another in an empty folder.

    python -m tests.first_hour        writes what they say into the page

The page is written by hand but for what stands below a line with `$ `. Times and sizes differ from machine to machine
and stand as `…`; the builds are called as they are called now.
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.pages import REPOSITORY
from tests.real_build import factory

PAGE = REPOSITORY / "docs" / "first-hour.md"
_CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_UNDER_WAY = re.compile(r"work .* left$")
"""Progress, which a fast machine does not print."""
_BUILD = re.compile(r"builds/\w+-[0-9a-f]{8}\b")


def walked(page: str, folder: Path) -> str:
    """The page after its commands were run in a folder."""
    named = list(dict.fromkeys(_BUILD.findall(page)))

    def said(found: re.Match[str]) -> str:
        commands = (line for line in found[0].splitlines() if line.startswith("$ "))
        return "".join(f"{line}\n" for command in commands for line in _said(command[2:], named, folder))

    return _CONSOLE.sub(said, page)


def _said(command: str, named: list[str], folder: Path) -> Iterator[str]:
    """A command as it is typed today, and its lines without what differs from machine to machine."""
    plans = sorted((folder / "builds").glob("*/plan.parquet"), key=lambda plan: plan.stat().st_mtime_ns)
    for name, plan in zip(named, plans, strict=False):
        command = command.replace(name, f"builds/{plan.parent.name}")
    yield f"$ {command}"
    done = factory(*shlex.split(command)[1:], cwd=folder)
    text = (done.stdout + done.stderr).replace(str(folder.resolve()), ".")
    yield from (_everywhere(line.rstrip()) for line in text.splitlines() if not _UNDER_WAY.match(line))
    if done.returncode:
        yield f"[exit code {done.returncode}]"


def _everywhere(line: str) -> str:
    line = re.sub(r"\d[\d,.]* samples/s", "… samples/s", line)
    line = re.sub(r"\d[\d,.]* (ms|s|seconds?|minutes?)\b", "…", line)
    return re.sub(r"\d[\d,.]* ([kMG]B)\b", r"… \1", line)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there:
        PAGE.write_text(walked(PAGE.read_text(encoding="utf-8"), Path(there)), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
