"""The facts behind the clues that ship, against StreetComplete's tables as they stand (CC0), and on made ones."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

FACTS = Path(__file__).resolve().parents[2] / "recipes" / "clues" / "facts.csv"
SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
TABLES = SHARED / "data" / "formats" / "country_facts" / "countrymetadata"
UNITS = {"mph": ["miles per hour"], "km/h": ["kilometers per hour"]}


def facts() -> list[dict[str, str]]:
    with FACTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def differences(rows: list[dict[str, str]], folder: Path) -> Iterator[str]:
    """Every fact of ours that these tables do not say."""
    left, units, centre, edge, languages = (
        _table(folder / f"{name}.yml")
        for name in ("isLeftHandTraffic", "speedUnits", "centerLineStyle", "edgeLineStyle", "officialLanguages")
    )
    for row in rows:
        code = row["country"]
        if (row["side"] == "left") != bool(left.get(code, left["default"])):
            yield f"{code}: side {row['side']}"
        theirs = units.get(code, units["default"])
        if row["speed"] != next((unit for unit, names in UNITS.items() if names == theirs), ""):
            yield f"{code}: speed {row['speed']!r}, not {theirs}"
        if row["centre"] and row["centre"] != centre.get(code):
            yield f"{code}: centre line {row['centre']}, not {centre.get(code)}"
        if row["edge"] and row["edge"] != edge.get(code):
            yield f"{code}: edge line {row['edge']}, not {edge.get(code)}"
        if odd := {*row["languages"].split()} - {*languages.get(code, languages["default"])}:
            yield f"{code}: languages {', '.join(sorted(odd))}"


def _table(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return table


@pytest.mark.shared
@pytest.mark.skipif(not TABLES.is_dir(), reason="tables of country facts are missing: set FACTORY_SHARED")
def test_every_fact_is_what_the_tables_say() -> None:
    assert len(facts()) == 197
    assert list(differences(facts(), TABLES)) == []


def test_a_fact_that_differs_is_found(tmp_path: Path) -> None:
    made = {
        "isLeftHandTraffic": "default: false\nKE: true\nUS: true\n",
        "speedUnits": "default: [kilometers per hour]\nUS: [miles per hour]\n"
        "LR: [miles per hour, kilometers per hour]\n",
        "centerLineStyle": "default: white\nUS: white\n'NO': yellow\n",
        "edgeLineStyle": "default: white\nZA: yellow\n",
        "officialLanguages": "default: [en]\nKE: [sw]\nZA: [en]\n'NO': ['no']\nLR: [en]\n",
    }
    for name, text in made.items():
        (tmp_path / f"{name}.yml").write_text(text)
    ours = [row for row in facts() if row["country"] in ("KE", "US", "ZA", "NO", "LR")]
    assert list(differences(ours, tmp_path)) == [
        "KE: languages en",
        "US: side right",
        "US: centre line yellow, not white",
        "ZA: side left",
        "ZA: centre line white, not None",
    ]
