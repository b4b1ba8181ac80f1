"""Pictures of addresses against a host that cuts, lies, stalls and leads inside: what is kept, and what is said."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from factory.errors import BuildLocked, CorruptBuild, EnvironmentFault, ImageMissing, RecipeError, SourceError
from factory.fetch.body import WORTH_BYTES
from factory.plugins.fetching import Course
from factory.sources.fetched import ABOUT, Fetch, FetchedPictures, locator_of
from factory.store.lease import lease
from tests.build_fixture import draw_jpeg
from tests.picture_host import Pictures, picture_host

LARGE = bytes(WORTH_BYTES)
"""Behind a picture: makes a file that is gone on with."""
FAST: dict[str, Any] = {"per_second": 1000}


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with picture_host() as found:
        yield found


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("factory.fetch.fetcher.asyncio.sleep", note)
    return slept


def fetched(folder: Path, *locators: str, allowed: bool = True, **how: Any) -> tuple[FetchedPictures, dict[str, int]]:
    found = FetchedPictures(folder / "fetched", Fetch(**{**FAST, **how}))
    counts = found.fetch(locators, allowed={"127.0.0.1"} if allowed else (), course=Course())
    return found, dict(counts)


def test_a_picture_is_fetched_once_and_kept_by_its_digest(tmp_path: Path, pictures: Pictures) -> None:
    data = draw_jpeg(1)
    for path in ("/a", "/b"):
        pictures.give(path, data)
    a, b = (f"{pictures.url}{path}" for path in ("/a", "/b"))
    found, missing = fetched(tmp_path, a, b, a)
    assert missing == {} and sorted(pictures.asked) == ["/a", "/b"]
    digest = hashlib.sha256(data).hexdigest()
    assert found.read(a) == found.read(b) == tmp_path / "fetched" / "sha256" / digest[:2] / digest
    assert found.read(a).read_bytes() == data and found.stamp(a) == found.stamp(b)
    fetched(tmp_path, a, b)
    assert len(pictures.asked) == 2, "what is there is not asked for"
    assert not list(tmp_path.rglob("*.part*"))


def test_what_does_not_come_says_why_and_is_asked_for_again(tmp_path: Path, pictures: Pictures) -> None:
    good = draw_jpeg(0)
    pictures.give("/good", good)
    pictures.give("/gone", b"", 410)
    pictures.give("/html", b"<html>sign in</html>")
    pictures.give("/cut", good[:-40])
    pictures.give("/inner", b"", 302, Location="http://127.0.0.2/x")
    pictures.give("/named", b"", 302, Location="http://localhost/x")
    pictures.give("/file", b"", 302, Location="file:///etc/passwd")
    pictures.give("/loop", b"", 302, Location="/loop")
    pictures.give("/packed", good, Content_Encoding="gzip")
    pictures.give("/busy", b"", 503)
    pictures.give("/said", good, Content_Length=str(10**9))
    pictures.endless("/endless")
    names = ("good", "gone", "html", "cut", "inner", "named", "file", "loop", "packed", "busy", "said", "endless")
    found, missing = fetched(tmp_path, *(f"{pictures.url}/{name}" for name in names), max_file_mb=2)
    assert found.read(f"{pictures.url}/good").read_bytes() == good
    assert missing == {
        "not_found": 1, "unsupported_format": 1, "truncated": 1, "not_public": 2, "no_address": 1, "redirects": 1,
        "packed": 1, "server_error": 1, "too_large": 2,
    }  # fmt: skip
    assert pictures.asked.count("/busy") == 4 and pictures.asked.count("/loop") == 6
    with pytest.raises(ImageMissing, match=r"/gone: not_found \(410\)"):
        found.read(f"{pictures.url}/gone")
    with pytest.raises(SourceError, match=r"/inner: not_public \(127\.0\.0\.2 is not a public address\)") as refused:
        found.read(f"{pictures.url}/inner")
    assert not isinstance(refused.value, ImageMissing)
    pictures.give("/gone", good)
    fetched(tmp_path, f"{pictures.url}/gone")
    assert found.read(f"{pictures.url}/gone").read_bytes() == good
    assert not list(tmp_path.rglob("*.part*")), "nothing of it stays"


def test_no_recipe_leads_to_an_address_that_is_not_public(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give("/a", draw_jpeg(0))
    with pytest.raises(EnvironmentFault, match=r"none of 1 pictures came: not_public 1"):
        fetched(tmp_path, f"{pictures.url}/a", allowed=False)
    assert pictures.asked == []
    assert not {"allow_hosts", "allow_host", "allowed"} & set(Fetch.model_fields)


def test_too_many_pixels_are_not_kept(tmp_path: Path, pictures: Pictures) -> None:
    for number in range(2):
        pictures.give(f"/{number}", draw_jpeg(number))
    with pytest.raises(EnvironmentFault, match=r"too_many_pixels 2.*160 x 120"):
        fetched(tmp_path, *(f"{pictures.url}/{number}" for number in range(2)), max_megapixels=0.01)


def test_a_file_is_held_against_the_digest_of_the_table(tmp_path: Path, pictures: Pictures) -> None:
    data = draw_jpeg(0)
    pictures.give("/a", data)
    right = locator_of(f"{pictures.url}/a", hashlib.sha256(data).hexdigest())
    wrong = locator_of(f"{pictures.url}/a", "0" * 64)
    found, missing = fetched(tmp_path, right, wrong)
    assert missing == {"other_bytes": 1}
    assert found.read(right).read_bytes() == data
    with pytest.raises(SourceError, match="other_bytes"):
        found.read(wrong)
    assert pictures.asked == ["/a", "/a"], "the digest is no part of what is asked for"


def test_a_cut_body_is_gone_on_with_where_the_file_is_the_same(tmp_path: Path, pictures: Pictures) -> None:
    data = draw_jpeg(0) + LARGE
    pictures.give_parts("/a", data, stops_at=1000, ETag='"v1"')
    found, _ = fetched(tmp_path, f"{pictures.url}/a")
    assert found.read(f"{pictures.url}/a").read_bytes() == data
    assert [head.get("range") for head in pictures.heads] == [None, "bytes=1000-"]
    assert pictures.heads[1]["if-range"] == '"v1"'


@pytest.mark.parametrize("tag", [None, 'W/"v1"'])
def test_a_body_that_nothing_identifies_begins_anew(tmp_path: Path, pictures: Pictures, tag: str | None) -> None:
    data = draw_jpeg(0) + LARGE
    pictures.give_parts("/a", data, stops_at=1000, **({"ETag": tag} if tag else {}))
    found, _ = fetched(tmp_path, f"{pictures.url}/a")
    assert found.read(f"{pictures.url}/a").read_bytes() == data
    assert [head.get("range") for head in pictures.heads] == [None, None]


def test_a_small_file_begins_anew(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give_parts("/a", draw_jpeg(0), stops_at=1000, ETag='"v1"')
    fetched(tmp_path, f"{pictures.url}/a")
    assert [head.get("range") for head in pictures.heads] == [None, None]


def test_a_kept_file_of_another_size_is_fetched_again(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give("/a", draw_jpeg(0))
    found, _ = fetched(tmp_path, f"{pictures.url}/a")
    found.read(f"{pictures.url}/a").write_bytes(b"")
    assert found.stamp(f"{pictures.url}/a") is None
    fetched(tmp_path, f"{pictures.url}/a")
    assert found.read(f"{pictures.url}/a").read_bytes() == draw_jpeg(0)


def test_a_file_that_changed_in_between_is_not_joined(tmp_path: Path, pictures: Pictures) -> None:
    new = draw_jpeg(1)

    def change(handler: BaseHTTPRequestHandler) -> None:
        pictures.give_parts("/a", new, ETag='"v2"')
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.send_header("ETag", '"v1"')
        handler.end_headers()
        handler.wfile.write(draw_jpeg(0)[:900])

    pictures.answers["/a"] = change
    found, _ = fetched(tmp_path, f"{pictures.url}/a")
    assert found.read(f"{pictures.url}/a").read_bytes() == new


@pytest.mark.parametrize("span", ["bytes 0-9/5000", "bytes 999-4999/5000", "nonsense", ""])
def test_a_part_that_was_not_asked_for_is_not_joined(tmp_path: Path, pictures: Pictures, span: str) -> None:
    data = draw_jpeg(0) + LARGE

    def lie(handler: BaseHTTPRequestHandler) -> None:
        pictures.give("/a", data)
        handler.send_response(206)
        handler.send_header("Content-Range", span)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"evil bytes")

    def cut(handler: BaseHTTPRequestHandler) -> None:
        pictures.answers["/a"] = lie
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.send_header("ETag", '"v1"')
        handler.end_headers()
        handler.wfile.write(data[:1000])

    pictures.answers["/a"] = cut
    found, _ = fetched(tmp_path, f"{pictures.url}/a")
    assert found.read(f"{pictures.url}/a").read_bytes() == data and len(pictures.asked) == 3


def test_a_part_without_a_question_for_one_is_refused(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give("/a", draw_jpeg(0), 206, Content_Range="bytes 0-9/10")
    with pytest.raises(EnvironmentFault, match=r"refused \(206\)"):
        fetched(tmp_path, f"{pictures.url}/a")


def test_the_pause_that_a_host_asks_for_is_made(tmp_path: Path, pictures: Pictures, no_sleep: list[float]) -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        pictures.give("/a", draw_jpeg(0))
        handler.send_response(429)
        handler.send_header("Retry-After", "77")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    pictures.answers["/a"] = busy
    fetched(tmp_path, f"{pictures.url}/a")
    assert max(no_sleep) == pytest.approx(77, abs=1)


def test_a_host_is_asked_for_no_more_at_once_than_is_said(tmp_path: Path, pictures: Pictures) -> None:
    for number in range(12):
        pictures.give(f"/{number}", draw_jpeg(number))
    fetched(tmp_path, *(f"{pictures.url}/{number}" for number in range(12)), at_once=8, per_host=1)
    assert pictures.most == 1


def test_a_full_disk_is_told_as_one_and_what_came_is_gone_on_with(tmp_path: Path, pictures: Pictures) -> None:
    data = draw_jpeg(0) + LARGE
    for name in ("/a", "/b"):
        pictures.give_parts(name, data, ETag='"v1"')
    addresses = [f"{pictures.url}{name}" for name in ("/a", "/b")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            fetched(tmp_path, *addresses)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found, missing = fetched(tmp_path, *addresses)
    assert missing == {} and found.read(addresses[0]).read_bytes() == data
    assert any("range" in head for head in pictures.heads)


def test_a_link_in_the_place_of_a_part_is_refused(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give("/a", draw_jpeg(0))
    (tmp_path / "mine").write_text("mine")
    fetched(tmp_path, f"{pictures.url}/a")
    (entry,) = (tmp_path / "fetched" / "address").rglob("*.json")
    entry.unlink()
    entry.with_name(f"{entry.stem}.part").symlink_to(tmp_path / "mine")
    with pytest.raises(CorruptBuild, match="symbolic link"):
        fetched(tmp_path, f"{pictures.url}/a")
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_of_something_else_is_not_filled(tmp_path: Path, pictures: Pictures) -> None:
    (tmp_path / "fetched").mkdir()
    (tmp_path / "fetched" / "thesis.tex").touch()
    with pytest.raises(RecipeError, match="holds something else"):
        fetched(tmp_path, f"{pictures.url}/a")
    assert pictures.asked == []


def test_two_do_not_fill_one_folder_at_once(tmp_path: Path, pictures: Pictures) -> None:
    folder = tmp_path / "fetched"
    folder.mkdir()
    (folder / ABOUT).touch()
    with lease(folder / "lease", what="other"), pytest.raises(BuildLocked):
        fetched(tmp_path, f"{pictures.url}/a")


def test_what_somebody_wrote_into_the_folder_leads_nowhere(tmp_path: Path, pictures: Pictures) -> None:
    pictures.give("/a", draw_jpeg(0))
    address = f"{pictures.url}/a"
    found, _ = fetched(tmp_path, address)
    (entry,) = (tmp_path / "fetched" / "address").rglob("*.json")
    assert found.stamp(address) is not None
    for text in (
        '{"sha256": "../../../etc/passwd", "bytes": 1}',
        '{"sha256": 7}',
        "[]",
        "{",
        '{"reason": "a\\u001b[2J"}',
    ):
        entry.write_text(text)
        assert found.stamp(address) is None
        with pytest.raises(SourceError) as refused:
            found.read(address)
        assert "\x1b" not in str(refused.value)
    digest = "a" * 64
    size = Path("/etc/passwd").stat().st_size
    entry.write_text(f'{{"sha256": "{digest}", "bytes": {size}}}')
    (tmp_path / "fetched" / "sha256" / "aa").mkdir()
    (tmp_path / "fetched" / "sha256" / "aa" / digest).symlink_to("/etc/passwd")
    assert found.stamp(address) is None
    with pytest.raises(ImageMissing, match="was not fetched yet"):
        found.read(address)
    fetched(tmp_path, address)
    assert found.read(address).read_bytes() == draw_jpeg(0)
