"""Real records of Panoramax, iNaturalist and Wikimedia Commons."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from factory.sources.commons import commons
from factory.sources.inaturalist import inaturalist
from factory.sources.panoramax import panoramax

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
FORMATS = SHARED / "data" / "formats"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (FORMATS / "panoramax").is_dir(), reason="records are missing: set FACTORY_SHARED"),
]
"""Their twins are written in tests/unit/sources/test_{panoramax,inaturalist,commons}.py."""


def test_a_real_item_of_panoramax() -> None:
    (row,) = panoramax(FORMATS, path="panoramax/search_one_item.json", keep="panoramas").table().to_dicts()
    assert (row["lat"], row["lon"], row["licence"]) == ("48.50179", "7.731916", "etalab-2.0")
    assert row["author"] == "Eurométropole de Strasbourg" and row["problem"] is None
    (other,) = panoramax(FORMATS, path="panoramax/stac_perspective_item.json").table().to_dicts()
    assert (other["lat"], other["problem"]) == (None, "no_picture"), "a STAC item of another kind"


def test_a_real_export_and_answer_of_inaturalist() -> None:
    table = inaturalist(FORMATS, path="inaturalist/observations_export.csv").table()
    assert (table.height, table["problem"].drop_nulls().to_list()) == (47, ["obscured"])
    assert table["licence"].unique().to_list() == ["CC-BY-NC"]
    (row,) = inaturalist(FORMATS, path="inaturalist/observations_without_coords.json").table().to_dicts()
    assert (row["lat"], row["licence"], row["problem"]) == (None, "cc-by-nc", None)


def test_a_real_dump_of_inaturalist(tmp_path: Path) -> None:
    for name in ("observations", "photos", "observers"):
        shutil.copy(FORMATS / "inaturalist" / f"open_data_{name}.tsv", tmp_path / f"{name}.csv")
    table = inaturalist(tmp_path, path=".").table()
    assert table.height == 42 and table["problem"].drop_nulls().unique().to_list() == ["coarse"]
    assert not table["author"].str.contains("^[0-9]+$").all()


def test_real_files_of_commons() -> None:
    table = commons(FORMATS, path="wikimedia_commons/pages_with_gps.json").table()
    assert table["problem"].to_list() == ["unknown_position"] * 3
    assert table["author"].to_list() == ["Eckhard Henkel", "Acabashi", "Spudgun67"]
    placed = commons(FORMATS, path="wikimedia_commons/pages_with_gps.json", positions="any").table()
    assert placed["problem"].null_count() == 3 and placed["lat"][0] == "49.411580"
    (row,) = commons(FORMATS, path="wikimedia_commons/page_no_gps.json").table().to_dicts()
    assert (row["lat"], row["licence"]) == (None, "CC BY-SA 4.0")
