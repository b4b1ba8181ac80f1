"""Recorded answers in place of a model: JSONL or Parquet, one record a question.

A record is `{"id": ..., "turn": 0, "draw": 0, "purpose": ..., "response": object or text}`. `turn` and `draw` are 0 and
`purpose` is any where a record does not say; `raw` may stand for `response`, and `model`, `finish_reason` and `usage`
are optional. A sealed ledger (`ledger.parquet` of a shard) is a recording, too: of the rows of this teacher's name.

A record's digest is part of the ledger key, so a corrected recording is read again and nothing else is. JSONL is
indexed by position and read when asked for: memory is about 0.2 kB a record, whatever the answers' size.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from factory.errors import RecipeError
from factory.plugins.contracts import Backends, CallFailed, Question
from factory.plugins.registry import register
from factory.store.paths import input_path, shown_path
from factory.teachers.usage import stated_usage
from schemas import Reply
from schemas.parquet_bounds import refuse_bomb
from schemas.plain_json import MAX_DEPTH, read_json
from schemas.settings import InputFile, TeacherSettings

MAX_LINE = 8 * 2**20
"""Bytes of one record; a conversation of 32k tokens has about 0.2 MB."""
_PARQUET = (".parquet", ".pq")

Place = str | tuple[str, int, int, str]
"""Which question a record answers: a sample's id, with turn, draw and purpose where it says more than that."""


@register("teacher", "replay")
def replay_teacher(settings: TeacherSettings, root: Path, *, path: InputFile) -> Backends:
    """Answers that were recorded earlier, by sample id. Costs nothing and needs no network."""
    backend = ReplayBackend(settings.name, input_path(root, path), shown_path(root, path))
    return Backends((backend,), recorded=backend.recorded)


