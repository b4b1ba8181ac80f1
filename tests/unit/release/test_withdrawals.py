"""Errata: what a file of withdrawals names is in no release that is made with it, and the release says so."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.cli.check import file_faults
from factory.errors import EnvironmentFault, FactoryError, RecipeError
from release import check_release, write_release
from release.manifest import manifest_bytes, read_manifest
from release.read import open_release
from release.withdrawals import Withdrawals, meet_released, read_withdrawals
from schemas.settings import ReleaseSettings
from tests.build_fixture import draw_jpeg, make_build
from tests.http_server import listening
from tests.training.tiny import SCHEMA, picture, tiny_row
from tests.training.tiny import _parquet as write_parquet

HEAD = "id,sha256,author,reason,since\n"


def released(tmp_path: Path, lines: str, **settings: Any) -> Path:
    """The release of s000, s001, s002, s006, ... without what the lines withdraw."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "errata.csv").write_text(HEAD + lines, encoding="utf-8")
    build = make_build(tmp_path / "b", 20)
    write_release(build, settings=ReleaseSettings(withdrawn="errata.csv", **settings), root=tmp_path)
    return build.paths.release


def ids(release: Path) -> set[str]:
    opened = open_release(release)
    return {row["id"] for split in opened.splits for row in opened.rows(split)}


def told(release: Path) -> list[tuple[str, str, str]]:
    return pl.read_parquet(release / "withdrawn.parquet").rows()


def test_a_row_leaves_by_its_id_and_is_listed_with_reason_and_day(tmp_path: Path) -> None:
    release = released(tmp_path, "s001,,,shows a private garden,2026-05-01\n")
    assert "s001" not in ids(release) and "s000" in ids(release)
    assert told(release) == [("s001", "shows a private garden", "2026-05-01")]
    counts = read_manifest(release)["counts"]
    assert {"phase": "release", "rule": "withdrawn", "reason": "withdrawn", "rows": 1} in counts["drops"]
    assert counts["rows"] == len(ids(release)) == 9
    assert check_release(release) == []


def test_a_photo_leaves_by_the_hash_of_its_file(tmp_path: Path) -> None:
    before = open_release(released(tmp_path / "all", "")).find("s006")["image_sha256"]
    release = released(tmp_path / "less", f",{before.upper()},,published without leave,2026-05-02\n")
    assert told(release) == [("s006", "published without leave", "2026-05-02")]
    assert "s006" not in ids(release)


def test_all_of_an_author_leave_and_the_name_does_not_stand_in_the_list(tmp_path: Path) -> None:
    release = released(tmp_path, ",,author <b>0</b>,the author asked,2026-06-01\n")
    opened = open_release(release)
    assert not {row["author"] for split in opened.splits for row in opened.rows(split)} & {"author <b>0</b>"}
    assert {name for name, _, _ in told(release)} >= {"s000", "s006", "s012", "s018"}
    assert b"author <b>0" not in (release / "withdrawn.parquet").read_bytes()


def test_an_id_stays_listed_that_this_build_does_not_have(tmp_path: Path) -> None:
    release = released(tmp_path, "long-gone,,,asked,2026-05-01\ns001,,,a,2026-05-02\ns001,,,b,2026-05-03\n")
    assert [(name, why) for name, why, _ in told(release)] == [("long-gone", "asked"), ("s001", "a")]


