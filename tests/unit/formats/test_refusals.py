"""What cannot be converted is refused by its place and reason, and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.errors import RecipeError, SourceError
from factory.formats.convert import How
from factory.formats.json_rows import json_rows
from factory.formats.known import format_called
from factory.formats.source import open_source
from tests.row_files import CLUES, LLAVA, NGCG, SHAREGPT, TRL, converted, picture, with_pictures, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_pictures(tmp_path / "in")


def refused(source: Path, to: str, how: How = How()) -> str:  # noqa: B008
    with pytest.raises((RecipeError, SourceError)) as caught:
        converted(source, source.parent / "there", to, how=how)
    assert caught.value.exit_code == 2
    assert not (source.parent / "there").exists() and not (source.parent / "there.tmp").exists()
    return str(caught.value)


def tags(row: dict[str, Any]) -> None:
    row["conversations"][1]["value"] = "<image><image>"


def no_images(row: dict[str, Any]) -> None:
    del row["images"]


def video(row: dict[str, Any]) -> None:
    row["videos"] = ["a.mp4"]


def one_image_more(row: dict[str, Any]) -> None:
    row["images"].append("streets/1.jpg")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (tags, "row 1: its messages show 2 pictures and it has 1"),
        (no_images, "row 1: its messages show 1 pictures and it has 0"),
        (one_image_more, "row 1: its messages show 1 pictures and it has 2"),
        (video, "row 1: has `videos`"),
    ],
)
def test_tags_and_pictures_are_as_many(change: Callable[[dict[str, Any]], None], said: str, folder: Path) -> None:
    rows = json.loads(json.dumps(SHAREGPT))
    change(rows[0])
    assert said in refused(written(folder, "sharegpt.json", rows), "trl")


def test_a_text_that_says_the_tag_becomes_no_picture(folder: Path) -> None:
    rows = json.loads(json.dumps(TRL))
    rows[0]["messages"][1]["content"][0]["text"] = "Write <image> there."
    said = refused(written(folder, "trl.jsonl", rows), "sharegpt")
    assert "trl.jsonl:1" in said and "a text says" in said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../secret.jpg", "without `..`"),
        ("/etc/passwd", "relative path"),
        ("streets", "not a regular file"),
        ("none.jpg", "no such file"),
        ("leads.jpg", "leads out of"),
        ("words.jpg", "is no picture"),
    ],
)
def test_a_picture_lies_in_its_folder(path: str, said: str, folder: Path) -> None:
    (folder.parent / "secret.jpg").write_bytes(picture(3))
    (folder / "leads.jpg").symlink_to(folder.parent / "secret.jpg")
    (folder / "words.jpg").write_bytes(b"no picture")
    rows = [{**CLUES[0], "image_path": path}]
    found = refused(written(folder, "clues.jsonl", rows), "trl")
    assert said in found and "clues.jsonl:1" in found


def test_a_path_of_a_sidecar_leads_nowhere_else(folder: Path) -> None:
    converted(written(folder, "clues.jsonl", CLUES), folder / "a", "trl")
    sidecar = folder / "a/data.sidecar"
    sidecar.write_text(sidecar.read_text().replace('"images":["streets/1.jpg"]', '"images":["../../out.jpg"]'))
    with pytest.raises(RecipeError, match=r"without `\.\.`"):
        converted(folder / "a", folder / "b", "naviclues")
    assert not (folder.parent / "out.jpg").exists() and not (folder / "out.jpg").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1, "a": 2}]', "stands there twice"),
        ('[{"a": 12345678901234567890}]', "64 bits"),
        ('[{"a": NaN}]', "no number of JSON"),
        ('[{"a": 1e999}]', "too large"),
        ('[{"a": "\\ud800"}]', "row 1"),
        ('[{"a": 1}', "no end"),
        ('[{"a": 1} {"a": 2}]', "expected a comma"),
        ('[{"a": 1},]', "row 2"),
        ("[1]", "expected an object"),
        ('[{"a": 1}] x', "follows the list"),
        ('{"a": 1}\n{"a": }', ":2: not a row"),
        ('{"a": 1} {"b": 2}', "something follows"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a": ' + "[" * 70 + "]" * 70 + "}]", "64 lists"),
        ("words", "expected a JSON list"),
        (b"[\xff]", "UTF-8"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceError, match=r"rows\.json") as caught:
        list(json_rows(file))
    assert said in str(caught.value)


def test_a_row_that_never_ends_is_not_read_to_its_end(tmp_path: Path) -> None:
    for name, start in (("list.json", "["), ("lines.json", "")):
        file = tmp_path / name
        with file.open("w") as opened:
            opened.write(start + '{"a": "')
            for _ in range(40):
                opened.write("x" * 1_000_000)
        with pytest.raises(SourceError, match="longer than 16,000,000 characters"):
            list(json_rows(file))


def test_a_row_of_many_values_is_refused(tmp_path: Path) -> None:
    for name, start in (("list.json", "["), ("lines.json", "")):
        (tmp_path / name).write_text(start + '{"a": [' + "[]," * 2_000_000)
        with pytest.raises(SourceError, match="1,000,000 values"):
            list(json_rows(tmp_path / name))


def test_rows_are_found_wherever_blocks_end(tmp_path: Path) -> None:
    """A block of the reader has a million characters; these rows lie across it at every offset of a row."""
    rows = [{"n": number, "text": "é" * (number % 97), "list": [1, 2, {"deep": "]"}]} for number in range(30_000)]
    for name in ("rows.json", "rows.jsonl"):
        assert [row for _, row in json_rows(written(tmp_path, name, rows))] == rows


@pytest.mark.parametrize(
    ("to", "rows", "name", "said"),
    [
        ("naviclues", TRL, "trl.jsonl", "has no `youtube_url`"),
        ("mp16-reason-test", CLUES, "clues.jsonl", "has no number `lat`"),
        ("mp16-reason", CLUES, "clues.jsonl", "<think>"),
        ("ngcg", SHAREGPT, "sharegpt.json", "a pair of ngcg is one of the user and one of the assistant"),
        ("llava", [TRL[1]], "trl.jsonl", "has 2 pictures, and a row of llava one"),
        ("llava", NGCG, "ngcg.json", "not the user's"),
    ],
)
def test_a_format_says_what_it_must_have(to: str, rows: list[Any], name: str, said: str, folder: Path) -> None:
    assert said in refused(written(folder, name, rows), to)


def test_at_most_twenty_faults_are_named(folder: Path) -> None:
    rows = [{**LLAVA[0], "image": f"{number}.jpg"} for number in range(50)]
    said = refused(written(folder, "llava.json", rows), "trl").splitlines()
    assert len(said) == 22 and said[-1] == "... and more"


def test_names_of_formats_have_a_nearest_one() -> None:
    with pytest.raises(RecipeError, match=r"--to sharegtp: .* \(did you mean `sharegpt`\?\); there are mp16-reason,"):
        format_called("sharegtp", option="--to")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rows.json", '[{"prompt": "a"}]', "its first row has the keys prompt"),
        ("rows.json", "[]", "holds no row"),
        ("rows.csv", "a,b\n1,2\n", "its columns are a, b"),
    ],
)
def test_a_format_that_nobody_can_see_is_asked_for(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RecipeError, match=said):
        open_source(tmp_path / name, called=None, images=None)


def test_nothing_is_written_over(folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there/mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="is there already"):
        converted(written(folder, "clues.jsonl", CLUES), folder / "there", "trl")
    assert (folder / "there/mine.txt").read_text() == "mine"


def test_a_swapped_latitude_is_told(folder: Path) -> None:
    (folder / "test.csv").write_text("IMG_ID,LAT,LON,city,country\nx,151.2,-33.8,Sydney,Australia\n")
    assert "are LAT and LON swapped?" in refused(folder / "test.csv", "trl")
