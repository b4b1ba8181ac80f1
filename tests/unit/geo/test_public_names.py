"""What docs/geo.md shows of `factory.geo` is there, runs, and is all there is."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from factory import geo

PAGE = (Path(__file__).parents[3] / "docs" / "geo.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BLOCK = next(block for block in BLOCKS if "from factory import geo" in block)
EXTRAS = {"h3_cells": "h3", "reverse_nearest_city": "reverse_geocoder"}


def test_every_name_of_the_package_is_shown_and_every_shown_name_is_there() -> None:
    shown = set(re.findall(r"\bgeo\.(\w+)", BLOCK))
    assert all(hasattr(geo, name) for name in {*shown, *geo.__all__})
    told = {"EARTH_RADIUS_KM", "GAZETTEER_VERSION", "SamePlace"}
    assert shown == set(geo.__all__) - told


def test_the_example_gives_what_it_says() -> None:
    known: dict[str, Any] = {}
    results = 0
    for line in BLOCK.splitlines():
        code, _, comment = line.partition("  # ")
        if any(name in code and find_spec(package) is None for name, package in EXTRAS.items()):
            continue
        if "→" not in comment:
            exec(code, known)
            continue
        said = comment.removeprefix("→ ").split(", with the extra")[0].split(", as ")[0]
        assert repr(eval(code, known)) == said, line
        results += 1
    assert results >= 15


@pytest.mark.parametrize("statement", ["import factory.geo", "import factory.cli.main"])
def test_importing_is_light(statement: str) -> None:
    code = (
        f"{statement}; import sys; "
        "found = {'scipy', 'shapely', 'pyarrow', 'numpy', 'h3', 'reverse_geocoder'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