def test_splits_of_all_others_stay_as_they_were(tmp_path: Path) -> None:
    before = open_release(released(tmp_path / "all", ""))
    after = open_release(released(tmp_path / "less", "s001,,,a,2026-05-01\n"))
    for split in before.splits:
        assert [r["id"] for r in after.rows(split)] == [r["id"] for r in before.rows(split) if r["id"] != "s001"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "a,,x,why,2026-01-01\n", "line 2: names id and author; expected one of id, sha256, author"),
        (HEAD + "a,,,why,2026-01-01\n,,,why,2026-01-01\n", "line 3: names nothing"),
        (HEAD + "a,,,,2026-01-01\n", "line 2: has no reason"),
        (HEAD + "a,,,why,\n", "line 2: has no since"),
        (HEAD + "a,,,why,yesterday\n", "line 2: since is 'yesterday', expected a day such as 2026-05-01"),
        (HEAD + ",abc,,why,2026-01-01\n", "line 2: sha256 is 'abc', expected 64 hexadecimal digits"),
        ("id,reason,since,colour\na,b,2026-01-01,red\n", "has a column `colour`; expected id, sha256, author, reason"),
        ("id,reason\na,b\n", "has no column `since`"),
    ],
)
def test_a_file_that_is_none_is_refused_by_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "errata.csv").write_text(text)
    with pytest.raises(RecipeError, match=r"errata\.csv: ") as raised:
        read_withdrawals(tmp_path / "errata.csv")
    assert said in str(raised.value)


def test_parquet_says_the_same(tmp_path: Path) -> None:
    lines = {"id": ["a", None], "author": [None, " Ada "], "reason": ["x", "y"], "since": ["2026-01-01", "2026-01-02"]}
    pl.DataFrame(lines).write_parquet(tmp_path / "errata.parquet")
    assert read_withdrawals(tmp_path / "errata.parquet").select("id", "author").rows() == [("a", None), (None, "Ada")]
    with pytest.raises(RecipeError, match="nowhere"):
        read_withdrawals(tmp_path / "nowhere.parquet")


@given(st.binary(max_size=300))
def test_no_bytes_make_more_than_a_message(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("errata") / "errata.csv"
    path.write_bytes(data)
    with pytest.raises(FactoryError, match=r"errata\.csv"):
        read_withdrawals(path)
        raise FactoryError("errata.csv: sound")


def test_a_photo_leaves_by_the_hash_of_its_released_picture(tmp_path: Path) -> None:
    before = open_release(released(tmp_path / "all", "")).find("s006")["images"][0]["bytes"]
    digest = hashlib.sha256(before).hexdigest()
    release = released(tmp_path / "less", f",{digest},,published without leave,2026-05-02\n")
    assert told(release) == [("s006", "published without leave", "2026-05-02")]
    assert "s006" not in ids(release) and check_release(release) == []
    assert sum(drop["rows"] for drop in read_manifest(release)["counts"]["drops"] if drop["rule"] == "withdrawn") == 1


def test_a_sample_that_is_met_by_its_picture_is_listed_once_whatever_rows_it_has(tmp_path: Path) -> None:
    """Rows `a` and `a/2` are one sample's and show its picture; `b/2` is a sample of its own."""
    shown = {"a": picture("Kenya", 1), "a/2": picture("Kenya", 1), "b/2": picture("Kenya", 2)}
    rows = []
    for number, (name, jpeg) in enumerate(shown.items()):
        values, _ = tiny_row(number, "train")
        rows.append((number, (values | {"id": name}, [jpeg])))
    entry = write_parquet(tmp_path, "train", 0, 1, rows)
    (tmp_path / "manifest.json").write_bytes(
        manifest_bytes({"row": SCHEMA.plain(), "formats": ["parquet"], "files": [entry]})
    )
    digests = sorted({hashlib.sha256(jpeg).hexdigest() for jpeg in shown.values()})
    (tmp_path / "errata.csv").write_text(HEAD + "".join(f",{one},,asked,2026-05-02\n" for one in digests))
    withdrawals = Withdrawals(read_withdrawals(tmp_path / "errata.csv"))
    meet_released(open_release(tmp_path), withdrawals)
    assert withdrawals.listed()["id"].to_list() == ["a", "b"]
    assert withdrawals.told()["samples"] == 2


def test_a_photo_leaves_by_the_hash_of_a_picture_in_the_release_before(tmp_path: Path) -> None:
    """What people have may be another picture than this release would hold: it was blurred then, say."""
    other, mine = draw_jpeg(6), draw_jpeg(77)
    build = make_build(tmp_path / "old", 20)
    write_release(build)
    photos = [draw_jpeg(number) if number != 6 else mine for number in range(20)]
    later = make_build(tmp_path / "new", 20, photos=photos)
    (tmp_path / "errata.csv").write_text(f"{HEAD},{hashlib.sha256(other).hexdigest()},,asked,2026-05-02\n")
    before = str(build.paths.release)
    write_release(later, settings=ReleaseSettings(withdrawn="errata.csv", before=before), root=tmp_path)
    assert told(later.paths.release) == [("s006", "asked", "2026-05-02")]
    assert "s006" not in ids(later.paths.release)


def test_an_author_is_one_however_the_name_is_written(tmp_path: Path) -> None:
    release = released(tmp_path, ",,  AUTHOR   <b>0</B>,the author asked,2026-06-01\n")
    assert {name for name, _, _ in told(release)} >= {"s000", "s006"} and not ids(release) & {"s000", "s006"}


def test_who_matched_is_told_by_line(tmp_path: Path) -> None:
    lines = f"s001,,,a,2026-05-01\nnobody,,,b,2026-05-01\n,{'0' * 64},,c,2026-05-01\n,,author <b>0</b>,d,2026-05-01\n"
    (tmp_path / "errata.csv").write_text(HEAD + lines, encoding="utf-8")
    build = make_build(tmp_path / "b", 8)
    summary = write_release(build, settings=ReleaseSettings(withdrawn="errata.csv"), root=tmp_path)
    assert summary["withdrawn"] == {"list": "errata.csv", "lines": 4, "samples": 4, "nobody": [3, 4]}


def test_a_list_beside_the_recipe_is_followed_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "withdrawn.csv").write_text(HEAD + "s001,,,asked,2026-05-01\n")
    build = make_build(tmp_path / "b", 8)
    write_release(build, root=tmp_path)
    assert told(build.paths.release) == [("s001", "asked", "2026-05-01")] and "s001" not in ids(build.paths.release)
    write_release(build)
    assert "s001" in ids(build.paths.release), "nothing lies beside settings of no recipe"


