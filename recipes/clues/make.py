"""Writes the clues that ship with the recipe, world.csv, from tables of facts. Every sentence is written here.

    python recipes/clues/make.py            # writes recipes/clues/world.csv
    python recipes/clues/make.py --check    # writes nothing, says whether it would change

A fact that no source states clearly has an empty cell and becomes no clue. README.md says where the facts come from.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

HERE = Path(__file__).parent
CLDR = "Unicode CLDR 48 (Unicode-3.0)"
METADATA = "StreetComplete countrymetadata 9db3d1f (CC0-1.0)"
GEONAMES = "GeoNames countryInfo (CC BY 4.0)"
LANGUAGES = f"{CLDR}; {METADATA}"
COLUMNS = ("id", "text", "country", "region", "kind", "source", "licence", "names")

Clue = tuple[str, str, str, str]
"""Suffix of the id, kind, text, source."""


def main() -> int:
    made, target = world(), HERE / "world.csv"
    if "--check" in sys.argv[1:]:
        same = target.read_text(encoding="utf-8") == made
        print("world.csv is what the tables say" if same else "world.csv differs from what the tables say")
        return 0 if same else 1
    target.write_text(made, encoding="utf-8", newline="\n")
    return 0


def world() -> str:
    """The repository as CSV."""
    languages = {row["language"]: row for row in table("languages")}
    sentences = table("sentences")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for fact in table("facts"):
        code = fact["country"]
        for name, kind, text, source in clues(fact, languages):
            writer.writerow((f"{code}-{name}", text, code, "", kind, source, "CC0-1.0", fact["adjective"]))
        for row in (row for row in sentences if row["country"] == code):
            source = {"languages": LANGUAGES, "CLDR": CLDR}.get(row["source"], row["source"])
            place = row["country"], row["region"], row["kind"]
            writer.writerow((row["id"], row["text"], *place, source, "CC0-1.0", fact["adjective"]))
    return out.getvalue()


def clues(fact: dict[str, str], languages: dict[str, dict[str, str]]) -> Iterator[Clue]:
    """The clues of one country, each in a variant by the country's code: equal sentences teach the sentence."""

    def said(*variants: str) -> str:
        chosen = variants[crc32((fact["country"] + variants[0]).encode()) % len(variants)]
        text = chosen.format_map(fact)
        return text[0].upper() + text[1:]

    yield (
        "side",
        "road",
        said(
            "traffic in {name} keeps {side}",
            "in {name} vehicles drive on the {side}",
            "drivers in {name} use the {side} side of the road",
        )
        + ".",
        METADATA,
    )
    if fact["speed"]:
        unit = {"mph": "miles per hour (mph)", "km/h": "kilometres per hour (km/h)"}[fact["speed"]]
        yield (
            "speed",
            "sign",
            said("speed limits in {name} are in ", "road signs in {name} give speeds in ") + unit + ".",
            METADATA,
        )
    if fact["domain"]:
        yield (
            "domain",
            "sign",
            said(
                "web addresses in {name} often end in {domain}.",
                "the country domain of {name} is {domain}, as in addresses on shop signs and vans.",
            ),
            GEONAMES,
        )
    if fact["areas"]:
        codes = listed(fact["areas"].split(), "or")
        yield (
            "phone",
            "sign",
            said("telephone numbers in {name} begin with +1 and the area code ") + codes + ".",
            "libphonenumber 9.0.43 (Apache-2.0)",
        )
    elif fact["phone"]:
        yield (
            "phone",
            "sign",
            said(
                "the calling code of {name} is {phone}, in front of telephone numbers for callers from abroad.",
                "telephone numbers in {name} that are written out in full begin with {phone}.",
            ),
            f"libphonenumber 9.0.43 (Apache-2.0); {GEONAMES}",
        )
    if fact["money"]:
        yield (
            "currency",
            "culture",
            said("prices in {name} are in {money} ({currency}).", "people in {name} pay in {money} ({currency})."),
            f"{CLDR}; ISO 4217",
        )
    spoken = [languages[code] for code in fact["languages"].split()]
    if spoken:
        named = listed([language["name"] for language in spoken], "and")
        yield (
            "language",
            "language",
            said("signs in {name} are written mostly in ", "writing on the streets of {name} is mostly in ")
            + named
            + ".",
            LANGUAGES,
        )
    for language in spoken:
        yield from letters(language, fact, said)
    yield from plates(fact, said)


def letters(language: dict[str, str], fact: dict[str, str], said: Callable[..., str]) -> Iterator[Clue]:
    """How a language looks where it is written."""
    code, name, script = language["language"], language["name"], language["script"]
    known = listed(language["letters"].split(), "and")
    if script in ("Chinese", "Japanese"):  # sentences.csv says it better
        return
    if script != "Latin":
        own = "" if script == name else f" in the {script} script"
        text = f"{name} is written{own} in {{name}}" if own else f"signs in {{name}} use the {script} script"
        more = f", with letters such as {known}" if known else ""
        more += f", and in {language['also']} letters" if language["also"] else ""
        yield f"script-{code}", "language", said(text) + more + ".", CLDR
    elif known:
        yield (
            f"letters-{code}",
            "language",
            said(f"{name} words on signs in {{name}} have letters such as ") + known + ".",
            CLDR,
        )


def plates(fact: dict[str, str], said: Callable[..., str]) -> Iterator[Clue]:
    """Lines on the road and the band on number plates."""
    if fact["centre"]:
        yield (
            "centre-line",
            "road",
            said(
                "the line in the middle of two-way roads in {name} is {centre}.",
                "roads in {name} have a {centre} centre line between opposing lanes.",
            ),
            METADATA,
        )
    if fact["edge"]:
        lines = "yellow lines" if fact["edge"] == "yellow" else fact["edge"]
        yield "edge-line", "road", said(f"the edges of roads in {{name}} are marked with {lines}."), METADATA
    if fact["band"]:
        yield (
            "plate",
            "vehicle",
            said(
                "number plates in {name} can show {band} below the stars of the European Union in a blue band.",
                "the blue European Union band at the left end of number plates in {name} carries {band}.",
            ),
            "Council Regulation (EC) No 2411/98",
        )


def listed(words: list[str], last: str) -> str:
    """`a, b and c`."""
    return "".join(words) if len(words) < 2 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def table(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


if __name__ == "__main__":
    sys.exit(main())
