"""The one place where words leave the command line: data to standard output, talk to standard error.

Names of files, columns and models, ids, replies and states come from strangers, and a terminal obeys what stands in
them. So each character that it may not show as itself leaves as an escape, once, here; markup is never read.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from factory.text import escaped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LONGEST: Final = 6_000
"""Characters of a message."""
Part = str | tuple[str, str]
"""Words, or words and a style of rich's."""


def tell(*lines: str) -> None:
    """A result, on standard output. Each argument is a line: a break inside one is a stranger's, and escaped."""
    sys.stdout.write("\n".join(map(escaped, lines)) + "\n")


def cut(text: str) -> str:
    """A message as long as anybody reads it; the longest path has 4,096 bytes."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


def tell_text(text: str) -> None:
    """A result of many lines, on standard output: YAML or JSON, which has its own way with breaks inside values."""
    sys.stdout.write(shown_lines(text) + "\n")


def say(*lines: object, end: str = "\n") -> None:
    """What a person is told beside the result, on standard error: each argument a line, as in `tell`, of at most
    LONGEST characters, since it may quote a stranger's file."""
    sys.stderr.write("\n".join(escaped(cut(str(line))) for line in lines) + end)
    sys.stderr.flush()


def tell_json(line: bytes) -> None:
    """One line of JSON on standard output; what is not plain in it becomes JSON's own escapes."""
    text = line.decode()
    sys.stdout.write((text if text.isprintable() else "".join(map(_in_json, text))) + "\n")


def clear_line() -> None:
    """Takes the line under way from a terminal, so that what follows stands alone."""
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()


def shown_lines(text: str) -> str:
    """Text as a terminal may be sent it; line breaks stay."""
    return text if text.isprintable() else "\n".join(map(escaped, text.split("\n")))


def terminal(*, talk: bool = False) -> Console:
    """Where styled lines go: standard output, or standard error for talk. No markup, no emoji codes."""
    from rich.console import Console

    return Console(stderr=talk, markup=False, emoji=False, highlight=False, soft_wrap=True)


def line(*parts: Part) -> Text:
    """One line of words, some of them with a style; line breaks are escaped, too."""
    from rich.text import Text

    styled = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble(*((escaped(words), style) for words, style in styled))


def show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The traceback of a fault of ours, for `sys.excepthook`: its message may quote a stranger."""
    sys.stderr.write(shown_lines("".join(traceback.format_exception(kind, error, trace))))
    sys.stderr.flush()


def show_thread_fault(told: threading.ExceptHookArgs) -> None:
    """`show_fault` for `threading.excepthook`."""
    if told.exc_value is not None:
        show_fault(told.exc_type, told.exc_value, told.exc_traceback)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of any library, for `warnings.showwarning`: one line, since it may quote a stranger."""
    say(f"{category.__name__}: {message}")


class TellingHandler(logging.Handler):
    """What libraries log where nobody listens, for `logging.lastResort`: one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(record.getMessage())
        except (ValueError, TypeError):
            self.handleError(record)


def _in_json(letter: str) -> str:
    if letter.isprintable():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
