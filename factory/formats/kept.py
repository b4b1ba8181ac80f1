"""A row's own spelling, kept so that it comes home as it was: order of its keys, and what our writer spells otherwise.

Most rows are written back as they were read, by their form alone. For the rest the form keeps the value as it stood,
with a digest of what our writer makes of it: while it makes the same, nobody has changed the record, and the row gets
its own spelling back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from factory.formats.record import Record, digest, same


class ToRow(Protocol):
    """Writes a record as a row."""

    def __call__(self, record: Record, *, home: bool) -> dict[str, Any]: ...


def read_home(
    row: Mapping[str, Any], number: int, from_row: Callable[[Mapping[str, Any], int], Record], to_row: ToRow
) -> Record:
    """A row as a record that comes home as this row."""
    record = from_row(row, number)
    made = to_row(record, home=True)
    odd = {name: row[name] for name in row if name not in made or not same(made[name], row[name])}
    extra = [name for name in made if name not in row]
    if not odd and not extra:
        return record
    kept: dict[str, Any] = {name: {"made": _digest(made, name), "was": value} for name, value in odd.items()}
    kept |= {name: {"made": _digest(made, name)} for name in extra}
    return replace(record, form={**record.form, "kept": kept})


def write_home(record: Record, to_row: ToRow) -> dict[str, Any]:
    """The row that a record was, as far as it still says the same."""
    made = to_row(record, home=True)
    kept = record.form.get("kept")
    if not isinstance(kept, Mapping):
        return made
    row = dict(made)
    for name, one in kept.items():
        if not isinstance(one, Mapping) or one.get("made") != _digest(made, name):
            continue
        if "was" in one:
            row[name] = one["was"]
        else:
            row.pop(name, None)
    order = [name for name in record.form.get("keys", ()) if name in row]
    return {**{name: row[name] for name in order}, **row}


def _digest(made: Mapping[str, Any], name: str) -> str | None:
    return digest(made[name]) if name in made else None
