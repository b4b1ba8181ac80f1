"""MP-16 and its kin: how ids are written, the file whose names were exchanged, and where pictures lie."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import SourceError
from factory.phases.plan import compile_plan
from factory.plugins.contracts import Source
from factory.sources.mp16 import TarredPictures, mp16
from schemas.settings import PlanSettings
from tests.tars import bytes_at

HEADER = "IMG_ID,AUTHOR,LAT,LON,S3_Label,S16_Label,S365_Label,Prob_indoor,Prob_natural,Prob_urban"
ROWS = (
    "f3/87/6268.jpg,1@N00,-33.85,151.21,2,1,1,0,0,1",
    "0a_1b_77,2@N00,48.86,2.35,0,1,1,1,0,0",
    "9ff_1_2.JPG   ,3@N00,-22.57,17.08,1,1,1,0,1,0",
)
PICTURES = ("f3_87_6268.jpg", "0a_1b_77.jpg", "9ff_1_2.JPG")


def write(root: Path, *rows: str, header: str = HEADER, end: str = "\n", encoding: str = "utf-8") -> Path:
    (root / "places.csv").write_bytes(end.join((header, *(rows or ROWS))).encode(encoding))
    (root / "images").mkdir(exist_ok=True)
    return root


def source(root: Path, **more: Any) -> Source:
    settings: dict[str, Any] = {"path": "places.csv", "images": "images", **more}
    return mp16(root, **settings)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_ids_are_written_in_many_ways_and_mean_one_picture(tmp_path: Path, end: str) -> None:
    found = source(write(tmp_path, end=end)).table()
    assert found["id"].to_list() == found["image"].to_list() == list(PICTURES)
    assert found["scene"].to_list() == ["urban", "indoor", "natural"]
    assert found["author"].to_list() == ["1@N00", "2@N00", "3@N00"]
    plan = compile_plan(found, PlanSettings())
    assert plan.samples["country_code"].to_list() == ["AU", "FR", "NA"]


def test_one_picture_under_two_spellings_is_planned_once(tmp_path: Path) -> None:
    write(tmp_path, "f3/87/6268.jpg,1@N00,48.86,2.35,2,1,1,0,0,1", "f3_87_6268 ,1@N00,48.86,2.35,2,1,1,0,0,1")
    plan = compile_plan(source(tmp_path).table(), PlanSettings())
    assert plan.samples["id"].to_list() == ["f3_87_6268.jpg"] and plan.reasons == {"duplicate_id": 1}


def exchanged(root: Path, *rows: str) -> Path:
    return write(root, *rows, header=HEADER.replace("LAT,LON", "LON,LAT"))


def test_exchanged_names_are_found_by_their_values(tmp_path: Path) -> None:
    found = source(exchanged(tmp_path)).table()
    assert found["lat"].to_list() == ["-33.85", "48.86", "-22.57"], "a latitude of 151.21 is none"
    assert compile_plan(found, PlanSettings()).samples["country_code"].to_list() == ["AU", "FR", "NA"]


def test_a_header_with_the_longitude_first_that_means_it_is_taken_at_its_word(tmp_path: Path) -> None:
    found = source(exchanged(tmp_path, "a_b_1,x,151.21,-33.85,2,1,1,0,0,1")).table()
    assert (found["lat"][0], found["lon"][0]) == ("-33.85", "151.21")


@pytest.mark.parametrize("rows", [ROWS[1:], (*ROWS, "a_b_1,x,151.21,-33.85,2,1,1,0,0,1")])
def test_values_that_do_not_tell_are_refused_until_the_recipe_says(tmp_path: Path, rows: tuple[str, ...]) -> None:
    exchanged(tmp_path, *rows)
    with pytest.raises(SourceError, match=r"LON stands before LAT.*the values do not tell.*coordinates: as_named"):
        source(tmp_path).table()
    one, other = (source(tmp_path, coordinates=said).table() for said in ("as_named", "exchanged"))
    assert one["lat"].to_list() == other["lon"].to_list() and one["lat"][-1] != other["lat"][-1]


def test_the_right_header_is_never_exchanged(tmp_path: Path) -> None:
    write(tmp_path, *ROWS, "a_b_1,x,151.21,-33.85,2,1,1,0,0,1")
    assert source(tmp_path).table()["lat"].to_list() == ["-33.85", "48.86", "-22.57", "151.21"]


def test_pictures_lie_flat_or_nested(tmp_path: Path) -> None:
    opened = source(write(tmp_path))
    (tmp_path / "images" / "f3" / "87").mkdir(parents=True)
    (tmp_path / "images" / "f3" / "87" / "6268.jpg").write_bytes(b"nested")
    (tmp_path / "images" / "0a_1b_77.jpg").write_bytes(b"flat")
    found = [opened.read(locator) for locator in PICTURES[:2]]
    assert [one.read_bytes() for one in found if isinstance(one, Path)] == [b"nested", b"flat"]
    assert [opened.stamp(locator) is None for locator in PICTURES] == [False, False, True]
    with pytest.raises(SourceError, match="no such file"):
        opened.read(PICTURES[2])


def test_pictures_are_read_out_of_tars(tmp_path: Path) -> None:
    write(tmp_path)
    members = (("mp-16-images/f3_87_6268.jpg", "x/0a/1b/77.jpg", "notes.txt"), ("9ff_1_2.JPG", "0a_1b_77.jpg"))
    for number, names in enumerate(members):
        with tarfile.open(tmp_path / "images" / f"mp-16-images{number:02d}.tar", "w") as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(name)
                tar.addfile(info, io.BytesIO(name.encode()))
    opened = source(tmp_path)
    found = [bytes_at(opened, locator) for locator in PICTURES]
    assert found == [b"mp-16-images/f3_87_6268.jpg", b"x/0a/1b/77.jpg", b"9ff_1_2.JPG"], "the first of two"
    assert opened.stamp(PICTURES[0]) is not None and opened.stamp("notes.txt") is None
    with pytest.raises(SourceError, match="raise `max_members`"):
        source(tmp_path, max_members=2).read(PICTURES[0])


def test_no_tar_is_an_empty_index() -> None:
    assert TarredPictures.of([], max_members=1).find("a.jpg") is None


def test_names_of_places_are_those_of_mp16_pro_and_na_is_namibia(tmp_path: Path) -> None:
    header = f"{HEADER},neighbourhood,city,county,state,region,country,continent"
    write(
        tmp_path,
        f"{ROWS[0]},n,Sydney,c,New South Wales,Oceania,Australia,Oceania",
        f"{ROWS[1]},,nan,,,None,,",
        f"{ROWS[2].replace('   ', '')},,,,,,NA,Africa",
        header=header,
    )
    found = source(tmp_path).table()
    assert found.select("country", "region", "city").rows() == [
        ("Australia", "New South Wales", "Sydney"),
        (None, None, None),
        ("NA", None, None),
    ]
    assert compile_plan(found, PlanSettings()).samples["country_code"].to_list() == ["AU", "FR", "NA"]


def test_another_encoding_is_named_by_the_recipe(tmp_path: Path) -> None:
    write(tmp_path, "a_b_1,张伟,39.9,116.4,2,1,1,0,0,1", encoding="gbk")
    with pytest.raises(SourceError, match="encoding"):
        source(tmp_path).table()
    assert source(tmp_path, encoding="gbk").table()["author"].to_list() == ["张伟"]
    write(tmp_path, header=f"{HEADER},作者", encoding="gbk")
    for encoding in ("utf-8", "none-such"):
        with pytest.raises(SourceError, match="encoding"):
            source(tmp_path, encoding=encoding).digest()


@pytest.mark.parametrize(("key", "name"), [("path", "nothing.csv"), ("images", "nowhere")])
def test_what_is_missing_is_told_with_how_to_get_it(tmp_path: Path, key: str, name: str) -> None:
    write(tmp_path)
    with pytest.raises(SourceError, match=rf"source\.{key}: there is no {name}; it needs .*MP16-Pro.*im2gps3k"):
        source(tmp_path, **{key: name})


def test_another_table_or_picture_is_another_source(tmp_path: Path) -> None:
    first = source(write(tmp_path)).digest()
    assert source(tmp_path).digest() == first
    (tmp_path / "images" / PICTURES[0]).write_bytes(b"jpeg")
    second = source(tmp_path).digest()
    write(tmp_path, *ROWS[:2])
    assert len({first, second, source(tmp_path).digest()}) == 3


def test_an_odd_id_leads_nowhere(tmp_path: Path) -> None:
    write(tmp_path, "../../etc/passwd,x,48.86,2.35,2,1,1,0,0,1")
    opened = source(tmp_path)
    (locator,) = opened.table()["image"]
    assert locator == ".._.._etc_passwd.jpg" and opened.stamp(locator) is None
    with pytest.raises(SourceError):
        opened.read("../../etc/passwd")


def test_records_of_another_length_are_rows_with_a_problem(tmp_path: Path) -> None:
    write(tmp_path, *ROWS, "a_b_1,x,1,2")
    found = source(tmp_path).table()
    assert found["problem"].to_list() == [None, None, None, "too_few_fields"]
    assert found.select(pl.col("source_row")).to_series().to_list() == [0, 1, 2, 3]
