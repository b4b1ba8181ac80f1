"""Pictures that a release names come to whoever may have them: verified, resumed, and what is missing is said."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.errors import RecipeError
from factory.images import ImageSettings, Prepared
from factory.images.blur import blurred
from factory.images.prepare import prepare
from release import check_release, open_release, write_release
from release.detect import Detectors, Wanted
from release.hydrated import MISSING
from release.manifest import MANIFEST, digest_of, manifest_bytes, read_manifest
from release.outgoing import outgoing
from release.withheld import SCHEMA, read_withheld, write_withheld
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, draw_jpeg, make_build
from tests.made_faces import face_jpeg
from tests.picture_host import Pictures, picture_host
from tests.real_build import Done, factory, start_factory
from tests.unit.release.families import PAIRS

SAMPLES: Final = 8


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with picture_host() as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release without its pictures, of a build whose photos are drawn."""
    build = make_build(tmp_path_factory.mktemp("ids") / "b", SAMPLES, all_accepted=True)
    write_release(build, settings=ReleaseSettings(images="none"))
    return build.paths.release


def photo(number: int) -> bytes:
    """The file of a sample's photo, which is not the picture that is prepared of it."""
    image = Image.open(io.BytesIO(draw_jpeg(number)))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def resealed(release: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """A manifest that fits the files beside it."""
    fields = read_manifest(release)
    change(fields)
    for entry in fields["files"]:
        path = release / entry["path"]
        entry |= {"bytes": path.stat().st_size, "sha256": digest_of(path)}
    (release / MANIFEST).write_bytes(manifest_bytes(fields))


def pointed(made: Path, release: Path, pictures: Pictures) -> Path:
    """A copy of a release whose pictures lie on the host: each line of its table has the hashes of what lies there."""
    shutil.copytree(made, release)
    lines = read_withheld(release / "withheld.parquet")
    assert pq.read_schema(release / "withheld.parquet").equals(SCHEMA)
    for line in lines:
        number = int(line["id"][1:])
        ready = prepare(photo(number), ImageSettings())
        assert isinstance(ready, Prepared)
        line |= {"source_url": f"{pictures.url}/{number}", "sha256": ready.sha256, "phash": ready.phash}
        pictures.give(f"/{number}", photo(number))
    write_withheld(release / "withheld.parquet", lines)
    resealed(release)
    return release


@pytest.fixture
def release(made: Path, pictures: Pictures, tmp_path: Path) -> Path:
    return pointed(made, tmp_path / "release", pictures)


ALLOW = ("--allow-host", "127.0.0.1")


def hydrate(release: Path, *more: str, allowed: bool = True) -> Done:
    return factory("hydrate", release, *(ALLOW if allowed else ()), "--per-second", "1000", *more, cwd=release.parent)


def rows(release: Path) -> dict[str, dict[str, Any]]:
    opened = open_release(release)
    return {row["id"]: row for split in opened.splits for row in opened.rows(split)}


def missing(release: Path) -> dict[str, tuple[str, str]]:
    lines = [json.loads(line) for line in (release / MISSING).read_text().splitlines()]
    return {line["id"]: (line["reason"], line["detail"]) for line in lines}


def test_a_release_without_pictures_has_ids_addresses_and_hashes_and_is_sound(made: Path) -> None:
    assert check_release(made) == []
    lines = pl.read_parquet(made / "withheld.parquet")
    assert lines["id"].to_list() == [f"s{number:03}" for number in range(SAMPLES)]
    assert lines["source_url"].to_list() == [f"https://photos.example/{number}" for number in range(SAMPLES)]
    assert lines["reason"].unique().to_list() == ["not_embedded"]
    assert lines.select(pl.col("sha256").str.len_chars() == 64, pl.col("phash").is_not_null()).to_numpy().all()
    for format_ in ("parquet", "webdataset"):
        found = open_release(made, format=format_)  # type: ignore[arg-type]
        assert len(found) == SAMPLES
        assert all(row["images"] == [] for split in found.splits for row in found.rows(split))
    jpegs = [draw_jpeg(number) for number in range(SAMPLES)]
    for file in made.rglob("*"):
        assert not file.is_file() or not any(jpeg[100:300] in file.read_bytes() for jpeg in jpegs)


def test_the_pictures_come_as_the_build_prepared_them_and_the_release_reads(release: Path) -> None:
    done = hydrate(release)
    out = release.with_name("release-hydrated")
    assert (done.returncode, done.stdout) == (0, f"{out}\n")
    assert check_release(out) == []
    found, named = rows(out), rows(release)
    assert found.keys() == named.keys()
    for name, row in found.items():
        picture = Image.open(io.BytesIO(row["images"][0]["bytes"]))
        assert (picture.format, picture.size) == ("JPEG", (160, 120))
        assert {**row, "images": []} == {**named[name], "images": []}
    assert missing(out) == {}
    assert not out.with_name("release-hydrated.fetched").exists()
    with pytest.raises(RecipeError, match="does not pass on"):
        outgoing(out)


def test_what_does_not_come_is_listed_with_its_reason_and_asked_for_again(release: Path, pictures: Pictures) -> None:
    pictures.give("/0", photo(1))  # another picture than the release names
    pictures.give("/1", b"gone", 410)
    pictures.give("/2", b"<html>sign in</html>", 403)
    pictures.give("/3", b"", 302, Location="http://127.0.0.2/3")
    pictures.give("/4", photo(4)[:-100])
    pictures.give("/5", photo(5), Content_Encoding="gzip")
    pictures.give("/6", b"", 302, Location="/6")
    done = hydrate(release)
    out = release.with_name("release-hydrated")
    assert done.returncode == 1
    assert {name: reason for name, (reason, _) in missing(out).items()} == {
        "s000": "other_bytes",
        "s001": "not_found",
        "s002": "refused",
        "s003": "not_public",
        "s004": "other_bytes",
        "s005": "packed",
        "s006": "redirects",
    }
    assert "missing: " in done.stderr and "other_bytes 2" in done.stderr
    assert rows(out).keys() == {"s007"} and check_release(out) == []
    before = len(pictures.asked)
    for number in range(7):
        pictures.give(f"/{number}", photo(number))
    assert hydrate(release).returncode == 0
    assert sorted(pictures.asked[before:]) == [f"/{number}" for number in range(7)]
    assert rows(out).keys() == rows(release).keys()


def test_a_stopped_run_asks_only_for_the_rest(release: Path, pictures: Pictures) -> None:
    asked = threading.Event()

    def hold(_: BaseHTTPRequestHandler) -> None:
        asked.set()
        process.wait()

    pictures.answers["/3"] = hold
    process = start_factory(["hydrate", release, *ALLOW, "--at-once", "1"], cwd=release.parent)
    asked.wait()
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()
    assert process.returncode == 130, said
    out = release.with_name("release-hydrated")
    assert not out.exists() and "/4" not in pictures.asked
    pictures.give("/3", photo(3))
    before = len(pictures.asked)
    assert hydrate(release).returncode == 0
    assert sorted(pictures.asked[before:]) == [f"/{number}" for number in range(3, SAMPLES)]
    assert rows(out).keys() == rows(release).keys()


def test_what_passes_is_asked_for_again_and_a_pause_that_is_asked_for_is_made(
    release: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def no_sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("factory.fetch.fetcher.asyncio.sleep", no_sleep)

    def drop(handler: BaseHTTPRequestHandler) -> None:
        pictures.give(handler.path, photo(1))
        handler.connection.close()

    def short(handler: BaseHTTPRequestHandler) -> None:
        pictures.give(handler.path, photo(2))
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"half")

    def busy(handler: BaseHTTPRequestHandler) -> None:
        pictures.give(handler.path, photo(3))
        handler.send_response(429)
        handler.send_header("Retry-After", "77")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    pictures.answers |= {"/1": drop, "/2": short, "/3": busy}
    pictures.give("/4", b"", 503)
    done = hydrate(release, "--per-second", "1000")
    assert done.returncode == 1
    assert missing(release.with_name("release-hydrated")) == {"s004": ("server_error", "503")}
    assert max(slept) == pytest.approx(77, abs=1) and pictures.asked.count("/4") == 4


def test_a_host_is_asked_for_no_more_at_once_than_is_said(release: Path, pictures: Pictures) -> None:
    assert hydrate(release, "--at-once", "8", "--per-host", "1").returncode == 0
    assert pictures.most == 1


def test_addresses_that_are_not_public_are_not_asked(release: Path, pictures: Pictures) -> None:
    done = hydrate(release, allowed=False)
    assert done.returncode == 1 and pictures.asked == []
    assert {reason for reason, _ in missing(release.with_name("release-hydrated")).values()} == {"not_public"}


def changed(release: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The table of withheld pictures with another line for s000."""
    lines = read_withheld(release / "withheld.parquet")
    change(lines[0])
    write_withheld(release / "withheld.parquet", lines)
    resealed(release)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source_url": None}, "no_address"),
        ({"source_url": "file:///etc/passwd"}, "no_address"),
        ({"source_url": "http://[::ffff:127.0.0.1]/0"}, "not_public"),
        ({"sha256": None}, "no_hash"),
    ],
)
def test_a_line_that_leads_to_nothing_says_why(release: Path, change: dict[str, Any], reason: str) -> None:
    changed(release, lambda line: line.update(change))
    assert hydrate(release).returncode == 1
    assert missing(release.with_name("release-hydrated"))["s000"][0] == reason


def test_a_file_that_is_no_picture_or_too_large_is_none_though_its_hash_is_right(
    release: Path, pictures: Pictures
) -> None:
    text = b"<svg onload=alert(1)>"
    changed(release, lambda line: line.update(sha256=hashlib.sha256(text).hexdigest()))
    pictures.give("/0", text)

    pictures.endless("/1")
    assert hydrate(release).returncode == 1
    found = missing(release.with_name("release-hydrated"))
    assert found["s000"][0] == "unsupported_format"
    assert found["s001"] == ("too_large", "more than 64,000,000 bytes")


def test_another_file_of_the_same_picture_is_taken_only_when_that_is_said(release: Path, pictures: Pictures) -> None:
    again = io.BytesIO()
    Image.open(io.BytesIO(photo(0))).save(again, "JPEG", quality=70)
    pictures.give("/0", again.getvalue())
    pictures.give("/1", photo(5))
    out = release.with_name("release-hydrated")
    assert hydrate(release).returncode == 1
    assert {name: reason for name, (reason, _) in missing(out).items()} == {
        "s000": "other_bytes",
        "s001": "other_bytes",
    }
    done = hydrate(release, "--similar", "6")
    assert {name: reason for name, (reason, _) in missing(out).items()} == {"s001": "other_bytes"}
    assert "1 of them similar" in done.stderr
    assert read_manifest(out)["hydrated"]["similar"] == 1


def test_what_people_marked_as_private_is_blurred_again(release: Path) -> None:
    whole = [{"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0}]
    changed(release, lambda line: line.update(private=whole))
    assert hydrate(release).returncode == 0
    found = rows(release.with_name("release-hydrated"))
    ready = [prepare(photo(number), ImageSettings()) for number in range(2)]
    assert all(isinstance(one, Prepared) for one in ready)
    jpegs = [one.jpeg for one in ready if isinstance(one, Prepared)]
    assert found["s000"]["images"][0]["bytes"] == blurred(jpegs[0], whole, quality=90) != jpegs[0]
    assert found["s001"]["images"][0]["bytes"] == jpegs[1]


def test_faces_are_blurred_where_the_release_blurs_them(release: Path, pictures: Pictures) -> None:
    picture = face_jpeg()
    digest = hashlib.sha256(picture).hexdigest()
    pictures.give("/0", picture)
    changed(release, lambda line: line.update(sha256=digest))
    resealed(release, lambda fields: fields.update(privacy={"faces": {"score": 0.2}}))
    assert hydrate(release).returncode == 0
    found = rows(release.with_name("release-hydrated"))
    (box,) = Detectors.open(Wanted(faces=0.2)).boxes(picture)["faces"]
    assert found["s000"]["images"][0]["bytes"] == blurred(picture, [box], quality=90)
    ready = prepare(photo(1), ImageSettings())
    assert isinstance(ready, Prepared) and found["s001"]["images"][0]["bytes"] == ready.jpeg


def test_photos_that_may_not_be_changed_come_to_a_release_that_embeds_the_others(
    pictures: Pictures, tmp_path: Path
) -> None:
    licence = pl.when(pl.col("source_row") == 1).then(pl.lit("CC BY-ND 4.0")).otherwise("licence")
    build = change_plan(make_build(tmp_path / "b", 6, all_accepted=True), licence=licence)
    write_release(build)
    release = pointed(build.paths.release, tmp_path / "release", pictures)
    assert hydrate(release).returncode == 0
    assert pictures.asked == ["/1"]
    out = release.with_name("release-hydrated")
    assert len(rows(out)) == 6 and all(len(row["images"]) == 1 for row in rows(out).values())
    assert check_release(out) == []


def test_of_several_pictures_each_that_is_missing_is_listed(pictures: Pictures, tmp_path: Path) -> None:
    build = change_plan(
        make_build(tmp_path / "b", 6, all_accepted=True, roles=("ground", "satellite")),
        licence=pl.when(pl.col("source_row") == 1).then(pl.lit("CC BY-ND 4.0")).otherwise("licence"),
        source_url=pl.lit(f"{pictures.url}/nothing"),
    )
    write_release(build, PAIRS)
    done = hydrate(build.paths.root)
    out = build.paths.root / "release-hydrated"
    assert done.returncode == 1
    found = rows(out)
    assert len(found) == 5 and all(len(row["images"]) == 2 for row in found.values())
    assert [json.loads(line)["number"] for line in (out / MISSING).read_text().splitlines()] == [0, 1]


def test_a_folder_of_something_else_is_not_replaced(release: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").touch()
    done = hydrate(release, "--out", str(mine))
    assert done.returncode == 2 and "holds something else" in done.stderr and (mine / "thesis.tex").exists()
    kept = tmp_path / "release-hydrated.fetched"
    kept.mkdir()
    (kept / "thesis.tex").touch()
    done = hydrate(release)
    assert done.returncode == 2 and "holds something else" in done.stderr and (kept / "thesis.tex").exists()
    (tmp_path / "link").symlink_to(mine)
    assert hydrate(release, "--out", str(tmp_path / "link")).returncode == 2


def test_a_release_that_changed_or_has_nothing_to_fetch_is_refused(release: Path, tmp_path: Path) -> None:
    hydrate(release)
    again = hydrate(release.with_name("release-hydrated"))
    assert again.returncode == 2 and "is hydrated already" in again.stderr
    with (release / "withheld.parquet").open("ab") as file:
        file.write(b"x")
    damaged = hydrate(release)
    assert damaged.returncode == 3 and "differs from what was written" in damaged.stderr
    whole = make_build(tmp_path / "w", 6)
    write_release(whole)
    nothing = hydrate(whole.paths.root)
    assert nothing.returncode == 2 and "nothing to fetch" in nothing.stderr
