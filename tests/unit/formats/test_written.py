"""What is written is what other tools read: by their rules, rewritten here, and by `datasets` and `webdataset`."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.formats.convert import How
from release import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.row_files import CLUES, NGCG, SHAREGPT, TRL, converted, json_file, picture, with_pictures, written


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("release") / "b", 12, all_accepted=True)
    write_release(build, settings=ReleaseSettings(title="Places"))
    return build.paths.root


def llama_factory(folder: Path) -> list[tuple[list[dict[str, str]], list[bytes]]]:
    """Every row by LLaMA-Factory's rules: the data set's entry, its columns and tags, paths from the folder, as many
    tags as pictures, user and assistant by turns."""
    rows = []
    for entry in json.loads((folder / "dataset_info.json").read_text()).values():
        assert entry["formatting"] == "sharegpt"
        columns, tags = entry["columns"], entry["tags"]
        for row in json.loads((folder / entry["file_name"]).read_text()):
            turns = row[columns["messages"]]
            pictures = [(folder / path).read_bytes() for path in row[columns["images"]]]
            assert sum(turn[tags["content_tag"]].count("<image>") for turn in turns) == len(pictures)
            talk = [turn for turn in turns if turn[tags["role_tag"]] != tags["system_tag"]]
            assert [turn[tags["role_tag"]] for turn in talk] == [tags["user_tag"], tags["assistant_tag"]] * (
                len(talk) // 2
            )
            rows.append((turns, pictures))
    return rows


def test_a_release_reads_in_llama_factory(release: Path, tmp_path: Path) -> None:
    done = converted(release, tmp_path / "there", "sharegpt")
    rows = llama_factory(tmp_path / "there")
    assert len(rows) == sum(done["rows"].values()) == 12
    assert all(len(pictures) == 1 for _, pictures in rows)
    assert {"there_train"} <= json.loads((tmp_path / "there/dataset_info.json").read_text()).keys()


def test_licences_follow_in_every_format(release: Path, tmp_path: Path) -> None:
    for form in ("sharegpt", "trl", "llava", "mp16-reason"):
        converted(release, tmp_path / form, form)
        assert (tmp_path / form / "LICENSE-DATA.md").read_text() == (release / "release/LICENSE-DATA.md").read_text()
    row = json_file(tmp_path / "trl/train.jsonl")[0]
    assert {"licence", "author", "source_url"} & row.keys()


def test_a_release_reads_in_globe_s_loader(release: Path, tmp_path: Path) -> None:
    """Its preprocessor takes `response`, `__#solution`, `images` with bytes, `entities` with text, and nothing else."""
    converted(release, tmp_path / "there", "mp16-reason")
    for row in pq.read_table(tmp_path / "there/train.parquet").to_pylist():
        assert row["response"] and "<think>" not in row["response"]
        assert row["__#solution"].startswith("<country>") and row["__#solution"].endswith("</city>")
        Image.open(io.BytesIO(row["images"][0]["bytes"])).verify()
        assert all(isinstance(one["text"], str) for one in row["entities"])
    converted(tmp_path / "there", tmp_path / "b", "trl")
    converted(tmp_path / "b", tmp_path / "c", "mp16-reason")
    assert pq.read_table(tmp_path / "c/train.parquet").equals(pq.read_table(tmp_path / "there/train.parquet"))


def test_a_release_is_a_test_table(release: Path, tmp_path: Path) -> None:
    """GLOBE's `eval.py` reads IMG_ID, adds .jpg where there is none, and the labels."""
    converted(release, tmp_path / "there", "mp16-reason-test")
    with (tmp_path / "there/train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        assert (tmp_path / "there/images" / row["IMG_ID"]).is_file() and row["IMG_ID"].endswith(".jpg")
        assert -90 <= float(row["LAT"]) <= 90 and row["country"]


def test_trl_rows_have_one_type_a_column(tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "s.json", SHAREGPT)
    converted(file, tmp_path / "there", "trl")
    for row in json_file(tmp_path / "there/data.jsonl"):
        assert all(isinstance(turn["content"], list) for turn in row["messages"]) and isinstance(row["images"], list)


@pytest.mark.filterwarnings("ignore")
def test_datasets_reads_parquet_and_tars(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    file = written(with_pictures(tmp_path / "in"), "trl.jsonl", TRL)
    converted(file, tmp_path / "table", "parquet")
    read = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "table/data.parquet"), cache_dir=str(tmp_path / "c")
    )
    assert [image.size for image in read["train"][1]["images"]] == [(8, 8), (8, 8)]
    rows = written(tmp_path / "in", "clues.jsonl", [{**row, "image_path": "streets/1.jpg"} for row in CLUES])
    converted(rows, tmp_path / "tars", "webdataset")
    tar = str(tmp_path / "tars/data-000000.tar")
    read = datasets.load_dataset("webdataset", data_files=tar, cache_dir=str(tmp_path / "d"), streaming=True)
    assert [row["json"]["distance"] for row in read["train"]] == [0.1, 1.1]


def test_pictures_are_called_by_their_digest_or_by_the_row(tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "ngcg.json", NGCG)
    converted(file, tmp_path / "a", "sharegpt")
    digests = {path for row in json_file(tmp_path / "a/data.json") for path in row["images"]}
    assert len(digests) == 2 and all((tmp_path / "a" / path).is_file() for path in digests)
    converted(file, tmp_path / "b", "sharegpt", how=How(names="id"))
    named = [row["images"] for row in json_file(tmp_path / "b/data.json")]
    assert named == [["images/000000.jpg"], ["images/000001.0.png", "images/000001.1.jpg"]]


def test_rows_of_a_list_of_withdrawals_are_left_out(tmp_path: Path) -> None:
    from hashlib import sha256

    folder = with_pictures(tmp_path / "in")
    file = written(folder, "trl.jsonl", [{"id": f"p{number}", **row} for number, row in enumerate((*TRL, TRL[0]))])
    gone = tmp_path / "list.csv"
    gone.write_text("id,sha256,author,reason,since\np2,,,asked,2026-05-01\n")
    done = converted(file, tmp_path / "a", "sharegpt", how=How(withdrawn=gone))
    assert done["withdrawn"] == 1 and done["rows"] == {"data": 2}
    digest = sha256(picture(2, "PNG")).hexdigest()
    gone.write_text(f"id,sha256,author,reason,since\n,{digest},,asked,2026-05-01\n")
    done = converted(file, tmp_path / "b", "sharegpt", how=How(withdrawn=gone))
    assert [row["id"] for row in json_file(tmp_path / "b/data.json")] == ["p0", "p2"]


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "trl.jsonl", TRL)
    for form in ("parquet", "webdataset", "sharegpt"):
        contents = []
        for name in ("a", "b"):
            out = tmp_path / name / form
            converted(file, out, form)
            contents.append({path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()})
        assert contents[0] == contents[1]


def test_tars_hold_plain_files_alone(tmp_path: Path) -> None:
    converted(written(with_pictures(tmp_path / "in"), "trl.jsonl", TRL), tmp_path / "there", "webdataset")
    with tarfile.open(tmp_path / "there/data-000000.tar") as tar:
        names: list[Any] = tar.getnames()
    assert names == ["000000.jpg", "000000.json", "000001.0.jpg", "000001.1.png", "000001.json"]
