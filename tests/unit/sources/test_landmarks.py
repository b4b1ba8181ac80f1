"""Google Landmarks v2 by its landmarks: what is joined, what is refused, and where pictures lie."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import SourceError
from factory.phases.plan import PlanSettings, compile_plan
from factory.plugins.contracts import Source
from factory.sources.landmarks import landmarks
from tests.tars import bytes_at

IDS = ("7e4627eb6f721857", "5366e61022b7dc55", "39e4baa4e58810ac", "140690de98deb562")
INDEX = "id,url,landmark_id\n" + "".join(
    f"{one},https://photos.example/{one}.JPG,{landmark}\n" for one, landmark in zip(IDS, (7, 7, 8, 9), strict=True)
)
POSITIONS = "landmark_id,lat,lon,name,uncertainty_km\n7,48.8584,2.2945,Eiffel Tower,\n8,46.0240,7.7482,,3\n"


def write(root: Path, **files: str) -> Path:
    given = {"train.csv": INDEX, "positions.csv": POSITIONS, **{f"{key}.csv": text for key, text in files.items()}}
    for name, text in given.items():
        (root / name).write_text(text)
    for one in IDS:
        folder = root / "images" / one[0] / one[1] / one[2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{one}.jpg").write_bytes(one.encode())
    return root


def source(root: Path, **more: Any) -> Source:
    files: dict[str, Any] = {"path": "train.csv", "positions": "positions.csv", "images": "images", **more}
    return landmarks(root, **files)


def test_a_photo_stands_where_its_landmark_stands(tmp_path: Path) -> None:
    found = source(write(tmp_path)).table()
    first = found.row(0, named=True)
    assert (first["id"], first["lat"], first["lon"], first["uncertainty_km"]) == (IDS[0], "48.8584", "2.2945", "1.0")
    assert first["source_url"] == f"https://photos.example/{IDS[0]}.JPG"
    assert first["texts"] == [{"name": "landmark_id", "text": "7"}, {"name": "landmark", "text": "Eiffel Tower"}]
    assert found["image"][0] == "7/e/4/7e4627eb6f721857.jpg"
    assert found["uncertainty_km"].to_list() == ["1.0", "1.0", "3", "1.0"], "the list's own goes first"
    assert found["problem"].to_list() == [None, None, None, "no_position"]
    assert found["problem_detail"][3] == "landmark 9, 140690de98deb562"


def test_every_row_is_planned_or_dropped_with_a_reason(tmp_path: Path) -> None:
    plan = compile_plan(source(write(tmp_path)).table(), PlanSettings())
    assert (plan.counts["source"], plan.counts["planned"]) == (4, 3)
    assert plan.dropped.select("id", "reason").rows() == [(IDS[3], "no_position")]
    assert set(plan.samples["country_code"]) == {"FR", "CH"}


def test_pictures_are_read_out_of_tars(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "tars").mkdir()
    for number, ids in enumerate((IDS[:1], IDS[2:])):
        with tarfile.open(tmp_path / "tars" / f"images_{number:03d}.tar", "w") as tar:
            for one in ids:
                info = tarfile.TarInfo(f"{one[0]}/{one[1]}/{one[2]}/{one}.jpg")
                info.size = len(one)
                tar.addfile(info, io.BytesIO(one.encode()))
    opened = source(tmp_path, images="tars")
    found = opened.table()
    assert found["image"][0] == f"images_000.tar::7/e/4/{IDS[0]}.jpg"
    assert found["problem"].to_list() == [None, "no_picture", None, "no_position"]
    assert [bytes_at(opened, found["image"][row]) for row in (0, 2)] == [IDS[0].encode(), IDS[2].encode()]
    size, _ = opened.stamp(found["image"][0]) or (0, 0)
    assert size == len(IDS[0])
    assert opened.stamp("images_000.tar::nothing.jpg") is None
    with pytest.raises(SourceError, match="no such member"):
        opened.read("images_000.tar::nothing.jpg")
    with pytest.raises(SourceError, match="must be a relative path"):
        opened.read("../images_000.tar::a.jpg")


def test_pictures_may_lie_beside_each_other(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / f"{IDS[0]}.jpg").write_bytes(b"jpeg")
    opened = source(tmp_path, images="flat", nested=False)
    found = opened.read(opened.table()["image"][0])
    assert isinstance(found, Path) and found.read_bytes() == b"jpeg"


def test_photos_that_the_clean_list_lacks_are_dropped_as_such(tmp_path: Path) -> None:
    write(tmp_path, clean=f"landmark_id,images\n7,{IDS[0]}\n8,{IDS[2]}\n")
    assert source(tmp_path, clean="clean.csv").table()["problem"].to_list() == [None, "not_clean", None, "not_clean"]


def test_authors_and_licences_are_those_of_the_attribution(tmp_path: Path) -> None:
    text = "id,url,author,license,title\n"
    text += '{},https://commons.example/1,"Ann ""B"" C",https://creativecommons.org/licenses/by/2.0/,"A, b"\n'
    write(tmp_path, attribution=text.format(IDS[0]))
    first, second = source(tmp_path, attribution="attribution.csv").table().head(2).to_dicts()
    assert (first["author"], first["licence"]) == ('Ann "B" C', "https://creativecommons.org/licenses/by/2.0/")
    assert first["source_url"] == "https://commons.example/1"
    assert (second["author"], second["licence"]) == (None, None), "what nobody states is not known"


def test_natural_landmarks_are_less_certain(tmp_path: Path) -> None:
    header = "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made\n"
    write(
        tmp_path,
        kinds=header + "7,http://c/Category:T,tower,tower,human-made\n9,http://c/Category:L,lake,lake,natural\n",
    )
    found = source(tmp_path, categories="kinds.csv", uncertainty_km=0.5, natural_uncertainty_km=8).table()
    assert found["uncertainty_km"].to_list() == ["0.5", "0.5", "3", "8"]
    assert {"name": "category", "text": "http://c/Category:T"} in found["texts"][0].to_list()


@pytest.mark.parametrize(
    ("key", "file", "said"),
    [
        ("path", "id,landmark_id\na,1\n", "the set `index` numbers landmarks in another way"),
        ("clean", "id,landmark_id\na,1\n", "of another data set of the same file name"),
        ("clean", f"landmark_id,images\n9,{IDS[0]}\n", "none of its pictures belongs to the landmark"),
        ("positions", "landmark_id,lat\n7,1\n", "has the columns landmark_id, lat, and no lon"),
        ("positions", "landmark_id,lat,lon\n7,1,2\n7,3,4\n", "landmark 7 stands there twice"),
        ("positions", "landmark_id,lat,lon\n123456,1,2\n", "none of its 1 landmarks is in train.csv"),
        ("positions", "landmark_id,lat,lon\n7,1,2\n8,1\n", "line 3 has 2 fields, the header has 3"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, key: str, file: str, said: str) -> None:
    write(tmp_path, other=file)
    with pytest.raises(SourceError, match=said):
        source(tmp_path, **{key: "other.csv"}).table()


@pytest.mark.parametrize("key", ["path", "positions", "clean", "attribution", "categories"])
def test_what_is_missing_is_told_with_how_to_get_it(tmp_path: Path, key: str) -> None:
    write(tmp_path)
    with pytest.raises(SourceError, match=rf"source\.{key}: there is no nothing\.csv; it needs .*(download|of yours)"):
        source(tmp_path, **{key: "nothing.csv"}).table()


def test_a_folder_without_pictures_is_told_with_how_to_get_them(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(SourceError, match=r"no folder .*nowhere; it needs the pictures: download .*images_000\.tar"):
        source(tmp_path, images="nowhere").table()


def test_another_position_or_picture_is_another_source(tmp_path: Path) -> None:
    write(tmp_path)
    first = source(tmp_path).digest()
    assert source(tmp_path).digest() == first
    (tmp_path / "positions.csv").write_text(POSITIONS.replace("48.8584", "48.8585"))
    moved = source(tmp_path).digest()
    (tmp_path / "images" / "7" / "e" / "4" / f"{IDS[0]}.jpg").write_bytes(b"longer than it was before")
    assert len({first, moved, source(tmp_path).digest()}) == 3


def test_an_odd_id_leads_nowhere(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "train.csv").write_text("id,url,landmark_id\n../../etc,u,7\n")
    opened = source(tmp_path)
    (locator,) = opened.table()["image"]
    assert opened.stamp(locator) is None
    with pytest.raises(SourceError):
        opened.read(locator)


def test_records_of_another_length_are_rows_with_a_problem(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "train.csv").write_text(INDEX + "0123456789abcdef,7\n")
    found = source(tmp_path).table()
    assert found["problem"].to_list()[-1] == "too_few_fields"
    assert found.select(pl.col("source_row")).to_series().to_list() == list(range(5))
