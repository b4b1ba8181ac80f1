"""The tables and photos that really circulate, planned: IM2GPS3k, IM2GPS, OSV-5M, 138 photos, nine originals."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import SourceError
from factory.geo.degrees import read_degrees
from factory.images import ImageSettings, Prepared
from factory.images.prepare import prepare
from factory.phases.plan import Plan, compile_plan
from factory.sources import Source
from factory.sources.folder import folder
from factory.sources.mp16 import mp16
from factory.sources.table import table
from schemas.settings import PlanSettings

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
TABLES = SHARED / "data" / "translocator"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TABLES.is_dir(), reason="real tables are missing: set FACTORY_SHARED"),
]


def planned(source: Source, settings: PlanSettings = PlanSettings()) -> Plan:  # noqa: B008 - frozen
    named = partial(getattr, source, "coordinate_columns")
    return compile_plan(source.table(), settings, origin=source.name, coordinate_columns=named)


def test_im2gps3k_is_read_whole_with_its_scenes() -> None:
    plan = planned(table(TABLES, path="im2gps3k_places365.csv", layout="mp16"))
    assert (plan.samples.height, plan.dropped.height) == (2997, 0)
    assert dict(plan.samples.group_by("scene").len().iter_rows()) == {"indoor": 545, "natural": 845, "urban": 1607}
    assert plan.samples["author"].n_unique() == 198
    assert plan.samples.unique(["lat", "lon"]).height == 1941
    assert plan.samples["shard"].max() == 2


def test_the_source_mp16_repairs_the_file_whose_names_were_exchanged() -> None:
    def rows(name: str) -> pl.DataFrame:
        return planned(mp16(TABLES, path=name, images=".")).samples.select("id", "lat", "lon", "scene", "country_code")

    true = rows("im2gps3k_places365.csv")
    assert true.height == 2997
    repaired = rows("DERIVED_im2gps3k_swapped_header.csv")
    assert repaired.height == 200 and repaired.join(true, on=repaired.columns, how="semi").height == 200


def test_im2gps_is_read_whole() -> None:
    plan = planned(table(TABLES, path="im2gps_places365.csv", layout="mp16"))
    assert (plan.samples.height, plan.dropped.height) == (237, 0)
    assert plan.samples["country_code"].null_count() <= 1, "one photo stands on an island that Natural Earth lacks"


def test_the_swapped_im2gps3k_is_stopped_and_its_remedy_works() -> None:
    name = "DERIVED_im2gps3k_swapped_header.csv"
    with pytest.raises(SourceError, match=rf"{name}.*83 of 200.*`columns: \{{lat: LON, lon: LAT\}}`"):
        planned(table(TABLES, path=name, layout="mp16"))
    repaired = planned(table(TABLES, path=name, layout="mp16", columns={"lat": "LON", "lon": "LAT"}))
    true = planned(table(TABLES, path="im2gps3k_places365.csv", layout="mp16")).samples
    both = repaired.samples.join(true, on="id", suffix="_true")
    assert both.height == 200
    assert both.filter((pl.col("lat") != pl.col("lat_true")) | (pl.col("lon") != pl.col("lon_true"))).is_empty()


def test_osv5m_rows_are_mapped_by_hand() -> None:
    columns = {"lat": "true_lat", "lon": "true_lon", "region": "region"}
    source = table(SHARED / "data" / "osv5m", path="select.csv", columns=columns)  # type: ignore[arg-type]
    plan = planned(source)
    assert plan.samples.height == 50
    assert plan.samples["country_code"].str.contains("^[A-Z]{2}$").all()


def test_the_photos_are_planned_with_their_uncertainty_and_licence() -> None:
    source = table(SHARED / "photos", path="photos.csv", columns={"scene": "scene_guess", "city": "nearest_city"})
    plan = planned(source)
    assert plan.samples.height == 138
    assert plan.samples["country_code"].n_unique() == 41
    assert plan.samples.filter(pl.col("licence").is_null() | (pl.col("uncertainty_km") <= 0)).is_empty()
    locators = plan.samples["images"].explode().struct.field("locator")
    assert all(isinstance(found, Path) and found.is_file() for found in map(source.read, locators))
    without = planned(source, PlanSettings(exclude_licences=("by-sa",), limit=50))
    assert without.samples.height == 50
    assert set(without.reasons) == {"licence_excluded", "not_sampled"}


def test_the_originals_are_located_by_their_exif() -> None:
    source = folder(SHARED / "photos", path="originals")
    plan = planned(source)
    listed = pl.read_csv(SHARED / "photos" / "originals.csv", infer_schema=False)
    assert plan.samples.height == listed.height == 9
    both = plan.samples.join(listed.with_columns(id=pl.col("file").str.split("/").list.last()), on="id", suffix="_csv")
    far = (pl.col("lat") - pl.col("lat_csv").cast(pl.Float64)).abs() > 1e-6
    assert both.height == 9
    assert both.filter(far).is_empty()
    assert both.select("country_code").to_series().to_list() == both["country_code_csv"].to_list()


def test_what_exiftool_writes_is_the_same_place_as_its_numbers() -> None:
    written = json.loads((SHARED / "data" / "formats" / "exiftool" / "exiftool_json_text.json").read_text())[0]
    numbers = pl.read_csv(SHARED / "data" / "formats" / "exiftool" / "exiftool_csv_n_gps.csv", infer_schema=False)
    row = numbers.row(by_predicate=pl.col("SourceFile") == written["SourceFile"], named=True)
    lat, lon = read_degrees(written["GPSLatitude"], "lat"), read_degrees(written["GPSLongitude"], "lon")
    assert lat == pytest.approx(float(row["GPSLatitude"]), abs=1e-5)
    assert lon == pytest.approx(float(row["GPSLongitude"]), abs=1e-5)


def test_pictures_that_datasets_wrote_are_read(tmp_path: Path) -> None:
    source = SHARED / "data" / "formats" / "hub_parquet" / "GENERATED_mmmu_like.parquet"
    located = pq.read_table(source)
    places = {"lat": pa.array([60.0] * located.num_rows), "lon": pa.array([25.0] * located.num_rows)}
    for name, values in places.items():
        located = located.append_column(name, values)
    pq.write_table(located, tmp_path / "t.parquet")
    plan = planned(table(tmp_path, path="t.parquet", columns={"image": "image_1"}))
    assert plan.samples.height == located.num_rows
    for images in plan.samples["images"]:
        data = table(tmp_path, path="t.parquet").read(images[0]["locator"])
        assert isinstance(data, bytes) and isinstance(prepare(data, ImageSettings()), Prepared)
