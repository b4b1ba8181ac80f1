"""CVG-Text's annotations: names with a place, versions, and what is a panorama."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.phases.plan import PlanSettings, compile_plan
from factory.plugins.contracts import Needs
from factory.sources.cvg_text import CvgText, cvg_text, read_name

PANORAMA = "40.75290377,-73.97958215_2022-08_mpyEVlsley4foc_t1ndVpA_d62_z3.jpg"
SINGLE = "40.75290377,-73.97958215_photo.jpg"
CAPTION = "A brick tower stands beside a plaza with trees."
NEST = "mnt/hwfile/opendatalab/air/linhonglin/CVG-text/reference"


def laid_out(
    root: Path,
    entries: dict[str, Any],
    *,
    version: str = "NewYork",
    split: str = "train",
    nest: str = "",
    annotation: str = "annotation",
) -> Path:
    where = root / annotation / version
    where.mkdir(parents=True, exist_ok=True)
    (where / f"{split}.json").write_text(json.dumps(entries))
    for kind in ("ground", "satellite", "OSM"):
        folder = root / nest / f"{version}-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in entries:
            (folder / name).write_bytes(f"{kind} {name}".encode())
    return root


def source(root: Path, **more: Any) -> CvgText:
    found = cvg_text(root, **{"path": ".", **more})
    assert isinstance(found, CvgText)
    return found


def texts(source: CvgText, row: int = 0) -> dict[str, str]:
    return {text["name"]: text["text"] for text in source.table()["texts"][row]}


def test_a_name_says_where_and_when(tmp_path: Path) -> None:
    table = source(laid_out(tmp_path, {PANORAMA: CAPTION})).table()
    row = table.row(0, named=True)
    assert (row["lat"], row["lon"], row["captured_at"]) == (40.75290377, -73.97958215, "2022-08")
    assert row["id"] == f"NewYork/{PANORAMA.removesuffix('.jpg')}"
    assert texts(source(tmp_path)) == {
        "caption": CAPTION,
        "view": "panorama",
        "version": "NewYork",
        "split": "train",
        "file": PANORAMA,
    }
    assert [image["role"] for image in row["images"]] == ["ground", "satellite", "map"]
    assert all((tmp_path / image["locator"]).is_file() for image in row["images"])


@pytest.mark.parametrize(
    ("name", "view", "pano_id"),
    [
        (PANORAMA, "panorama", "mpyEVlsley4foc_t1ndVpA"),
        ("40.7,-73.9_2022-08_a_b__c_d62_z3.jpg", "panorama", "a_b__c"),
        ("40.7,-73.9_2022-08_mpyEVlsley4foc-t1ndVpA.jpg", "panorama", "mpyEVlsley4foc-t1ndVpA"),
        (SINGLE, "single", None),
        ("40.7,-73.9.png", "single", None),
        ("40.7,-73.9_street_view_photo_7.jpg", "single", None),
        ("NewYork_2022-08_photos_d62_z3/40.7,-73.9_a.jpg", "single", None),
        (f"New_York/{PANORAMA}", "panorama", "mpyEVlsley4foc_t1ndVpA"),
    ],
)
def test_panorama_or_single_view_is_told_by_the_file_s_own_name(name: str, view: str, pano_id: str | None) -> None:
    found = read_name(name)
    assert found is not None and (found.view, found.pano_id) == (view, pano_id)


def test_where_the_set_is_unpacked_changes_no_view(tmp_path: Path) -> None:
    """The published rule counts `_` in a whole path, and its own zip wraps the pictures in folders with some."""
    found = []
    for name in ("plain", "cvg_text_2022-08_full_d62_z3"):
        (tmp_path / name).mkdir()
        root = laid_out(tmp_path / name, {SINGLE: CAPTION, PANORAMA: CAPTION})
        found.append([texts(source(root), row)["view"] for row in (0, 1)])
    assert found == [["single", "panorama"]] * 2


@pytest.mark.parametrize("nest", ["", "images", "data/query", NEST])
@pytest.mark.parametrize("annotation", ["annotation", "annotation/texts", "CVG-text", "."])
def test_folders_are_found_where_the_zips_put_them(tmp_path: Path, nest: str, annotation: str) -> None:
    images = source(laid_out(tmp_path, {PANORAMA: CAPTION}, nest=nest, annotation=annotation)).table()["images"][0]
    assert [Path(image["locator"]).parent.name for image in images] == [
        "NewYork-ground",
        "NewYork-satellite",
        "NewYork-OSM",
    ]


def test_mixed_is_panoramas_and_single_views(tmp_path: Path) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    laid_out(tmp_path, {SINGLE: CAPTION}, version="NewYork-photos")
    mixed = source(tmp_path, version="NewYork-mixed")
    assert [texts(mixed, row)["version"] for row in (0, 1)] == ["NewYork", "NewYork-photos"]
    assert source(tmp_path, version="NewYork-photos").table().height == 1
    only = source(tmp_path, version="NewYork-mixed", views="single").table()
    assert only["problem"].to_list() == ["other_view", None]


def test_single_views_find_the_tiles_of_their_city(tmp_path: Path) -> None:
    laid_out(tmp_path, {SINGLE: CAPTION}, version="NewYork-photos")
    for kind in ("satellite", "OSM"):
        (tmp_path / f"NewYork-photos-{kind}").rename(tmp_path / f"NewYork-{kind}")
    (tmp_path / "NewYork-photos-ground").rename(tmp_path / "NewYork-photo")
    images = source(tmp_path, version="NewYork-photos").table()["images"][0]
    assert [Path(image["locator"]).parent.name for image in images] == [
        "NewYork-photo",
        "NewYork-satellite",
        "NewYork-OSM",
    ]


def test_a_set_without_maps_has_none(tmp_path: Path) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    (tmp_path / "NewYork-OSM").rename(tmp_path / "elsewhere")
    images = source(tmp_path).table()["images"][0]
    assert [image["role"] for image in images] == ["ground", "satellite"]


def test_street_views_that_are_withheld_leave_a_reason(tmp_path: Path) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    (tmp_path / "NewYork-ground").rename(tmp_path / "elsewhere")
    plan = compile_plan(source(tmp_path).table(), PlanSettings(), needs=Needs(images=("ground", "satellite")))
    assert plan.dropped["reason"].to_list() == ["missing_image"]


def test_scales_are_the_recipe_s(tmp_path: Path) -> None:
    given = source(
        laid_out(tmp_path, {PANORAMA: CAPTION}), satellite_metres_per_pixel=0.15, map_metres_per_pixel=0.4524
    )
    images = given.table()["images"][0]
    assert [image["metres_per_pixel"] for image in images] == [None, 0.15, 0.4524]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"view.jpg": CAPTION}, "bad_name"),
        ({"140.7,-73.9_a.jpg": CAPTION}, "bad_name"),
        ({SINGLE: "  "}, "no_description"),
        ({SINGLE: ["a", "b"]}, "no_description"),
        ({SINGLE: None}, "no_description"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(tmp_path: Path, entries: dict[str, Any], reason: str) -> None:
    table = source(laid_out(tmp_path, entries | {PANORAMA: CAPTION})).table()
    assert table["problem"].to_list() == [reason, None]


def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    with pytest.raises(SourceError, match=r"annotation/NewYork/test.json.*Hugging Face Hub"):
        source(tmp_path, split="test").table()
    with pytest.raises(SourceError, match="no folder nowhere"):
        source(tmp_path, path="nowhere").table()


@pytest.mark.parametrize("data", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_an_annotation_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    (tmp_path / "annotation" / "NewYork" / "train.json").write_bytes(data)
    with pytest.raises(SourceError, match=r"NewYork/train.json: (no JSON|expected one JSON object)"):
        source(tmp_path).table()


def test_a_name_that_leads_out_of_the_folder_reads_nothing(tmp_path: Path) -> None:
    name = "../../40.7,-73.9_a.jpg"
    root = tmp_path / "set"
    root.mkdir()
    laid_out(root, {PANORAMA: CAPTION})
    (root / "annotation" / "NewYork" / "train.json").write_text(json.dumps({name: CAPTION}))
    (tmp_path / "40.7,-73.9_a.jpg").write_bytes(b"outside")
    found = source(root)
    for image in found.table()["images"][0]:
        assert found.stamp(image["locator"]) is None
        with pytest.raises(SourceError):
            found.read(image["locator"])


def test_its_digest_follows_descriptions_pictures_and_settings(tmp_path: Path) -> None:
    laid_out(tmp_path, {PANORAMA: CAPTION})
    first = source(tmp_path).digest()
    assert first == source(tmp_path).digest()
    assert first != source(tmp_path, map_metres_per_pixel=0.4).digest()
    (tmp_path / "NewYork-OSM" / PANORAMA).write_bytes(b"another")
    assert source(tmp_path).digest() != first


@given(st.text(max_size=200))
def test_any_name_is_read_or_none(name: str) -> None:
    found = read_name(name)
    assert found is None or (abs(found.lat) <= 90 and found.view in ("panorama", "single"))