class ReplayBackend:
    """The recorded answers of one file. Use as an async context manager; opening it checks every record."""

    paid = False

    def __init__(self, teacher: str, path: Path, shown: str | None = None) -> None:
        self.name = path.name
        self._teacher, self._path, self._shown = teacher, path, shown or str(path)
        self._records: _Lines | _Table | None = None

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """The recorded answer's digest, None when there is none; and whose it is: two may agree word by word."""
        record = self._record(question)
        digest = hashlib.sha256(orjson.dumps(record)).hexdigest() if record is not None else None
        return {"teacher": self._teacher, "recorded": digest}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """The recorded answer. Raises CallFailed `not_recorded`."""
        record = self._record(question)
        if record is None:
            said = f"turn {question.turn}, draw {question.draw}" if question.turn or question.draw else "it"
            raise CallFailed(
                kind="not_recorded", detail=f"{self.name} has no record of {said} for {question.sample_id}"
            )
        answer = record["response"] if record.get("response") is not None else record.get("raw")
        text = answer if isinstance(answer, str) else "" if answer is None else orjson.dumps(answer).decode()
        usage = stated_usage(record.get("usage"), says_something=bool(text))
        finish_reason, model = record.get("finish_reason"), record.get("model")
        return Reply(
            text=text,
            finish_reason=finish_reason if isinstance(finish_reason, str) else None,
            model=model if isinstance(model, str) else "",
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def recorded(self, asked: Iterable[tuple[str, int, int]]) -> int:
        """How many of these questions have a record, whatever purpose it names. Raises RecipeError for a file that is
        no recording."""
        records = self._opened()
        try:
            known = {place if isinstance(place, str) else _place(*place[:3], "") for place in records.places()}
        finally:
            records.close()
        return sum(_place(sample_id, turn, draw, "") in known for sample_id, draw, turn in asked)

    async def __aenter__(self) -> Self:
        self._records = self._opened()
        return self

    def _opened(self) -> _Lines | _Table:
        if not self._path.is_file():
            raise RecipeError(f"teacher {self._teacher}: {self._shown}: no such file of recorded answers")
        table = self._path.suffix in _PARQUET
        return _Table(self._path, self._shown, self._teacher) if table else _Lines(self._path, self._shown)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        records, self._records = self._records, None
        if records is not None:
            records.close()

    def _record(self, question: Question) -> dict[str, Any] | None:
        assert self._records is not None, "open the backend with `async with` first"
        purpose = question.request.purpose.partition("+")[0]
        exact = _place(question.sample_id, question.turn, question.draw, purpose)
        found = self._records.get(exact)
        return found or self._records.get(_place(question.sample_id, question.turn, question.draw, ""))


def _place(sample_id: str, turn: int, draw: int, purpose: str) -> Place:
    sample_id = unicodedata.normalize("NFC", sample_id)  # a recording and a folder may spell one name in two ways
    return (sample_id, turn, draw, purpose) if turn or draw or purpose else sample_id


def _shown(place: Place) -> str:
    if isinstance(place, str):
        return f"{place!r:.100}"
    sample_id, turn, draw, purpose = place
    return f"{sample_id!r:.100} (turn {turn}, draw {draw}{f', {purpose:.100}' if purpose else ''})"


class _Lines:
    """A JSONL file, indexed by id."""

    def __init__(self, path: Path, shown: str) -> None:
        self._file: BinaryIO = path.open("rb")
        self._index: dict[Place, tuple[int, int]] = {}
        try:
            seen: dict[Place, int] = {}
            for number, offset, line in _numbered_lines(self._file, shown):
                key = _checked_place(line, f"{shown}:{number}")
                if key in seen:
                    raise RecipeError(f"{shown}:{number}: id {_shown(key)} was recorded on line {seen[key]} already")
                seen[key] = number
                self._index[key] = (offset, len(line))
        except BaseException:
            self._file.close()
            raise

    def get(self, place: Place) -> dict[str, Any] | None:
        at = self._index.get(place)
        if at is None:
            return None
        self._file.seek(at[0])
        record: dict[str, Any] = read_json(self._file.read(at[1]))
        return record

    def places(self) -> Iterable[Place]:
        return self._index.keys()

    def close(self) -> None:
        self._file.close()


class _Table:
    """A Parquet file, a recording or a sealed ledger; answers stay in Arrow's memory until they are asked for."""

    def __init__(self, file: Path, path: str, teacher: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            refuse_bomb(file)
            table = pq.read_table(file, partitioning=None)
            table.validate(full=True)  # text that is not UTF-8, offsets that lead nowhere
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RecipeError(f"{path}: not a readable Parquet file ({error})") from None
        _check_kinds(table.schema, path)
        names = set(table.column_names)
        if {"sample_id", "teacher", "status", "response"} <= names:
            table = _of_teacher(table, teacher, path)
        elif "id" not in names or not names & {"response", "raw"}:
            listed = ", ".join(sorted(names))
            raise RecipeError(f"{path}: expected the columns `id` and `response` (or `raw`), found {listed}")
        self._table = table
        self._index: dict[Place, int] = {}
        where = [self._column(name, default) for name, default in (("turn", 0), ("draw", 0), ("purpose", ""))]
        for row, (key, turn, draw, purpose) in enumerate(zip(self._column("id", ""), *where, strict=True)):
            place = _place(str(key), turn or 0, draw or 0, str(purpose or "").partition("+")[0])
            if place in self._index:
                raise RecipeError(
                    f"{path}: row {row}: id {_shown(place)} was recorded in row {self._index[place]} already"
                )
            self._index[place] = row

    def _column(self, name: str, default: Any) -> list[Any]:
        table = self._table
        return list(table[name].to_pylist()) if name in table.column_names else [default] * table.num_rows

    def get(self, place: Place) -> dict[str, Any] | None:
        row = self._index.get(place)
        if row is None:
            return None
        columns = ("response", "raw", "model", "finish_reason", "usage")
        record = {name: self._table[name][row].as_py() for name in columns if name in self._table.column_names}
        return {name: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for name, v in record.items()}

    def places(self) -> Iterable[Place]:
        return self._index.keys()

    def close(self) -> None:
        del self._table


_TEXT, _COUNT, _NAME = "text", "whole numbers", "text or whole numbers"
_JSON, _ANSWER = "lists and structs of text and numbers", "text, or lists and structs of text and numbers"
_KINDS = {
    "id": _NAME,
    **dict.fromkeys(("sample_id", "teacher", "status", "purpose", "model", "finish_reason"), _TEXT),
    **dict.fromkeys(("turn", "draw"), _COUNT),
    **dict.fromkeys(("response", "raw"), _ANSWER),
    "usage": _JSON,
}
"""What the columns of a recording may hold, where it has them."""


def _check_kinds(schema: Any, path: str) -> None:
    """Raises RecipeError for a column of a recording that holds what its answers cannot be made of."""
    import pyarrow as pa

    for name, wanted in _KINDS.items():
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        fits = {
            _TEXT: text,
            _COUNT: pa.types.is_integer(kind),
            _NAME: text or pa.types.is_integer(kind),
            _JSON: _is_json(kind),
            _ANSWER: _is_json(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
        }
        if not (pa.types.is_null(kind) or fits[wanted]):
            raise RecipeError(f"{path}: column `{name}`: expected {wanted}, found {kind!s:.200}")


def _is_json(kind: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether values of an Arrow type can be written as JSON: no dates, decimals or bytes, at any depth."""
    import pyarrow as pa

    if depth == 0:
        return False
    if pa.types.is_struct(kind):
        return all(_is_json(kind.field(number).type, depth - 1) for number in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_json(kind.value_type, depth - 1)
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_integer)
    return pa.types.is_null(kind) or pa.types.is_floating(kind) or any(is_it(kind) for is_it in plain)


def _of_teacher(ledger: Any, teacher: str, path: str) -> Any:
    """The replies of one teacher in a sealed ledger, the last attempt of each question, as a recording's columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := [name for name in _QUESTION if name not in ledger.column_names]:
        raise RecipeError(f"{path}: a ledger of an older release, without {', '.join(missing)}; build its recipe again")
    if teacher not in (known := ledger["teacher"].unique().to_pylist()):
        raise RecipeError(
            f"{path}: this ledger has no teacher `{teacher}`; it has {', '.join(sorted(known)) or 'none'}"
        )
    mine = ledger.filter(pc.and_(pc.equal(ledger["teacher"], teacher), pc.equal(ledger["status"], "ok")))
    questions = zip(*(mine[name].to_pylist() for name in _QUESTION), strict=True)
    last = {question: row for row, question in enumerate(questions)}  # sealed in order of attempts
    return mine.take(pa.array(last.values(), pa.int64())).rename_columns({"sample_id": "id"})


_QUESTION = ("sample_id", "purpose", "draw", "turn")


def _numbered_lines(file: BinaryIO, path: str) -> Iterator[tuple[int, int, bytes]]:
    """(line number from 1, offset, line) of every line that is not blank."""
    number = offset = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise RecipeError(f"{path}:{number}: a line of more than {MAX_LINE} bytes")
        if line.strip():
            yield number, offset, line
        offset += len(line)


def _checked_place(line: bytes, where: str) -> Place:
    try:
        record = read_json(line)
    except ValueError as error:
        raise RecipeError(f"{where}: not a JSON record ({error})") from None
    if not isinstance(record, dict):
        raise RecipeError(f"{where}: expected an object with `id` and `response`, found a {type(record).__name__}")
    key = record.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise RecipeError(f"{where}: expected a text or number as `id`, found {key!r:.100}")
    if "response" not in record and "raw" not in record:
        raise RecipeError(f"{where}: id {key!r:.100} has neither `response` nor `raw`")
    for name in ("turn", "draw"):
        if isinstance(number := record.get(name, 0), bool) or not isinstance(number, int) or number < 0:
            raise RecipeError(f"{where}: expected a number from 0 as `{name}`, found {number!r:.100}")
    purpose = record.get("purpose") or ""
    if not isinstance(purpose, str):
        raise RecipeError(f"{where}: expected text as `purpose`, found {purpose!r:.100}")
    return _place(str(key), record.get("turn", 0), record.get("draw", 0), purpose)
