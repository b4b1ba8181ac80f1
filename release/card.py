"""The dataset card (README.md), its map and LICENSE-DATA.md: a release explained to people.

Everything that comes from photos, tables or teachers is escaped: a licence text or a place name can neither break a
table nor become HTML on the Hub's page.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from factory.geo.world_map import world, world_map
from factory.store.yaml_lines import dump_yaml
from release.citation import bibtex
from release.configs import card_configs
from release.privacy import changed_words, privacy_told
from schemas.rows.schema import RowSchema, card_features

SPLIT_COLOURS: Final = {"train": "#2563eb", "validation": "#d97706", "test": "#059669"}
HUB_LICENCES: Final = {
    "CC0": "cc0-1.0",
    "CC0-1.0": "cc0-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "ODBL-1.0": "odbl",
}
"""SPDX identifiers (upper case) to the Hub's licence tags; others become `other`."""
TAGS: Final = (
    "geolocation",
    "image-geolocation",
    "geography",
    "reasoning",
    "vision-language",
    "geo-reasoning-factory",
)
IMAGE_TAGS: Final = frozenset({"image-geolocation", "vision-language"})
"""Of these, the ones that a release without pictures does not get."""
IMAGE_TASKS: Final = ("image-text-to-text", "visual-question-answering")
TEXT_TASKS: Final = ("text-generation", "question-answering")
"""The Hub's categories of rows with and without pictures."""
ATTRIBUTION: Final = ("licence", "author", "source_url")
"""Columns that say whose a photo is, where a family has them."""
LISTED_COUNTRIES: Final = 60
LISTED_VALUES: Final = 20
"""Rows of the tables of scenes and licences, whose values are foreign text; the manifest counts them all."""
SHOWN_CHARACTERS: Final = 100
"""Longer foreign values are shortened."""
TITLE_CHARACTERS: Final = 200
_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]|#!~$])")
_AUTOLINKS: Final = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)|(?<=mailto:)|(?<=xmpp:)")
"""Where GitHub's Markdown recognises addresses in plain text. It does so after backslashes are resolved, so only a
character in between keeps one from becoming a link."""
_WORD_JOINER: Final = "\u2060"


def render_card(facts: Mapping[str, Any], row: RowSchema) -> str:
    """README.md of a release.

    Args:
        facts: the manifest's fields except `files`, plus `title`, `licence`, `formats` and `tars`, `parquet` (numbers
            of files).
        row: what the rows hold; brings its own words.
    """
    front = dump_yaml(_front_matter(facts, row)).rstrip("\n")
    counts = facts["counts"]
    text = (
        _environment()
        .get_template("card.md.jinja")
        .render(
            **facts,
            front=front,
            settings=dump_yaml(facts["recipe"]).rstrip("\n"),
            countries=_largest(counts["countries"], LISTED_COUNTRIES),
            scenes=_largest(counts["scenes"], LISTED_VALUES),
            empty_splits=[name for name in SPLIT_COLOURS if name not in counts["splits"]],
            columns=row.notes,
            names=row.columns.names,
            tar_files=tar_files(facts),
            bibtex=bibtex(facts),
            privacy_told=privacy_told(facts),
            attributed=_listed([f"`{name}`" for name in ATTRIBUTION if name in row.columns.names]),
        )
    )
    return _squeezed(text)


def tar_files(facts: Mapping[str, Any]) -> str:
    """The first split of the tars as `load_dataset` takes it."""
    files = card_configs(facts["configs"], "webdataset", "tar")[0]["data_files"] if facts["counts"]["rows"] else []
    return json.dumps({each["split"]: each["path"] for each in files[:1]})


def render_licences(facts: Mapping[str, Any], row: RowSchema) -> str:
    """LICENSE-DATA.md: the photos' licences, counted, and what attribution they ask for."""
    licences = _largest(facts["counts"]["licences"], LISTED_VALUES)
    template = _environment().get_template("licences.md.jinja")
    changed = " or ".join(changed_words(facts))
    return _squeezed(template.render(**facts, licences=licences, names=row.columns.names, changed=changed))


