"""The demo set: what it contains, and that its pictures are what its program draws."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

DEMO = Path(__file__).resolve().parents[3] / "recipes" / "demo"


@pytest.fixture(scope="module")
def render() -> ModuleType:
    """The program, loaded from its file because recipes/ is not a package."""
    spec = importlib.util.spec_from_file_location("demo_render", DEMO / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo_render"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The committed table."""
    with (DEMO / "scenes.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_there_are_enough_scenes_with_unique_ids_and_files(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 40
    assert len({r["id"] for r in rows}) == len({r["file"] for r in rows}) == len(rows)


def test_every_listed_image_opens_and_no_other_lies_beside_it(rows: list[dict[str, str]]) -> None:
    assert {r["file"] for r in rows} == {f"images/{p.name}" for p in (DEMO / "images").iterdir()}
    for row in rows:
        with Image.open(DEMO / row["file"]) as image:
            image.load()
            assert image.format == "JPEG"
            assert 500 <= min(image.size) <= max(image.size) <= 800
            assert not image.getexif()


def test_the_scenes_lie_in_at_least_twenty_countries(rows: list[dict[str, str]]) -> None:
    reverse_geocoder = pytest.importorskip("reverse_geocoder")
    places = reverse_geocoder.search([(float(r["lat"]), float(r["lon"])) for r in rows], mode=1, verbose=False)
    assert len({p["cc"] for p in places}) >= 20


def test_coordinates_dates_kinds_and_licences_are_well_formed(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert -90 <= float(row["lat"]) <= 90
        assert -180 <= float(row["lon"]) <= 180
        assert 0 < float(row["coord_uncertainty_km"]) <= 25
        assert row["scene"] in {"indoor", "natural", "urban"}
        assert row["licence"] == "CC0-1.0"
        assert len(row["captured_at"]) == 19


def test_the_hard_cases_are_there(rows: list[dict[str, str]]) -> None:
    notes = [r["note"] for r in rows]
    assert sum("No evidence" in n for n in notes) >= 5
    assert sum("Misleading clue" in n for n in notes) >= 4
    assert sum("Border town" in n for n in notes) >= 1
    places = Counter((r["lat"], r["lon"], r["author"]) for r in rows)
    assert sum(count == 2 for count in places.values()) >= 3


def test_the_whole_folder_stays_small() -> None:
    """What it holds; the program that draws it is code, and in no wheel."""
    files = [p for p in DEMO.rglob("*") if p.is_file() and "cache" not in str(p.parent) and p.suffix != ".py"]
    assert sum(p.stat().st_size for p in files) < 3_500_000


def test_the_table_is_what_the_program_writes(render: ModuleType) -> None:
    assert (DEMO / "scenes.csv").read_text(encoding="utf-8") == render.table()


@pytest.mark.parametrize("name", ["fujiyoshida-street-b", "marrakech-wall", "white-wall", "hoi-an-lanterns"])
def test_a_picture_rendered_again_is_the_committed_one(render: ModuleType, name: str) -> None:
    scene = next(s for s in render.SCENES if s.name == name)
    fresh = render.encode(render.render_scene(scene))
    assert fresh == render.encode(render.render_scene(scene))
    assert render.compare((DEMO / scene.file).read_bytes(), fresh) in {"identical", "same picture"}


def test_the_check_tells_another_picture_apart(render: ModuleType) -> None:
    one, other = ((DEMO / "images" / name).read_bytes() for name in ("001.jpg", "003.jpg"))
    assert render.compare(one, other) == "different"


def test_near_duplicates_are_near_and_not_equal(render: ModuleType) -> None:
    by_painter: dict[str, list[bytes]] = {}
    for scene in render.SCENES:
        by_painter.setdefault(scene.paint.__name__, []).append((DEMO / scene.file).read_bytes())
    pairs = [files for files in by_painter.values() if len(files) == 2]
    assert len(pairs) >= 3
    assert all(first != second for first, second in pairs)


def test_only_committed_glyphs_are_used(render: ModuleType) -> None:
    canvas = sys.modules["scenes.canvas"]
    for scene in render.SCENES[:6]:
        scene.paint(canvas.Canvas(*scene.size, seed=scene.paint.__name__), scene.look.take)
    for name, used in canvas.GLYPHS_USED.items():
        face = canvas.load_font(name, 40)
        blank = bytes(face.getmask("\uffff"))
        for character in used - {" "}:
            assert bytes(face.getmask(character)) != blank, f"{character!r} is missing from {canvas.FONT_FILES[name]}"