def test_a_release_is_held_against_a_list(tmp_path: Path) -> None:
    release = released(tmp_path, "")
    shown = open_release(release).find("s006")
    digest = hashlib.sha256(shown["images"][0]["bytes"]).hexdigest()
    for line, said in (
        ("s001,,,a,2026-05-01", "row 's001' is withdrawn by line 2 of the list"),
        (f",{shown['image_sha256']},,a,2026-05-01", "row 's006' is withdrawn by line 2"),
        (f",{digest},,a,2026-05-01", "row 's006' is withdrawn by line 2"),
        (",,author <b>1</b>,a,2026-05-01", "row 's001' is withdrawn by line 2"),
    ):
        (tmp_path / "later.csv").write_text(f"{HEAD}{line}\n")
        faults = list(file_faults(release, withdrawn=tmp_path / "later.csv"))
        assert faults and any(said in fault for fault in faults)
    (tmp_path / "later.csv").write_text(f"{HEAD}nobody,,,a,2026-05-01\n")
    assert list(file_faults(release, withdrawn=tmp_path / "later.csv")) == []


def test_a_list_comes_from_its_address_and_without_it_nothing_is_released(tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/list.csv" else 404)
            self.end_headers()
            self.wfile.write(f"{HEAD}s001,,,asked,2026-05-01\n".encode())

        def log_message(self, *_: Any) -> None: ...

    build = make_build(tmp_path / "b", 8)
    with listening(Handler) as url:
        write_release(build, settings=ReleaseSettings(withdrawn=f"{url}/list.csv"), root=tmp_path)
        assert told(build.paths.release) == [("s001", "asked", "2026-05-01")]
        with pytest.raises(EnvironmentFault, match=r"gone\.csv: not_found \(404\); nothing is released without"):
            write_release(build, settings=ReleaseSettings(withdrawn=f"{url}/gone.csv"), root=tmp_path)
    with pytest.raises(RecipeError, match="no_address"):
        write_release(build, settings=ReleaseSettings(withdrawn="https://a:b@c.example/list.csv"), root=tmp_path)