def render_map(kept: pl.DataFrame, rows: int) -> str:
    """Where the rows are, as an SVG: one dot a sample, or bins when there are many, coloured by split.

    Args:
        kept: id, lat, lon (degrees), split of the released samples.
        rows: rows made of them.
    """
    outlines = world()
    drawn = world_map(kept.select("id", "lat", "lon", decision="split", place=pl.lit("")), tuple(SPLIT_COLOURS))
    left, top, width, height = drawn.view_box
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width:g} {height:g}" role="img">',
        f"<title>{rows} rows on the world map</title>",
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="#f8fafc"/>',
        f'<path d="{outlines.graticule}" fill="none" stroke="#e2e8f0" stroke-width="0.5"/>',
        f'<path d="{outlines.land}" fill="#dbe1e8"/>',
        f'<path d="{outlines.borders}" fill="none" stroke="#ffffff" stroke-width="0.5"/>',
    ]
    for dot in drawn.dots:
        colour = SPLIT_COLOURS.get(dot.decision, "#64748b")
        lines.append(
            f'<circle cx="{dot.x:g}" cy="{dot.y:g}" r="{dot.size / 2:g}" fill="{colour}" fill-opacity="0.75" '
            'stroke="#ffffff" stroke-width="0.6"/>'
        )
    present = [name for name in SPLIT_COLOURS if name in set(kept["split"])]
    for number, name in enumerate(present):
        x, y = left + 16 + 110 * number, top + height - 14
        lines.append(f'<circle cx="{x:g}" cy="{y - 4:g}" r="5" fill="{SPLIT_COLOURS[name]}"/>')
        lines.append(f'<text x="{x + 10:g}" y="{y:g}" font-family="sans-serif" font-size="14">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def escape(value: object, limit: int = SHOWN_CHARACTERS) -> str:
    """Text as one line of Markdown that shows it literally, inside tables too, at most `limit` characters of it.

    Addresses in it do not become links: an invisible word joiner (U+2060) stands where they would be recognised.
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return _MARKDOWN.sub(r"\\\1", html.escape(_AUTOLINKS.sub(_WORD_JOINER, line), quote=False))


def hub_licence(licence: str) -> str:
    """The Hub's tag for a licence, `other` where it has none."""
    return HUB_LICENCES.get(licence.upper().replace(" ", "-"), "other")


def card_licence(licences: Mapping[str, int]) -> dict[str, str]:
    """The licence keys of the front matter.

    Args:
        licences: released rows by the licence they state (the recipe's for rows whose source states none).

    Returns:
        The one licence that every row states, where the Hub has a tag for it; else `other`, pointing to
        LICENSE-DATA.md.
    """
    tag = hub_licence(next(iter(licences))) if len(licences) == 1 else "other"
    return {"license": tag} if tag != "other" else {"license": tag, **_LICENCE_FILE}


_LICENCE_FILE: Final = {"license_name": "per-row", "license_link": "LICENSE-DATA.md"}


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`"""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def _largest(counts: Mapping[str, int], most: int) -> dict[str, Any]:
    """The head of a ranked table, with the number of values left out and their rows."""
    ranked = list(counts.items())
    return {"listed": ranked[:most], "more": len(ranked[most:]), "more_rows": sum(rows for _, rows in ranked[most:])}


def _front_matter(facts: Mapping[str, Any], row: RowSchema) -> dict[str, Any]:
    rows = facts["counts"]["rows"]
    seen = facts["pictures"]["most"] > 0
    front: dict[str, Any] = {
        "pretty_name": facts["title"],
        "language": ["en"],
        **card_licence(facts["counts"]["licences"]),
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "n>1M")],
        "task_categories": list(IMAGE_TASKS if seen else TEXT_TASKS),
        "annotations_creators": ["machine-generated"],
        "tags": [tag for tag in TAGS if seen or tag not in IMAGE_TAGS],
    }
    if not rows:  # a configuration without a file fails where it is loaded
        return front
    if "parquet" in facts["formats"]:
        front["configs"] = card_configs(facts["configs"], "parquet", "parquet", facts["rows_sha256"])
        features = card_features(row.columns)
        told = [{"config_name": config["config_name"], "features": features} for config in front["configs"]]
        front["dataset_info"] = told[0] if len(told) == 1 else told
    elif "webdataset" in facts["formats"]:
        front["configs"] = card_configs(facts["configs"], "webdataset", "tar", facts["rows_sha256"])
    return front


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent)
    # Markdown, not HTML: `finalize` is not enough for tables, so every value goes through `md` by name.
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters["md"] = escape
    environment.filters["heading"] = lambda value: escape(value, TITLE_CHARACTERS)
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment


def _squeezed(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def scrubbed(value: Any) -> Any:
    """Recipe settings without places: an address is left out, a path on the builder's disk keeps its last part."""
    if isinstance(value, Mapping):
        return {str(key): scrubbed(item) for key, item in value.items() if not _is_address(item)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [scrubbed(item) for item in value]
    if isinstance(value, str) and re.match(r"(/|~/|\\|[A-Za-z]:[\\/]|\.\.?[\\/])", value):
        return re.split(r"[\\/]", value.rstrip("/\\"))[-1]
    return value


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"[a-z][a-z0-9+.-]*://", value, re.IGNORECASE) is not None
