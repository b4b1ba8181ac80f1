"""VIGOR's lists and pictures: 13 fields, offsets in pixels, and which tiles are the hard negatives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.geo.tiles import metres_per_pixel, moved
from factory.phases.plan import PlanSettings, compile_plan
from factory.plugins.contracts import Needs
from factory.sources.vigor import Vigor, vigor
from factory.sources.vigor_labels import BadLabel, Label, parse_label, read_labels, write_label

LAT, LON = 41.8779, -87.6893
SCALE = metres_per_pixel(LAT, 20)


def tile_at(north: float, east: float) -> str:
    """The name of the tile whose middle lies so many pixels from the panorama."""
    lat, lon = moved(LAT, LON, north, east, SCALE)
    return f"satellite_{lat!r}_{lon!r}.png"


OFFSETS = ((23.0, -29.0), (20.0, 300.0), (-304.0, -32.0), (-307.0, 297.0))
LISTED = [tile_at(*offset) for offset in OFFSETS]
FAR = [tile_at(900.0, 0.0), tile_at(0.0, 700.0), tile_at(-2000.0, 0.0)]
NEAR_BUT_UNLISTED = tile_at(310.0, -100.0)
"""Shows the place near its edge and is no negative, although no list says so."""
PANO = f"-Ab_c-D_0123456789xyz,{LAT:.6f},{LON:.6f},.jpg"
ROW = write_label(PANO, [(name, *offset) for name, offset in zip(LISTED, OFFSETS, strict=True)])


def laid_out(
    root: Path, *rows: str, city: str = "Chicago", name: str = "same_area_balanced_train__corrected", **how: Any
) -> Path:
    """A city as VIGOR publishes it: CRLF in the labels and no newline at their end, LF in the list of tiles."""
    folder = root / how.get("labels", "splits__corrected") / city
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_bytes("\r\n".join(rows or (ROW,)).encode())
    (folder / "satellite_list.txt").write_text("\n".join([*LISTED, *FAR, NEAR_BUT_UNLISTED, ""]))
    ground, above = how.get("folders", (f"{city}/panorama", f"{city}/satellite"))
    for pictures, names in ((ground, [PANO]), (above, LISTED)):
        (root / pictures).mkdir(parents=True, exist_ok=True)
        for one in names:
            (root / pictures / one).write_bytes(one.encode())
    return root


def source(root: Path, **more: Any) -> Vigor:
    found = vigor(root, **{"path": ".", "cities": ("Chicago",), **more})
    assert isinstance(found, Vigor)
    return found


def pair(source: Vigor, row: int = 0) -> dict[str, Any]:
    (text,) = source.table()["texts"][row]
    assert text["name"] == "pair"
    return dict(json.loads(text["text"]))


def test_crlf_a_missing_newline_and_ids_with_underscores_are_read(tmp_path: Path) -> None:
    other = ROW.replace("-Ab_c", "_z__9")
    table = source(laid_out(tmp_path, ROW, other)).table()
    assert table["id"].to_list() == ["Chicago_-Ab_c-D_0123456789xyz", "Chicago__z__9-D_0123456789xyz"]
    assert table["problem"].to_list() == [None, None]
    assert table["lat"].to_list() == [LAT, LAT]
    assert pair(source(tmp_path), 1)["semi_positives"][2]["east_px"] == 297.0, "the last number has no `\\r`"


def test_every_picture_has_its_role_its_place_and_its_scale(tmp_path: Path) -> None:
    images = source(laid_out(tmp_path)).table()["images"][0].to_list()
    assert [image["role"] for image in images] == ["ground", "satellite", "semi_1", "semi_2", "semi_3"]
    ground, above = images[:2]
    assert (ground["lat"], ground["metres_per_pixel"]) == (LAT, None)
    assert above["lat"] == pytest.approx(LAT + 23 * 0.1111 / 111_320, abs=1e-6)
    assert above["metres_per_pixel"] == pytest.approx(0.1113, rel=2e-3)
    assert (tmp_path / above["locator"]).read_bytes() == LISTED[0].encode()


def test_an_offset_says_in_which_pixel_of_the_tile_the_camera_stood(tmp_path: Path) -> None:
    """d is the tile minus the panorama, north and east: row = 320 + d1, column = 320 - d2."""
    positive = pair(source(laid_out(tmp_path)))["positive"]
    assert (positive["north_px"], positive["east_px"]) == OFFSETS[0]
    assert (positive["row"], positive["column"]) == (343.0, 349.0)
    assert positive["distance_m"] == pytest.approx((23**2 + 29**2) ** 0.5 * 0.1113, rel=4e-3)


def test_labels_of_the_original_are_brought_to_the_true_scale(tmp_path: Path) -> None:
    """They take a pixel for 0.114 m, so that all offsets of Chicago are 2.6 % short."""
    short = [(name, n * SCALE / 0.114, e * SCALE / 0.114) for name, (n, e) in zip(LISTED, OFFSETS, strict=True)]
    laid_out(tmp_path, write_label(PANO, short), name="same_area_balanced_train", labels="splits")
    found = pair(source(tmp_path))
    assert found["labels"] == "original"
    assert found["semi_positives"][2]["east_px"] == pytest.approx(297.0, abs=0.06)


def test_corrected_labels_go_before_the_originals(tmp_path: Path) -> None:
    laid_out(tmp_path, name="same_area_balanced_train", labels="splits")
    assert pair(source(tmp_path))["labels"] == "original"
    assert pair(source(laid_out(tmp_path)))["labels"] == "corrected"


def test_hard_negatives_are_the_nearest_tiles_that_do_not_show_the_place(tmp_path: Path) -> None:
    negatives = pair(source(laid_out(tmp_path)))["negatives"]
    assert [one["tile"] for one in negatives] == [FAR[1], FAR[0], FAR[2]]
    assert negatives[0]["distance_m"] == pytest.approx(700 * SCALE, rel=2e-3)
    assert [one["tile"] for one in pair(source(tmp_path, negatives=1))["negatives"]] == [FAR[1]]
    assert pair(source(tmp_path, negatives=0))["negatives"] == []


def test_sample4geo_s_folders_are_read(tmp_path: Path) -> None:
    laid_out(tmp_path, folders=("ground/Chicago", "satellite/Chicago"), labels="splits")
    found = source(tmp_path)
    ground, above, *_ = found.table()["images"][0].to_list()
    assert (ground["locator"], above["locator"]) == (f"ground/Chicago/{PANO}", f"satellite/Chicago/{LISTED[0]}")
    assert found.stamp(ground["locator"]) is not None and found.read(above["locator"]).is_file()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.rpartition(" ")[0], "bad_fields"),
        (f"{ROW} 4", "bad_fields"),
        (ROW.replace(PANO, "pano.jpg"), "bad_panorama_name"),
        (ROW.replace(f"{LAT:.6f}", "91.0"), "bad_panorama_name"),
        (ROW.replace(LISTED[2], "../satellite_1_2.png"), "bad_tile_name"),
        (ROW.replace(" -304.0 ", " NaN "), "bad_offset"),
        (ROW.replace(" -304.0 ", " 1e300 "), "bad_offset"),
        (ROW.replace(LISTED[3], LISTED[2]), "tile_twice"),
        (ROW.replace(LISTED[3], tile_at(-307.0, 290.0)), "unlisted_tile"),
        (ROW.replace(" -304.0 ", " -284.0 "), "offset_differs"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(tmp_path: Path, row: str, reason: str) -> None:
    plan = compile_plan(source(laid_out(tmp_path, row, ROW)).table(), PlanSettings(), needs=Needs(images=("ground",)))
    assert plan.counts["planned"] == 1
    ((dropped, detail),) = plan.dropped.select("reason", "detail").rows()
    assert dropped == reason and detail


def test_what_an_offset_may_differ_by_is_a_setting(tmp_path: Path) -> None:
    root = laid_out(tmp_path, ROW.replace(" -304.0 ", " -284.0 "))
    assert source(root, tolerance_pixels=25).table()["problem"].to_list() == [None]
    assert source(root, tolerance_pixels=None).table()["problem"].to_list() == [None]


def test_splits_are_those_of_vigor(tmp_path: Path) -> None:
    for name in ("same_area_balanced_test__corrected", "pano_label_balanced__corrected"):
        laid_out(tmp_path, name=name)
    laid_out(tmp_path, ROW.replace("-Ab", "-Xy"), city="NewYork", name="pano_label_balanced__corrected")
    laid_out(tmp_path)
    assert pair(source(tmp_path, split="test"))["split"] == "test"
    assert source(tmp_path, split="all").table().height == 2
    crossed = source(tmp_path, area="cross", split="all", cities=("NewYork", "Chicago"))
    assert [pair(crossed, row)["split"] for row in (0, 1)] == ["train", "test"]


@pytest.mark.parametrize("gone", ["Chicago/panorama", "Chicago/satellite", "splits__corrected"])
def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path, gone: str) -> None:
    laid_out(tmp_path)
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="academic use") as told:
        source(tmp_path).table()
    assert gone.rpartition("/")[2].replace("panorama", "panoramas").split("__")[0] in str(told.value)
    with pytest.raises(SourceError, match="no folder nowhere"):
        source(tmp_path, path="nowhere").table()


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    laid_out(tmp_path)
    (tmp_path / "splits__corrected" / "Chicago" / "satellite_list.txt").write_bytes(b"satellite_1.0_2.0.png\n\xff\xfe")
    with pytest.raises(SourceError, match="byte 22 is no text"):
        source(tmp_path).table()
    (tmp_path / "splits__corrected" / "Chicago" / "satellite_list.txt").write_text("satellite_1.0_2.0.png\nphoto.png\n")
    with pytest.raises(SourceError, match=r"satellite_list.txt:2: 'photo.png'"):
        source(tmp_path).table()


def test_its_digest_follows_labels_pictures_and_settings(tmp_path: Path) -> None:
    laid_out(tmp_path)
    first = source(tmp_path).digest()
    assert first == source(tmp_path).digest()
    assert first != source(tmp_path, negatives=2).digest()
    (tmp_path / "Chicago" / "panorama" / PANO).write_bytes(b"another")
    second = source(tmp_path).digest()
    assert second != first
    laid_out(tmp_path, ROW.replace(" 23.0 ", " 24.0 "))
    assert source(tmp_path).digest() not in (first, second)


@given(st.text(max_size=400))
def test_any_line_is_a_label_or_says_what_is_odd(line: str) -> None:
    found = parse_label(line, where="here:1")
    assert isinstance(found, Label | BadLabel)


@given(
    st.from_regex(r"[A-Za-z0-9_-]{22}", fullmatch=True),
    st.lists(st.tuples(st.integers(-400, 400), st.integers(-400, 400)), min_size=4, max_size=4, unique=True),
)
def test_what_is_written_is_read(pano_id: str, offsets: list[tuple[int, int]]) -> None:
    pano = f"{pano_id},{LAT:.6f},{LON:.6f},.jpg"
    tiles = [(f"satellite_{41 + at}.5_-87.{at}.png", *offset) for at, offset in enumerate(offsets)]
    found = parse_label(write_label(pano, tiles), where="here:1")
    assert isinstance(found, Label)
    assert (found.pano, found.pano_id) == (pano, pano_id)
    assert [(tile.name, tile.north, tile.east) for tile in (found.positive, *found.semi_positives)] == tiles


def test_a_row_of_another_number_of_tiles_is_not_written() -> None:
    with pytest.raises(ValueError, match="four"):
        write_label(PANO, [(LISTED[0], 1.0, 2.0)])


def test_a_file_without_rows_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"\r\n\r\n")
    assert list(read_labels(tmp_path / "empty.txt", label="empty.txt")) == []
