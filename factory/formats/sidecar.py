"""What a format cannot say of a record, beside the file of its rows: `train.json` and `train.sidecar`.

JSON lines. The first says which formats it lies between; each other one belongs to a row, by the row's id or, where its
format has none, by a digest of the row:

    {"sidecar":1,"format":"trl","form":{...}}
    {"key":"s003","set":{"columns.points":"5000"},"was":{"images":["images/3f.jpg"]},"form":{...}}

`set` is what the row does not say, or says otherwise: `was` is what it says then, and a row that was edited since keeps
what was edited. `drop` is what it says and the record does not. `form` is how the source wrote the row, where that is
not what the first line says; null where the row itself shows that.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any, Final, Self

import orjson

from factory.errors import SourceError
from factory.formats.json_rows import MAX_ROW, exact_row
from factory.formats.record import Record, digest, same

ENDING: Final = ".sidecar"
"""Not `.jsonl`: whoever loads all JSON lines of a folder should not take it for rows."""
_VERSION: Final = 1


def sidecar_path(file: Path) -> Path:
    """Where the sidecar of a file of rows lies."""
    return file.with_suffix(ENDING)


class SidecarWriter:
    """One open sidecar."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._usual: dict[str, Any] | None = None
        self._begun = False
        self.lines = 0
        """That say something of a row."""

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost without it."""
        return self.lines == 0 and self._usual is None

    def add(self, key: str, record: Record, said: Record) -> None:
        """Notes what a row does not say of a record.

        Args:
            said: the record that its row is read as.
        """
        form = None if record.form.get("format") in (None, self._name) else record.form
        if not self._begun:
            self._begun, self._usual = True, form
            self._write({"sidecar": _VERSION, "format": self._name, "form": form})
        line = difference(record.plain(), said.plain())
        if not same(form, self._usual):
            line["form"] = form
        if line:
            self.lines += 1
            self._write({"key": key, **line})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def difference(true: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What must be changed in `said` to get `true`, see the head of this file; empty where they are the same."""
    changed = {name: value for name, value in true.items() if name not in said or not same(said[name], value)}
    was = {name: said[name] for name in changed if name in said}
    drop = {name: value for name, value in said.items() if name not in true}
    return {name: part for name, part in (("set", changed), ("was", was), ("drop", drop)) if part}


def restored(said: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
    """`said` with a difference applied, as far as it still says what it said."""
    found, was = dict(said), line.get("was", {})
    for name, value in line.get("set", {}).items():
        if name not in found if name not in was else name in found and same(found[name], was[name]):
            found[name] = value
    for name, value in line.get("drop", {}).items():
        if name in found and same(found[name], value):
            del found[name]
    return found


class Sidecar:
    """A sidecar that is there: what its lines say is read when their row comes, in whatever order rows are by now."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._file = path.open("rb")
        self._places: dict[str, deque[int]] = defaultdict(deque)
        try:
            self.form = self._head(name)
            self._index()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def left(self) -> int:
        """Lines that met no row so far."""
        return sum(map(len, self._places.values()))

    def restore(self, key: str, record: Record) -> Record:
        """The record that a row was made of."""
        places = self._places.get(key)
        line: Mapping[str, Any] = {}
        if places:
            place = places.popleft()
            self._file.seek(place)
            line = self._line(self._file.readline(MAX_ROW + 1), f"at byte {place}")
        form = line.get("form", self.form)
        form = record.form if form is None else form
        try:
            plain = restored(record.plain(), line)
            _refuse_odd(plain, form)
            whole = record.saying(plain)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{self.path}: the line of {key!r} is none of a sidecar ({str(error)[:200]})") from None
        return Record(whole.id, whole.messages, whole.pictures, whole.columns, form)

    def _head(self, name: str) -> dict[str, Any] | None:
        head = self._line(self._file.readline(MAX_ROW + 1), "line 1")
        if (
            head.get("sidecar") != _VERSION
            or head.get("format") != name
            or not isinstance(head.get("form"), dict | None)
        ):
            raise SourceError(
                f"{self.path}: line 1 says {str(head)[:80]!r}; expected a sidecar, version {_VERSION}, of {name}: take "
                "it away if it belongs to other rows"
            )
        form: dict[str, Any] | None = head.get("form")
        return form

    def _index(self) -> None:
        while True:
            place = self._file.tell()
            if not (line := self._file.readline(MAX_ROW + 1)):
                return
            key = self._line(line, f"at byte {place}").get("key")
            if not isinstance(key, str):
                raise SourceError(f"{self.path}: at byte {place}: has no `key`")
            self._places[key].append(place)

    def _line(self, line: bytes, where: str) -> dict[str, Any]:
        if len(line) > MAX_ROW:
            raise SourceError(f"{self.path}: {where}: longer than {MAX_ROW:,} bytes")
        try:
            return exact_row(line.decode().strip(), f"{self.path}: {where}")
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.path}: {where}: is not UTF-8 ({error})") from None


def row_key(row: Mapping[str, Any], record: Record, names: Collection[str]) -> str:
    """By what a row's line is found: its record's id where it says that, else a digest of the row.

    Args:
        names: keys of rows that hold ids.
    """
    return record.id if row.keys() & {*names} else digest(row)


def _refuse_odd(plain: Mapping[str, Any], form: Any) -> None:
    """Raises ValueError for what a stranger's sidecar may say and no record holds."""
    if not isinstance(form, dict) or not isinstance(form.get("kept", {}), dict):
        raise ValueError("`form` is none")
    keys = form.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("`form` has no `keys`")
    if not isinstance(plain["id"], str):
        raise ValueError("an id is no text")
    if not isinstance(plain["images"], list) or not all(isinstance(path, str) for path in plain["images"]):
        raise ValueError("`images` are no paths")
    for one in plain["messages"]:
        parts = one["content"]
        if [*one] != ["role", "content"] or not isinstance(one["role"], str) or not isinstance(parts, list):
            raise ValueError("`messages` hold what is no turn")
        for part in parts:
            if part != {"type": "image"} and not ([*part] == ["type", "text"] and part["type"] == "text"):
                raise ValueError("`messages` hold what is no part")
            if not isinstance(part.get("text", ""), str):
                raise ValueError("a text is none")
