"""`vllm run-batch` as who works on batches: a process that reads a file, writes a file and ends.

vLLM writes its answers when all are there, so only the file of a run that ended well counts, under its final name. A
run that was killed is made again from the same file. A process watches over it and ends it with the build, as it does
with `vllm serve`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from factory.errors import EnvironmentFault
from factory.processes import spawn_context
from factory.redact import Redactor
from factory.store.files import durable, make_folder, open_itself, remove, rename
from factory.teachers.batch_course import Ended
from factory.teachers.serving import last_words, ours_alone, own_arguments, vllm_program
from factory.teachers.supervise import supervise

_CHUNK: Final = 1 << 20


class RunBatch:
    """Runs of one teacher's files, one after the other, in the folder that holds them."""

    lost_s, at_once = 0.0, True

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        *,
        teacher: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        hidden: Sequence[str],
    ) -> None:
        """`arguments` follow `vllm run-batch -i FILE -o FILE`; `hidden` are variables that it does not get."""
        self.name, self.redact = "vllm run-batch", Redactor()
        self._folder, self._say, self._teacher = folder, say, teacher
        self._arguments, self._environment, self._hidden = arguments, environment, hidden

    def create(self, name: str, rows: Iterator[bytes], size: int, tag: str) -> str:
        """Writes the file."""
        make_folder(self._folder)
        with durable(self._folder / f"{self._teacher}-{tag}.jsonl") as file:
            file.writelines(rows)
        return tag

    def find(self, tag: str) -> str | None:
        """Files appear whole or not at all."""
        return tag if (self._folder / f"{self._teacher}-{tag}.jsonl").exists() else None

    def look(self, batch: str) -> Ended:
        """Runs it to its end, where that is not done. Raises EnvironmentFault with the end of its log."""
        asked = self._folder / f"{self._teacher}-{batch}.jsonl"
        done, part = asked.with_suffix(".out.jsonl"), asked.with_suffix(".part.jsonl")
        if not done.exists():
            remove(part)
            self._run(asked, part)
            if not part.exists():
                raise EnvironmentFault(f"{self._teacher}: vllm run-batch ended well, and wrote no {part}")
            rename(part, done)
        return Ended("completed", (str(done),))

    def rows_of(self, ended: Ended) -> Iterator[bytes]:
        for name in ended.files:
            with open_itself(Path(name), os.O_RDONLY) as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

    def _run(self, asked: Path, part: Path) -> None:
        log = self._folder.parent / "logs" / f"vllm-{self._teacher}.log"
        make_folder(log.parent)
        with open_itself(log) as file:
            file.truncate(0)
        arguments = [str(vllm_program()), "run-batch", "-i", str(asked.absolute()), "-o", str(part.absolute())]
        environment = {**ours_alone(self._hidden), **self._environment}
        self._say(f"{self._teacher}: vllm run-batch works on {asked.name}; it writes {log}")
        ours, theirs = spawn_context().Pipe()
        watcher = spawn_context().Process(
            target=supervise,
            args=(theirs, [*arguments, *self._arguments, *own_arguments()], environment, log.absolute(), 0),
            name=f"watches {self._teacher}",
        )
        watcher.start()
        theirs.close()
        code: int | None = None
        try:
            while code is None:
                what, number = ours.recv()
                code = number if what == "given up" else None
        except (EOFError, OSError):
            code = -1
        finally:
            ours.close()
            watcher.join()
        if code != 0:
            raise EnvironmentFault(
                f"{self._teacher}: vllm run-batch ended with exit code {code}; its file is kept, and the same command "
                f"runs it again. The end of {log}:",
                *last_words(log, ""),
            )
