"""Processes that push, forked from one that has imported everything: real ones, to be killed, in a tenth of a second.

Run as a program: each line of standard input is a release and a repository or an address; each is told the number of
the process that pushes, and then how it ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def push(path: str, target: str) -> None:
    from release.file_push import push_to_files
    from release.hub_push import Wish, push_to_hub
    from release.outgoing import outgoing

    release, told = outgoing(Path(path)), {"say": lambda _: None, "sent": lambda _: None}
    if "://" in target:
        push_to_files(release, target, uploading=lambda _: nullcontext(), **told)
    else:
        push_to_hub(release, target, Wish(tag="v1"), uploading=lambda _: nullcontext(), **told)


def main() -> None:
    import huggingface_hub.hf_api  # noqa: F401
    import polars  # noqa: F401

    import release.file_push
    import release.hub_push
    import release.outgoing  # noqa: F401

    for line in sys.stdin:
        if child := os.fork():
            print(child, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        try:
            push(*line.split())
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)


@contextmanager
def pushing() -> Iterator[Callable[[Path, str, Callable[[int], None]], int]]:
    """Pushes in a process of its own; the function is told its number before it can do anything, and returns its exit
    code, negative for a signal."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.push_server"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        asked, told = server.stdin, server.stdout

        def push_once(release: Path, target: str, started: Callable[[int], None]) -> int:
            asked.write(f"{release} {target}\n")
            asked.flush()
            started(int(told.readline()))
            return int(told.readline())

        yield push_once
        asked.close()


if __name__ == "__main__":
    main()
