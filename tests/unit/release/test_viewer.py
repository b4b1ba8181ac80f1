"""The viewer of a release: pages of data that are never code, rows as they are, pictures only where passed on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.report import html
from release import check_release, write_release
from release.crew import Crew
from release.manifest import manifest_bytes, read_manifest
from release.read import open_release
from release.viewer_check import seen_of, viewer_faults
from release.viewer_columns import Entry, entry, packed
from release.viewer_pages import page_bytes, page_file, read_page
from schemas import arrow
from schemas.settings import ReleaseSettings
from tests.build_fixture import HOSTILE_TEXT, change_plan, draw_jpeg, make_build
from tests.released import recorded_again
from tests.rich_build import Rows, edit
from tests.unit.release.families import PAIRS, QUIZ

ND = pl.when(pl.col("source_row") == 1).then(pl.lit("CC BY-NC-ND 4.0")).otherwise("licence")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of nine rows, of which s001's picture is withheld."""
    build = change_plan(make_build(tmp_path_factory.mktemp("viewer") / "b", 20), licence=ND)
    write_release(build)
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def columns(release: Path) -> dict[str, Any]:
    found = [json.loads(line) for line in read_page(release, "columns-00000")]
    return {column.pop("name"): column for column in found}


def rewrite(release: Path, name: str, lines: list[str]) -> None:
    (release / "viewer").mkdir(parents=True, exist_ok=True)
    page_file(release, name).write_bytes(page_bytes(name, lines))


@given(st.lists(st.text().filter(lambda text: "\n" not in text), min_size=1))
def test_a_page_reads_back_and_is_one_call_with_two_texts(tmp_path_factory: Any, lines: list[str]) -> None:
    data = page_bytes("rows-00000", lines)
    assert re.fullmatch(rb'viewerPage\("rows-00000","([^"\\]|\\.)*"\);\n', data, re.DOTALL)
    assert not {"<", ">", "&", "\u2028", "\u2029"} & {*data.decode()}
    root = tmp_path_factory.getbasetemp() / "pages"
    rewrite(root, "rows-00000", lines)
    assert read_page(root, "rows-00000") == lines


@pytest.mark.parametrize(
    "data",
    [
        b'viewerPage("rows-00000","");alert(1);\n',
        b'alert(1);viewerPage("rows-00000","");\n',
        b'viewerPage("rows-00000",""+alert(1)+"");\n',
        b'viewerPage("rows-00000","\\"+alert(1)+\\"");\n;',
        b'viewerPage("rows-00001","");\n',
        b'viewerPage("rows-00000",`${alert(1)}`);\n',
        b'viewerPage("rows-00000","\\u0041");\n',
        b"",
    ],
)
def test_what_is_no_page_or_holds_code_is_refused(tmp_path: Path, data: bytes) -> None:
    rewrite(tmp_path, "rows-00000", ["x"])
    page_file(tmp_path, "rows-00000").write_bytes(data)
    with pytest.raises(ValueError):
        read_page(tmp_path, "rows-00000")


def test_rows_stand_in_pages_as_they_are_released(sound: Path) -> None:
    shown = [json.loads(line) for line in read_page(sound, "rows-00000")]
    tar = open_release(sound, format="webdataset")
    by_id = {row["id"]: row for split in tar.splits for row in tar.rows(split)}
    assert len(shown) == 10 and {row["id"] for row in shown} - by_id.keys() == {"s001"}
    for row in shown:
        if row["id"] != "s001":
            assert row["answers"] == [{**one, "requests": list(one["requests"])} for one in by_id[row["id"]]["answers"]]
            assert row["response"] == by_id[row["id"]]["response"]
    assert HOSTILE_TEXT in json.dumps(shown, ensure_ascii=False).replace('\\"', '"')


def test_columns_say_where_how_far_whose_and_what_checks_said(sound: Path) -> None:
    found = columns(sound)
    assert found["id"]["values"][:3] == ["s000", "s001", "s002"]
    assert (found["lat"]["values"][0], found["lon"]["values"][0]) == (5133970, 1237310)
    assert found["country"]["of"][found["country"]["codes"][0]] == "Germany"
    assert found["split"]["of"] == ["train", "test"]
    assert found["checks"]["of"][0][:2] == ["localizable:pass", "near_truth:pass"]
    assert all(km is None or km < 25 for km in found["km"]["values"])
    assert found["flags"]["values"][1] & 8 and not found["flags"]["values"][0] & 8
    assert found["pages"] == {"rows": [0], "pictures": [0]}


def test_a_withheld_picture_is_nowhere_in_it(sound: Path) -> None:
    lines = read_page(sound, "pictures-00000")
    assert [bool(line) for line in lines] == [True, False, *[True] * 8]
    assert base64.b64decode(lines[0]) == draw_jpeg(0), "one that is small enough stands as it is released"


