"""Released cross-view rows in the layouts of their papers, read back by the published loaders' rules, and by ours."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.errors import RecipeError
from factory.sources.cvg_text import cvg_text
from factory.sources.vigor import vigor
from release.laid_out import lay_out
from release.layouts import cvg_text_name, write_cvg_text, write_ngcg, write_vigor
from release.read import open_release
from tests.published import cvg_text as published_text
from tests.published import vigor as published_vigor

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[dict[str, Any]]]:
    known: dict[str, list[dict[str, Any]]] = {}

    def rows(name: str) -> list[dict[str, Any]]:
        if name not in known:
            built = factory.build(RECIPES / f"{name}.yaml", out=tmp_path_factory.mktemp(name))
            release = open_release(Path(built.directory) / "release")
            known[name] = [row for split in release.splits for row in release.rows(split)]
        return copy.deepcopy(known[name])

    return rows


def test_vigor_s_lists_are_read_by_its_loaders_and_by_our_source(
    demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    rows = demo("vigor_pairs")
    assert write_vigor(rows, tmp_path, split="train") == len(rows) == 8
    for row in rows:
        city = row["area_name"]
        (theirs,) = published_vigor.read(tmp_path, city, "same_area_balanced_train__corrected.txt")
        assert theirs["ground"].read_bytes() == row["images"][0]["bytes"]
        assert theirs["tiles"][0].read_bytes() == row["images"][1]["bytes"]
        assert theirs["labels"][:4] == [0, 1, 2, 3]
        assert theirs["deltas"][0] == [row["north_px"], row["east_px"]]
    ours = vigor(tmp_path, path=".", cities=tuple(row["area_name"] for row in rows), tile_pixels=256, zoom=19)
    table = ours.table()
    assert table["problem"].null_count() == 8
    assert {*table["id"]} == {row["id"] for row in rows}


def test_a_line_of_vigor_ends_as_the_published_ones_do(
    demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    rows = demo("vigor_pairs")[:2]
    rows[1] |= {"area_name": rows[0]["area_name"]}
    write_vigor(rows, tmp_path, split="test")
    name = f"splits__corrected/{rows[0]['area_name']}/same_area_balanced_test__corrected.txt"
    data = (tmp_path / name).read_bytes()
    assert data.count(b"\r\n") == 1 and not data.endswith(b"\n")


def test_cvg_text_is_read_by_its_loader_and_by_our_source(
    demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    rows = demo("cvg_text")
    assert write_cvg_text(rows, tmp_path, split="test", version="Towns") == len(rows) == 6
    for number, kind in enumerate(("ground", "satellite", "OSM")):
        for row, (path, caption) in zip(rows, published_text.read(tmp_path, "Towns", "test", kind), strict=True):
            assert (path.read_bytes(), caption) == (row["images"][number]["bytes"], row["description"])
            assert published_text.place(path) == pytest.approx((row["lat"], row["lon"]), abs=1e-6)
    table = cvg_text(tmp_path, path=".", version="Towns", split="test").table()
    assert table["problem"].null_count() == 6
    views = [next(text["text"] for text in texts if text["name"] == "view") for texts in table["texts"]]
    assert views == [row["view"] for row in rows]


@pytest.mark.parametrize("query", ["text", "ground"])
def test_ngcg_s_pairs_are_read_by_its_loader(
    demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path, query: Any
) -> None:
    rows = demo("cvg_text")
    write_ngcg(rows, tmp_path, split="train", query=query)
    for row, pair in zip(rows, published_text.pairs(tmp_path, "train"), strict=True):
        assert pair["pictures"]["pos"].read_bytes() == row["images"][1]["bytes"]
        if query == "text":
            assert pair["texts"] == {"qry": row["description"]} and [*pair["pictures"]] == ["pos"]
        else:
            assert pair["texts"] == {} and pair["pictures"]["qry"].read_bytes() == row["images"][0]["bytes"]
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders == {"Rows-satellite", *(("Rows-ground",) if query == "ground" else ())}, "no picture without a pair"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"area_name": "../elsewhere"}, "no name of a folder"),
        ({"area_name": ""}, "no name of a folder"),
        ({"tile": "../../satellite_1.0_2.0.png"}, "none of VIGOR's"),
        ({"panorama": "a/../../b,1.0,2.0,.jpg"}, "none of VIGOR's"),
        ({"panorama": "a b,1.0,2.0,.jpg"}, "none of VIGOR's"),
        ({"semi_positives": []}, "a line of VIGOR has three"),
        ({"tile_pixels": 640}, "offsets are of those"),
        ({"images": []}, "hydrate"),
    ],
)
def test_a_row_that_is_none_of_the_layout_is_refused(
    demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    row = demo("vigor_pairs")[0] | change
    with pytest.raises(RecipeError, match=why):
        write_vigor([row], tmp_path / "out", split="train")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_names_of_strangers_lead_nowhere(demo: Callable[[str], list[dict[str, Any]]], tmp_path: Path) -> None:
    row = demo("cvg_text")[0]
    for name in ("../../etc/passwd", "a\0b", "photo", "x" * 500, "1.0,2.0_" + "y" * 400):
        found = cvg_text_name(row | {"id": name})
        assert "/" not in found and "\0" not in found and len(found) <= 200
        assert published_text.place(Path(found))
    with pytest.raises(RecipeError, match="of another row"):
        write_cvg_text([row, row], tmp_path, split="train")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "factory", "convert", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def test_convert_lays_a_release_out_and_says_what_it_cannot(tmp_path: Path) -> None:
    built = factory.build(RECIPES / "cvg_text.yaml", out=tmp_path)
    done = command(built.directory, tmp_path / "laid", "--to", "cvg_text")
    assert done.returncode == 0 and "release to cvg_text: 6 rows (train 4, validation 1, test 1)" in done.stderr
    assert {path.name for path in (tmp_path / "laid" / "annotation" / "Rows").iterdir()} == {
        "train.json",
        "validation.json",
        "test.json",
    }
    assert (tmp_path / "laid" / "LICENSE-DATA.md").is_file()
    for arguments, said in (
        ((built.directory, tmp_path / "laid", "--to", "cvg_text"), "is there already"),
        ((built.directory, tmp_path / "a", "--to", "vigor"), "takes those of vigor_pairs"),
        ((built.directory, tmp_path / "a", "--to", "cvg_text", "--refer"), "--refer would do nothing"),
        ((built.directory, tmp_path / "a", "--to", "cvg_text", "--split", "tset"), "there are train, validation, test"),
        ((tmp_path, tmp_path / "a", "--to", "cvg_text"), "release"),
    ):
        done = command(*arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "a").exists() and not (tmp_path / "a.tmp").exists()
    assert lay_out(Path(built.directory), tmp_path / "one", "ngcg-retrieval", split="test") == {"test": 1}
