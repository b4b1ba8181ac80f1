"""The towns: what is drawn from the street and from above is one place, and the committed files are what is drawn."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DEMO = Path(__file__).resolve().parents[3] / "recipes" / "demo"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The program, loaded from its file because recipes/ is not a package."""
    spec = importlib.util.spec_from_file_location("demo_cross_view", DEMO / "cross_view" / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo_cross_view"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_committed_pictures_are_what_is_drawn(make: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(["--check"]) == 0, capsys.readouterr().out


def test_no_other_file_lies_beside_them(make: ModuleType) -> None:
    names = {"vigor", "cvg_text", "geotext", "make.py", "photos.json", "regions.json"}
    there = {path.name for path in (DEMO / "cross_view").iterdir()} - {"__pycache__"}
    assert {name for name in there if not name.endswith(".jsonl")} == names


def test_a_house_hides_the_street_behind_it(make: ModuleType) -> None:
    """A wall that stands in a ray's way is nearer than the ground behind it."""
    from towns.street import View, _ground, _walls  # type: ignore[import-not-found]
    from towns.world import Box, Town  # type: ignore[import-not-found]

    from towns import places  # type: ignore[import-not-found]  # isort: skip

    town = Town("Utrecht", 0.0, 0.0)
    azimuth, rise = np.array([0.0, np.pi]), np.array([[-0.1, -0.1], [0.1, 0.1]])
    view = View((0.0, 0.0), azimuth, rise, np.zeros((2, 2, 3)), np.full((2, 2), 1e9))
    assert town.name in places.TOWNS
    _ground(view, town)
    assert view.depth[0] == pytest.approx([24.0, 24.0]) and (view.depth[1] == 1e9).all()
    _walls(view, town, Box(0.0, 12.0, 8.0, 4.0, 180.0, 6.0, "#ffffff", "#ffffff"))
    assert view.depth[:, 0] == pytest.approx([10.0, 10.0]), "the near wall of the house to the north"
    assert view.depth[:, 1] == pytest.approx([24.0, 1e9]), "nothing stands to the south"
