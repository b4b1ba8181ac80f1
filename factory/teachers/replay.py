"""Recorded answers in place of a model: JSONL or Parquet, one record a sample id.

A record is `{"id": ..., "response": object or text}`; `raw` may stand for `response`, and `model`, `finish_reason` and
`usage` are optional. Its digest is part of the ledger key, so a corrected recording is read again and nothing else is.

JSONL is indexed by position and read when asked for: memory is about 0.2 kB a record, whatever the answers' size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from factory.errors import RecipeError
from factory.plugins.contracts import Backends, CallFailed, Prompt, Reply
from factory.plugins.registry import register
from schemas.settings import TeacherSettings

MAX_LINE = 8 * 2**20
_PARQUET = (".parquet", ".pq")


@register("teacher", "replay")
def replay_teacher(settings: TeacherSettings, root: Path, *, path: str) -> Backends:
    """Answers that were recorded earlier, by sample id. Costs nothing and needs no network."""
    return Backends((ReplayBackend(settings.name, root / Path(path).expanduser()),))


class ReplayBackend:
    """The recorded answers of one file. Use as an async context manager; opening it checks every record."""

    paid = False

    def __init__(self, teacher: str, path: Path) -> None:
        self.name = path.name
        self._teacher, self._path = teacher, path
        self._records: _Lines | _Table | None = None

    def inputs(self, sample_id: str) -> Mapping[str, Any]:
        """The recorded answer's digest, None when there is none; and whose it is: two may agree word by word."""
        record = self._opened().get(sample_id)
        digest = hashlib.sha256(orjson.dumps(record)).hexdigest() if record is not None else None
        return {"teacher": self._teacher, "recorded": digest}

    async def complete(self, prompt: Prompt, sample_id: str, images: Sequence[bytes], attempt: int) -> Reply:
        """The recorded answer. Raises CallFailed `not_recorded`."""
        record = self._opened().get(sample_id)
        if record is None:
            raise CallFailed(kind="not_recorded", detail=f"{self.name} has no record for {sample_id}")
        answer = record["response"] if record.get("response") is not None else record.get("raw")
        text = answer if isinstance(answer, str) else "" if answer is None else orjson.dumps(answer).decode()
        usage = record["usage"] if isinstance(record.get("usage"), dict) else {}
        finish_reason, model = record.get("finish_reason"), record.get("model")
        return Reply(
            text=text,
            finish_reason=finish_reason if isinstance(finish_reason, str) else None,
            model=model if isinstance(model, str) else "",
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
        )

    async def __aenter__(self) -> Self:
        if not self._path.is_file():
            raise RecipeError(f"teacher {self._teacher}: {self._path}: no such file of recorded answers")
        self._records = _Table(self._path) if self._path.suffix in _PARQUET else _Lines(self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        records, self._records = self._records, None
        if records is not None:
            records.close()

    def _opened(self) -> _Lines | _Table:
        assert self._records is not None, "open the backend with `async with` first"
        return self._records


class _Lines:
    """A JSONL file, indexed by id."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._index: dict[str, tuple[int, int]] = {}
        try:
            seen: dict[str, int] = {}
            for number, offset, line in _numbered_lines(self._file, path):
                key = _checked_id(line, f"{path}:{number}")
                if key in seen:
                    raise RecipeError(f"{path}:{number}: id {key!r} was recorded on line {seen[key]} already")
                seen[key] = number
                self._index[key] = (offset, len(line))
        except BaseException:
            self._file.close()
            raise

    def get(self, sample_id: str) -> dict[str, Any] | None:
        place = self._index.get(sample_id)
        if place is None:
            return None
        self._file.seek(place[0])
        record: dict[str, Any] = orjson.loads(self._file.read(place[1]))
        return record

    def close(self) -> None:
        self._file.close()


class _Table:
    """A Parquet file; answers stay in Arrow's memory until they are asked for."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._table = pq.read_table(path, partitioning=None)
        except (OSError, pa.ArrowInvalid) as error:
            raise RecipeError(f"{path}: not a readable Parquet file ({error})") from None
        names = set(self._table.column_names)
        if "id" not in names or not names & {"response", "raw"}:
            listed = ", ".join(sorted(names))
            raise RecipeError(f"{path}: expected the columns `id` and `response` (or `raw`), found {listed}")
        self._index: dict[str, int] = {}
        for row, key in enumerate(self._table["id"].to_pylist()):
            if str(key) in self._index:
                raise RecipeError(f"{path}: row {row}: id {key!r} was recorded in row {self._index[str(key)]} already")
            self._index[str(key)] = row

    def get(self, sample_id: str) -> dict[str, Any] | None:
        row = self._index.get(sample_id)
        if row is None:
            return None
        columns = ("response", "raw", "model", "finish_reason", "usage")
        record = {name: self._table[name][row].as_py() for name in columns if name in self._table.column_names}
        return {name: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for name, v in record.items()}

    def close(self) -> None:
        del self._table


def _numbered_lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(line number from 1, offset, line) of every line that is not blank."""
    number = offset = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise RecipeError(f"{path}:{number}: a line of more than {MAX_LINE} bytes")
        if line.strip():
            yield number, offset, line
        offset += len(line)


def _checked_id(line: bytes, where: str) -> str:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecipeError(f"{where}: not a JSON record ({error})") from None
    if not isinstance(record, dict):
        raise RecipeError(f"{where}: expected an object with `id` and `response`, found a {type(record).__name__}")
    key = record.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise RecipeError(f"{where}: expected a text or number as `id`, found {key!r}")
    if "response" not in record and "raw" not in record:
        raise RecipeError(f"{where}: id {key!r} has neither `response` nor `raw`")
    return str(key)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0
