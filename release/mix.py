"""A mix: rows of several releases in exact shares, drawn by a seed, as one release.

Shares hold for `train`; rows of `validation` and `test` come whole from every part, since they measure. Which rows are
drawn is decided by a hash of the seed, the part's name and the row's id, so it depends on no order, and a part that
grows keeps most of the rows that were drawn of it. Rows of the parts alternate by their shares, for readers that
shuffle a window at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypedDict

from factory.errors import RecipeError
from factory.text import counted
from release.files import sample_of
from release.joined import Whole, require_new, write_joined
from release.manifest import DamagedRelease
from release.merge import NEAR
from release.parts import SPLITS, Part, Taken, open_part, told_of, withdrawn_by
from release.shared_pictures import Pictures
from schemas.rows.mixed import TRUTH, mixed_row, mixed_schema
from schemas.rows.schema import RowSchema

DRAWN: Final = "train"
"""The split of which shares are drawn."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part, and how much of the mix it is."""

    name: str
    path: Path
    weight: Fraction


class Mixed(TypedDict):
    """What a mix came to."""

    root: str
    rows: int
    splits: dict[str, int]
    parts: dict[str, dict[str, int]]
    """Rows of each, by split."""
    leaks: int
    """Rows left out because another split has their picture."""
    shared: int
    """Pictures that rows of several parts show: a model sees them more often than others."""
    seed: int


def mix_releases(
    shares: Sequence[Share],
    out: Path,
    *,
    name: str,
    title: str | None = None,
    seed: int = 0,
    rows: int | None = None,
    drop_leaks: bool = False,
) -> Mixed:
    """Writes a mix.

    Args:
        rows: of `train`; by default as many as the weights allow, so that one part gives all it has.
        drop_leaks: leave out rows whose picture a split that measures has, before any are drawn, rather than refuse.

    Raises RecipeError where a part has too few rows, a picture would be in two splits, or a part is damaged.
    """
    require_new(out)
    parts = [open_part(share.path, share.name) for share in shares]
    try:
        gone = withdrawn_by(parts)
        there = [_ids(part, gone) for part in parts]
        schema = _schema(parts, there)
        leaks = [0] * len(parts)
        if drop_leaks:
            pictures = _pictures(parts, there, schema)
            leaking = pictures.leaking()
            found = [_without(part, ids, leaking, schema) for part, ids in zip(parts, there, strict=True)]
            leaks = [_rows_of(ids) - _rows_of(left) for ids, left in zip(there, found, strict=True)]
            there = found
        _refuse_empty(parts, there, rows)
        wanted = exact_counts([share.weight for share in shares], [len(one[DRAWN]) for one in there], shares, rows)
        kept = [_drawn(ids, part.name, seed, count) for ids, part, count in zip(there, parts, wanted, strict=True)]
        if not drop_leaks:
            pictures = _pictures(parts, kept, schema)
            pictures.refuse_leaks()
        left = [len(ids[DRAWN]) - len(one[DRAWN]) for ids, one in zip(there, kept, strict=True)]
        drops = [*_drops(parts, left, "not_drawn"), *_drops(parts, leaks, "picture_in_two_splits")]
        counts = [{split: len(one[split]) for split in SPLITS} for one in kept]
        whole = Whole(
            how="mix",
            name=name,
            title=title or name,
            settings=_settings(shares, seed, counts),
            parts=_told(parts, shares, counts),
            drops=drops,
            select=[NEAR],
            withdrawn=_gone(parts, schema),
        )
        mixed = (_as(taken, schema) for taken in _alternating(parts, kept))
        facts = write_joined(out, parts, mixed, schema, whole)
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    return {
        "root": str(out),
        "rows": facts["counts"]["rows"],
        "splits": facts["counts"]["splits"],
        "parts": {part.name: {k: v for k, v in one.items() if v} for part, one in zip(parts, counts, strict=True)},
        "leaks": sum(leaks),
        "shared": pictures.shared(_named(parts, kept, schema)),
        "seed": seed,
    }


def _refuse_empty(parts: Sequence[Part], there: Sequence[Ids], rows: int | None) -> None:
    """Raises RecipeError for a part without a row to draw: by its weight there would be none of the others either."""
    empty = [part.name for part, ids in zip(parts, there, strict=True) if not ids[DRAWN]]
    if rows is None and empty and any(ids[DRAWN] for ids in there):
        raise RecipeError(
            f"{', '.join(empty)}: no row of {DRAWN}, so that by the weights the mix would have none; leave the part "
            "out, or draw other splits when you build it"
        )


Ids = Mapping[str, Collection[str]]
"""Ids of a part's rows by split."""


def _pictures(parts: Sequence[Part], kept: Sequence[Ids], schema: RowSchema) -> Pictures:
    """The pictures of these rows."""
    pictures = Pictures()
    for part, ids in zip(parts, kept, strict=True):
        for split in SPLITS:
            for taken in _of(part, split, ids):
                pictures.add(_id_of(part, str(taken.values["id"]), schema), taken)
    return pictures


def _id_of(part: Part, name: str, schema: RowSchema) -> str:
    """What a row of a part is called in the mix."""
    return name if part.schema == schema else f"{part.name}:{name}"


def _without(part: Part, ids: Ids, leaking: Collection[str], schema: RowSchema) -> dict[str, list[str]]:
    return {
        split: [name for name in names if _id_of(part, name, schema) not in leaking] for split, names in ids.items()
    }


def _named(parts: Sequence[Part], kept: Sequence[Ids], schema: RowSchema) -> frozenset[str]:
    """What the rows of the mix are called."""
    each = ((part, name) for part, ids in zip(parts, kept, strict=True) for names in ids.values() for name in names)
    return frozenset(_id_of(part, name, schema) for part, name in each)