def test_a_picture_that_may_not_be_changed_has_no_small_copy(tmp_path: Path) -> None:
    build = change_plan(make_build(tmp_path / "b", 8), licence=ND)

    def as_its_source(rows: Rows) -> None:
        rows["s001"]["photos"][0]["sha256"] = hashlib.sha256(draw_jpeg(1)).hexdigest()

    edit(build.paths.shard(0).answers, arrow.ANSWERS, as_its_source)
    write_release(build)
    release = build.paths.release
    assert open_release(release).find("s001")["images"], "unchanged it is passed on"
    assert read_page(release, "pictures-00000")[1] == ""
    assert check_release(release) == []
    (first, _, *others) = read_page(release, "pictures-00000")
    rewrite(release, "pictures-00000", [first, base64.b64encode(draw_jpeg(1)).decode(), *others])
    recorded_again(release)
    assert any("has 1 pictures of row 's001', expected 0" in fault for fault in check_release(release))


def test_large_pictures_become_small_and_carry_nothing(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 2, photos=[draw_jpeg(3, width=900, height=600)])
    write_release(build)
    first = base64.b64decode(read_page(build.paths.release, "pictures-00000")[0])
    assert len(first) <= 9_000 and b"Exif" not in first
    assert check_release(build.paths.release) == []


def test_rows_of_two_pictures_and_of_none_have_a_viewer(tmp_path: Path) -> None:
    pairs = make_build(tmp_path / "pairs", 8, roles=("ground", "satellite"))
    write_release(pairs, PAIRS)
    assert {len(line.split(" ")) for line in read_page(pairs.paths.release, "pictures-00000")} == {2}
    quiz = make_build(tmp_path / "quiz", 8, roles=())
    write_release(quiz, QUIZ)
    assert columns(quiz.paths.release)["pages"]["pictures"] == []
    assert check_release(pairs.paths.release) == check_release(quiz.paths.release) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"viewer": False}, None), ({"viewer_limit": 2}, "more than 2 samples (`release.viewer_limit`)")],
)
def test_it_is_left_out_where_the_recipe_says_so(tmp_path: Path, settings: dict[str, Any], said: str | None) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build, settings=ReleaseSettings(**settings))
    manifest = read_manifest(build.paths.release)
    assert "viewer" not in manifest and manifest.get("no_viewer") == said
    assert not any("viewer" in path.name for path in build.paths.release.rglob("*"))
    card = (build.paths.release / "README.md").read_text(encoding="utf-8")
    assert ("There is no `viewer.html`" in card) == (said is not None)


def test_the_page_lets_its_own_script_and_what_lies_beside_it_run_and_asks_for_nothing_else(sound: Path) -> None:
    page = (sound / "viewer.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.replace("&#39;", "'") == html.policy(html.script("viewer"), pages=True)
    assert "default-src 'none'" in html.policy("", pages=True) and "unsafe-eval" not in html.policy("", pages=True)
    assert not re.search(r'(?:src|href)="(?!data:,|#|README\.md)', page)
    assert not re.search(r"\son\w+=", page)


def test_its_script_makes_no_markup_of_text_and_asks_nothing_of_the_network() -> None:
    script = html.script("viewer")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp", "</"):
        assert word not in script


def entry_of(**row: Any) -> Entry:
    return entry({"id": "x", **row}, withheld=False)


def test_the_nearest_answer_counts_and_a_combined_one_is_nobodys() -> None:
    told = [{"teacher": "a", "combined": False, "distance_km": 7.1234}, {"teacher": "b", "distance_km": 30}]
    made = {"teacher": "c", "combined": True, "distance_km": 0.1}
    assert entry_of(answers=[*told, made]).km == 7.123
    assert entry_of(answers=[{"teacher": "a", "failure": "empty"}])[-1] == 1
    assert entry_of(answer={"distance_km": 2.0}).km == 2.0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["lat", "lon", "answers", "answer", "checks", "people", "city", "licence", "split", "saw_truth"]
)


@given(st.dictionaries(NAMES, JSON))
def test_rows_of_any_family_are_packed(row: dict[str, Any]) -> None:
    found = entry({"id": "x", **row}, withheld=True)
    for line in packed([found, found], {"rows": [0], "pictures": []}):
        assert orjson.loads(line)["name"]


def lines_changed(kind: str, change: Callable[[list[str]], object]) -> Callable[[Path], object]:
    def changed(release: Path) -> None:
        lines = read_page(release, f"{kind}-00000")
        change(lines)
        rewrite(release, f"{kind}-00000", lines)

    return changed


