"""Rows that go through another format and come back are what they were: values, types, order of keys, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.formats.convert import How
from factory.formats.kept import read_home, write_home
from factory.formats.known import FORMATS
from factory.formats.record import BadRow
from factory.formats.sidecar import difference, restored
from tests.row_files import (
    CLUES,
    LLAMA_FACTORY,
    LLAVA,
    NGCG,
    SHAREGPT,
    TEST_TABLE,
    TRL,
    converted,
    json_file,
    with_pictures,
    written,
)

FILES: list[tuple[str, str, list[Any]]] = [
    ("sharegpt", "mllm.json", LLAMA_FACTORY),
    ("sharegpt", "sharegpt.json", SHAREGPT),
    ("sharegpt", "swift.jsonl", LLAMA_FACTORY),
    ("llava", "llava.json", LLAVA),
    ("trl", "trl.jsonl", TRL),
    ("naviclues", "clues.jsonl", CLUES),
    ("ngcg", "ngcg.json", NGCG),
]


@pytest.mark.parametrize("through", ["sharegpt", "trl", "parquet", "webdataset"])
@pytest.mark.parametrize(("form", "name", "rows"), FILES, ids=[name for _, name, _ in FILES])
def test_a_file_comes_back_as_it_was(form: str, name: str, rows: list[Any], through: str, tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), name, rows)
    assert converted(file, tmp_path / "there", through)["rows"] == {"data": len(rows)}
    back = converted(tmp_path / "there", tmp_path / "back", form)
    assert back["unmet"] == 0
    found = tmp_path / "back" / f"data{FORMATS[form].ending}"
    assert orjson.dumps(json_file(found)) == orjson.dumps(rows)
    for path in sorted((tmp_path / "in/streets").iterdir()):
        if path.name in json.dumps(rows):
            assert (tmp_path / "back/streets" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("form", ["naviclues", "llava"])
def test_two_formats_on_the_way_lose_nothing_either(form: str, tmp_path: Path) -> None:
    _, name, rows = next(one for one in FILES if one[0] == form)
    converted(written(with_pictures(tmp_path / "in"), name, rows), tmp_path / "a", "parquet")
    converted(tmp_path / "a", tmp_path / "b", "trl")
    converted(tmp_path / "b", tmp_path / "c", "webdataset")
    converted(tmp_path / "c", tmp_path / "back", form)
    found = tmp_path / "back" / f"data{FORMATS[form].ending}"
    assert orjson.dumps(json_file(found)) == orjson.dumps(rows)


def test_a_test_table_comes_back_with_every_cell(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "images").mkdir(parents=True)
    streets = with_pictures(tmp_path / "pictures") / "streets/1.jpg"
    for name in ("7e_c3_8163912402.jpg", "a, b.jpg", "=x.jpg"):
        (folder / "images" / name).write_bytes(streets.read_bytes())
    (folder / "test.csv").write_bytes(TEST_TABLE.encode())
    converted(folder / "test.csv", tmp_path / "there", "trl")
    converted(tmp_path / "there", tmp_path / "back", "mp16-reason-test")
    assert (tmp_path / "back/data.csv").read_bytes() == TEST_TABLE.replace("\r\n", "\n").encode() + b"\n"
    assert [row["country"] for row in map(json.loads, _sidecar_sets(tmp_path / "there"))] == ["NA", "", "@home"]


def _sidecar_sets(folder: Path) -> list[str]:
    lines = (folder / "data.sidecar").read_text().splitlines()[1:]
    return [json.dumps({"country": json.loads(line)["set"]["columns.country"]}) for line in lines]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n\r\n"])
def test_line_ends_are_no_part_of_rows(end: str, last: str, tmp_path: Path) -> None:
    file = written(with_pictures(tmp_path / "in"), "clues.jsonl", CLUES, end=end)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + last.encode())
    assert converted(file, tmp_path / "there", "trl")["rows"] == {"data": 2}


def test_what_was_edited_on_the_way_stays_edited(tmp_path: Path) -> None:
    converted(written(with_pictures(tmp_path / "in"), "clues.jsonl", CLUES), tmp_path / "there", "trl")
    file = tmp_path / "there/data.jsonl"
    rows = json_file(file)
    rows[0]["messages"][1]["content"][0]["text"] = "Better clues."
    file.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    done = converted(tmp_path / "there", tmp_path / "back", "naviclues")
    assert done["unmet"] == 0
    assert json_file(tmp_path / "back/data.jsonl") == [CLUES[1], {**CLUES[0], "clues": "Better clues."}]


def test_a_row_that_was_taken_out_leaves_its_line_unmet(tmp_path: Path) -> None:
    converted(written(with_pictures(tmp_path / "in"), "clues.jsonl", CLUES), tmp_path / "there", "trl")
    file = tmp_path / "there/data.jsonl"
    file.write_text(file.read_text().splitlines()[1])
    assert converted(tmp_path / "there", tmp_path / "back", "naviclues")["unmet"] == 1
    assert json_file(tmp_path / "back/data.jsonl") == [CLUES[1]]


def test_paths_alone_need_no_picture(tmp_path: Path) -> None:
    file = written(tmp_path, "clues.jsonl", CLUES)
    done = converted(file, tmp_path / "there", "sharegpt", how=How(refer=True))
    assert done["pictures"] == 2
    assert json_file(tmp_path / "there/data.json")[0]["images"] == ["streets/1.jpg"]
    assert not (tmp_path / "there/images").exists()


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
EXTRA = st.dictionaries(
    WORDS.filter(lambda name: name not in ("videos", "audios", "video", "audio")), VALUES, max_size=3
)
TEXTS = st.lists(st.sampled_from(["<image>", "<image>\n", "\n", "NA", "a", " "]), max_size=6).map("".join)


@st.composite
def tagged(draw: st.DrawFn) -> dict[str, Any]:
    """A row of ShareGPT in one of its spellings, with as many pictures as tags."""
    own = draw(st.booleans())
    keys = ("from", "value") if own else ("role", "content")
    roles = ("human", "gpt", "system", "observation") if own else ("user", "assistant", "system", "tool")
    turns = [
        {keys[0]: draw(st.sampled_from(roles)), keys[1]: draw(TEXTS), **draw(st.sampled_from([{}, {"loss": True}]))}
        for _ in range(draw(st.integers(0, 4)))
    ]
    tags = sum(str(turn[keys[1]]).count("<image>") for turn in turns)
    row = {**draw(EXTRA), draw(st.sampled_from(["messages", "conversations"])): turns}
    if tags or draw(st.booleans()):
        row["images"] = [f"{number}.jpg" for number in range(tags)]
    if draw(st.booleans()):
        row["id"] = draw(WORDS | st.integers(0, 9))
    if draw(st.booleans()):
        row["system"] = draw(WORDS)
    return dict(draw(st.permutations(list(row.items()))))


@given(tagged())
def test_any_row_of_sharegpt_comes_home(row: dict[str, Any]) -> None:
    form = FORMATS["sharegpt"]
    assert form.to_row is not None
    try:
        record = read_home(row, 0, form.from_row, form.to_row)
    except BadRow as error:
        assert "both `image` and `images`" in str(error) or "its pictures are" in str(error) or "messages" in str(error)
        return
    assert orjson.dumps(write_home(record, form.to_row)) == orjson.dumps(row)


@given(tagged(), st.sampled_from(["trl", "llava", "sharegpt"]))
def test_a_sidecar_has_all_that_another_format_does_not_say(row: dict[str, Any], name: str) -> None:
    home, other = FORMATS["sharegpt"], FORMATS[name]
    assert home.to_row is not None and other.to_row is not None
    try:
        record = read_home(row, 0, home.from_row, home.to_row)
        there = orjson.loads(orjson.dumps(other.to_row(record, home=False)))
        said = other.from_row(there, 0)
    except BadRow:
        return
    line = orjson.loads(orjson.dumps(difference(record.plain(), said.plain())))
    again = said.saying(restored(said.plain(), line))
    assert orjson.dumps(again.plain(), option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        record.plain(), option=orjson.OPT_SORT_KEYS
    )


@given(st.dictionaries(WORDS, VALUES, max_size=5), st.dictionaries(WORDS, VALUES, max_size=5))
def test_a_difference_undoes_itself(true: dict[str, Any], said: dict[str, Any]) -> None:
    assert restored(said, difference(true, said)) == true