def _rows_of(ids: Ids) -> int:
    return sum(map(len, ids.values()))


def exact_counts(
    weights: Sequence[Fraction], there: Sequence[int], shares: Sequence[Share], rows: int | None
) -> list[int]:
    """Rows of each part, together exactly `rows`: by weight, what is left over to the largest remainders.

    Raises RecipeError that names the parts with too few rows.
    """
    total = sum(weights)
    if rows is None:
        rows = int(min(Fraction(have) * total / weight for have, weight in zip(there, weights, strict=True)))
    exact = [rows * weight / total for weight in weights]
    counts = [int(one) for one in exact]
    by_rest = sorted(range(len(counts)), key=lambda n: (counts[n] - exact[n], n))
    for number in by_rest[: rows - sum(counts)]:
        counts[number] += 1
    short = [
        f"{share.name}: {counted(have, 'row')} of {DRAWN}, and its weight asks for {count:,}"
        for share, have, count in zip(shares, there, counts, strict=True)
        if count > have
    ]
    if short:
        most = int(min(Fraction(have) * total / weight for have, weight in zip(there, weights, strict=True)))
        raise RecipeError(
            "there are too few rows, and none is taken twice:", *short, f"with these weights at most {most:,} rows"
        )
    return counts


def _ids(part: Part, gone: Mapping[str, Any]) -> dict[str, list[str]]:
    """Ids of a part's rows by split, in order, without those that any part withdrew."""
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one in part.opened:
        for split in one.splits:
            columns = one.stream(split, shuffle=False, columns=["id"])
            found[split] += [str(row["id"]) for row in columns if not _is_gone(str(row["id"]), gone)]
    return found


def _is_gone(name: str, gone: Mapping[str, Any]) -> bool:
    return name in gone or sample_of(name, gone) in gone


def _drawn(ids: Mapping[str, Sequence[str]], part: str, seed: int, count: int) -> dict[str, frozenset[str]]:
    """The ids that are in the mix: those that were drawn of `train`, and all others."""

    def place(name: str) -> bytes:
        return hashlib.blake2b(f"{seed}\0{part}\0{name}".encode(), digest_size=16).digest()

    kept = {split: frozenset(names) for split, names in ids.items()}
    return kept | {DRAWN: frozenset(sorted(ids[DRAWN], key=place)[:count])}


def _of(part: Part, split: str, kept: Ids) -> Iterator[Taken]:
    ids = kept[split] if isinstance(kept[split], frozenset) else frozenset(kept[split])
    return (taken for taken in part.of(split) if taken.values["id"] in ids)


def _alternating(parts: Sequence[Part], kept: Sequence[Ids]) -> Iterator[Taken]:
    """Every row of the mix, those of the parts in turns: the next is of the part that is farthest behind its share."""
    for split in SPLITS:
        each = [_of(part, split, ids) for part, ids in zip(parts, kept, strict=True)]
        total, given = [len(ids[split]) for ids in kept], [0] * len(parts)
        for _ in range(sum(total)):
            waiting = (number for number in range(len(parts)) if given[number] < total[number])
            behind = min(waiting, key=lambda number: (Fraction(2 * given[number] + 1, total[number]), number))
            given[behind] += 1
            yield next(each[behind])


def _schema(parts: Sequence[Part], there: Sequence[Mapping[str, Sequence[str]]]) -> RowSchema:
    """That of the parts where they share it and no id, else that of a mix."""
    first = parts[0].schema
    ids = [name for one in there for names in one.values() for name in names]
    if all(part.schema == first for part in parts) and len({*ids}) == len(ids):
        return first
    return mixed_schema(max((part.schema.truth_in_messages for part in parts), key=TRUTH.index))


def _as(taken: Taken, schema: RowSchema) -> Taken:
    """A row with the columns of the mix."""
    if taken.part.schema == schema:
        return taken
    part, stated = taken.part, str(taken.part.manifest["licence"])
    licence = None if stated == "per-row" else stated
    values = mixed_row(taken.values, part.name, part.schema.family, licence)
    lines = tuple({**line, "id": f"{part.name}:{line['id']}"} for line in taken.withheld)
    return Taken(part, taken.split, values, taken.jpegs, lines)


def _gone(parts: Sequence[Part], schema: RowSchema) -> dict[str, Mapping[str, str]]:
    """What the parts list as withdrawn, by the ids that rows have here."""
    if all(part.schema == schema for part in parts):
        return withdrawn_by(parts)
    lines = ({**line, "id": f"{part.name}:{line['id']}"} for part in parts for line in part.withdrawn)
    return {line["id"]: line for line in lines}


def _told(parts: Sequence[Part], shares: Sequence[Share], counts: Sequence[Mapping[str, int]]) -> list[dict[str, Any]]:
    return [
        told_of(part, sum(one.values()), weight=_written(share.weight), splits=dict(one))
        for part, share, one in zip(parts, shares, counts, strict=True)
    ]


def _settings(shares: Sequence[Share], seed: int, counts: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    return {
        "seed": seed,
        "parts": [
            {"name": share.name, "weight": _written(share.weight), "rows": one[DRAWN]}
            for share, one in zip(shares, counts, strict=True)
        ],
    }


def _written(weight: Fraction) -> str:
    return str(weight.numerator) if weight.denominator == 1 else f"{float(weight):g}"


def _drops(parts: Sequence[Part], left: Sequence[int], reason: str) -> list[dict[str, Any]]:
    return [
        {"phase": "mix", "rule": part.name, "reason": reason, "rows": rows}
        for part, rows in zip(parts, left, strict=True)
        if rows
    ]