def column_changed(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def changed(lines: list[str]) -> None:
        for number, line in enumerate(lines):
            column = json.loads(line)
            if column["name"] == name:
                change(column)
                lines[number] = orjson.dumps(column).decode()

    return lines_changed("columns", changed)


def picture(jpeg: bytes) -> Callable[[Path], object]:
    return lines_changed("pictures", lambda lines: lines.__setitem__(0, base64.b64encode(jpeg).decode()))


def appended(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda release: (release / name).write_bytes((release / name).read_bytes() + data)


def with_exif(jpeg: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1\0\x16Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + jpeg[2:]


def also_listed(name: str) -> Callable[[Path], object]:
    def changed(release: Path) -> None:
        fields = read_manifest(release)
        (release / name).write_bytes(b"x")
        fields["files"].append({**fields["files"][0], "path": name})
        (release / "manifest.json").write_bytes(manifest_bytes(fields))

    return changed


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a row less": (column_changed("id", lambda c: c["values"].pop()), "is not in the viewer"),
    "a row more": (column_changed("id", lambda c: c["values"].append("z")), "row 'z' is in the viewer, and no row"),
    "a row twice": (column_changed("id", lambda c: c["values"].append("s000")), "row 's000' is in the viewer twice"),
    "another place": (column_changed("lat", lambda c: c["values"].__setitem__(0, 0)), "of the rows: lat"),
    "another licence": (column_changed("licence", lambda c: c["of"].__setitem__(0, "CC0")), "of the rows: licence"),
    "other words": (
        lines_changed("rows", lambda lines: lines.__setitem__(0, lines[0].replace("Leipzig", "Dresden"))),
        "says something else of row 's000'",
    ),
    "rows swapped": (lines_changed("rows", lambda lines: lines.reverse()), "says something else of row 's000'"),
    "a page shorter": (lines_changed("rows", lambda lines: lines.pop()), "has 9 rows, expected 10"),
    "a withheld picture": (
        lines_changed("pictures", lambda lines: lines.__setitem__(1, lines[0])),
        "has 1 pictures of row 's001', expected 0",
    ),
    "no picture": (
        lines_changed("pictures", lambda lines: lines.__setitem__(0, "-")),
        "picture 0 of row 's000' does not open",
    ),
    "another picture": (picture(draw_jpeg(77)), "is another picture than the row's"),
    "a large picture": (picture(draw_jpeg(0, width=500, height=300)), "is 500 x 300, which is not small"),
    "a picture with EXIF": (picture(with_exif(draw_jpeg(0))), "picture 0 of row 's000' carries"),
    "code in a page": (appended("viewer/rows-00000.js", b"alert(1)"), "is no page of data called rows-00000"),
    "code in the columns": (appended("viewer/columns-00000.js", b"alert(1)"), "columns cannot be read"),
    "another script in the page": (
        appended("viewer.html", b"<script>alert(1)</script>"),
        "is not the page that belongs to this manifest",
    ),
    "pages that begin later": (
        column_changed("pages", lambda c: c["pictures"].__setitem__(0, 3)),
        "no page of pictures has the first row",
    ),
    "no pages": (column_changed("pages", lambda c: c.update(rows=[])), "no page of rows has the first row"),
    "a page more": (also_listed("viewer/rows-00007.js"), "is no page of the viewer"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_viewer_that_is_not_that_of_the_rows_is_named(release: Path, attack: str) -> None:
    change, said = ATTACKS[attack]
    change(release)
    recorded_again(release)
    assert any(said in fault for fault in check_release(release)), check_release(release)


def test_of_many_pictures_a_row_shows_five(release: Path) -> None:
    seen = [seen_of(line.encode(), 7, withheld=False) for line in read_page(release, "rows-00000")]
    faults = [*viewer_faults(release, read_manifest(release), seen, Crew(1))]
    assert any("has 1 pictures of row 's000', expected 5" in fault for fault in faults), faults


def test_a_viewer_that_nobody_announced_is_named(release: Path) -> None:
    fields = {name: value for name, value in read_manifest(release).items() if name != "viewer"}
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    assert f"{release / 'viewer.html'}: the manifest says that there is no viewer" in check_release(release)


def test_a_page_of_another_version_is_compared_by_its_rows_alone(release: Path) -> None:
    (release / "viewer.html").write_text("<title>as made in 2031</title>", encoding="utf-8")
    recorded_again(release, viewer={"page": "0" * 16})
    assert check_release(release) == []


@pytest.mark.parametrize("said", [None, [], "x", 3, {}, {"page": 3}, {"page": None}])
def test_whatever_a_manifest_says_of_its_viewer_is_a_fault_or_nothing(release: Path, said: Any) -> None:
    fields = {**read_manifest(release), "viewer": said}
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    assert all("viewer" in fault or "does not describe a release" in fault for fault in check_release(release))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        '{"name":["id"]}',
        '{"name":"id","values":"s000"}',
        '{"name":"id","values":7}',
        '{"name":"pages","rows":[-1],"pictures":[0]}',
        '{"name":"pages","rows":[1e300],"pictures":[0]}',
        '{"name":"pages","rows":["x"],"pictures":{}}',
        '{"name":"pages","rows":[0,0,9,3],"pictures":[]}',
        "[" * 100_000,
    ],
)
def test_columns_of_any_form_are_named_and_raise_nothing(release: Path, line: str) -> None:
    lines = read_page(release, "columns-00000")
    rewrite(release, "columns-00000", [*lines, line])
    recorded_again(release)
    faults = check_release(release)
    assert any("viewer" in fault for fault in faults), faults
