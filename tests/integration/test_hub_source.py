"""A dataset of the Hub as a source, against a Hub on this machine: what is fetched, and what an evil one gets."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import EnvironmentFault, ImageMissing, RecipeError, SourceError
from factory.plugins.fetching import Course
from factory.recipe.load import load_recipe
from factory.sources.hub import HubSource, hub
from factory.sources.hub_files import _holes, _joined
from factory.store.layout import open_build
from tests.build_fixture import draw_jpeg
from tests.hub_server import DROP, START, TOKEN, Asked, Fault, Hub, Refusal, Repository, hub_served
from tests.picture_host import picture_host
from tests.real_build import factory

REPO = "me/places"
COUNT = 12


def parquet(first: int, count: int, *, group: int = 2, pad: int = 0, gap: int | None = None) -> bytes:
    """A file as `datasets` writes it; each picture is followed by bytes that make it large."""
    rows = range(first, first + count)
    pictures = [
        None if number == gap else {"bytes": draw_jpeg(number) + bytes(pad), "path": f"{number}.jpg"} for number in rows
    ]
    table = pa.table(
        {
            "image": pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "lat": [48.0 + number / 10 for number in rows],
            "lon": [2.35] * count,
            "country": ["FR"] * count,
            "region": ["R"] * count,
            "city": ["C"] * count,
            "note": [f"note {number}" for number in rows],
            "unread": [str(number) * 20_000 for number in rows],
        }
    )
    data = io.BytesIO()
    pq.write_table(table, data, row_group_size=group, compression="none", use_dictionary=False)
    return data.getvalue()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    async def no_sleep(_: float) -> None: ...

    with hub_served() as found:
        monkeypatch.setattr("factory.fetch.fetcher.asyncio.sleep", no_sleep)
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        tree = {"data/a.parquet": parquet(0, 8, pad=200_000), "data/b.parquet": parquet(8, 4), "README.md": b"# x"}
        found.repositories[REPO] = Repository(private=False, trees={START: tree})
        yield found


def source(root: Path, **more: Any) -> HubSource:
    settings: dict[str, Any] = {"repo": REPO, "revision": START, **more}
    opened = hub(root, **settings)
    assert isinstance(opened, HubSource)
    return opened


def fetched(opened: HubSource, *locators: str) -> None:
    assert opened.fetch(locators, allowed=(), course=Course()) == {}


def on_disk(root: Path) -> int:
    """Bytes that the files with holes take."""
    return sum(path.stat().st_blocks * 512 for path in root.rglob("*.parquet"))


def test_a_plan_reads_its_columns_and_no_picture(served: Hub, tmp_path: Path) -> None:
    table = source(tmp_path, texts={"note": "note"}).table()
    assert table["image"].to_list()[::11] == ["data/a.parquet::0/image", "data/b.parquet::3/image"]
    assert table["id"].to_list() == table["image"].to_list() and table["source_row"].to_list() == list(range(COUNT))
    assert table["lat"].to_list() == [48.0 + number / 10 for number in range(COUNT)]
    assert table["texts"][3].to_list() == [{"name": "note", "text": "note 3"}]
    assert on_disk(tmp_path) < 400_000 < sum(map(len, served.repositories[REPO].trees[START].values()))


def test_a_build_fetches_the_row_groups_of_its_pictures(served: Hub, tmp_path: Path) -> None:
    opened = source(tmp_path)
    locator, beside, other = (f"data/a.parquet::{row}/image" for row in (4, 5, 0))
    opened.table()
    assert opened.stamp(locator) is None
    with pytest.raises(ImageMissing, match="was not fetched yet"):
        opened.read(locator)
    before = len(served.asked)
    fetched(opened, locator)
    assert len(served.asked) == before + 1
    found = opened.read(locator)
    assert isinstance(found, bytes) and found.startswith(draw_jpeg(4)) and opened.stamp(locator) is not None
    assert isinstance(opened.read(beside), bytes), "of the same row group"
    assert opened.stamp(other) is None
    again = source(tmp_path)
    assert again.read(locator) == found
    fetched(again, locator, beside)
    assert len(served.asked) == before + 1, "another process asks for nothing that is there"


def test_a_row_without_a_picture_is_told(served: Hub, tmp_path: Path) -> None:
    served.repositories[REPO].trees[START] = {"a.parquet": parquet(0, 4, gap=1)}
    table = source(tmp_path).table()
    assert table["problem"].to_list() == [None, "no_picture", None, None]


def test_what_the_hub_lists_and_the_commit_are_identity(served: Hub, tmp_path: Path) -> None:
    first = source(tmp_path).digest()
    assert source(tmp_path / "elsewhere").digest() == first
    assert source(tmp_path, files="data/a*").digest() != first
    other = "d1" * 20
    served.repositories[REPO].trees[other] = {"data/a.parquet": parquet(0, 2)}
    assert source(tmp_path, revision=other).digest() != first


@pytest.mark.parametrize(
    ("key", "value"),
    [("revision", "main"), ("revision", "c0ffee"), ("repo", "me"), ("repo", "me/../x"), ("repo", "a/b/c")],
)
def test_a_recipe_names_a_repository_and_a_commit(tmp_path: Path, key: str, value: str) -> None:
    recipe = write(tmp_path)
    with pytest.raises(RecipeError, match=key):
        load_recipe(recipe, overrides=[f"source.{key}={value}"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"repo": "me/nothing"}, r"refused|not_found|unreachable"),
        ({"files": "*.csv"}, r"nothing in me/places .* fits '\*\.csv'; its files end in .*refs/convert/parquet"),
        ({"columns": {"lat": "breite"}}, "no column `breite`"),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(
    served: Hub, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises((SourceError, EnvironmentFault), match=said):
        source(tmp_path, **settings).table()


def test_a_gated_dataset_says_how_to_get_in(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(SourceError, match=r"refused \(401\).*accept the terms.*HF_TOKEN") as refused:
        source(tmp_path).table()
    assert "hf_wrong" not in str(refused.value)


def faulty(served: Hub, fault: Fault, *, after: int = 1) -> None:
    """Every answer for a file's bytes but the first ones is a fault."""
    seen = [0]

    def answer(_: int, asked: Asked) -> Fault:
        seen[0] += "/resolve/" in asked.path
        return fault if "/resolve/" in asked.path and seen[0] > after else None

    served.fault = answer


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Refusal(302, {"Location": "http://127.0.0.2/x"}), r"not_public \(127\.0\.0\.2"),
        (Refusal(302, {"Location": "http://169.254.169.254/latest"}), "not_public"),
        (Refusal(302, {"Location": "file:///etc/passwd"}), "no_address"),
        (Refusal(200, {}, "x" * 1000), "another part than was asked for"),
        (Refusal(206, {"Content-Range": "bytes 1-9/10"}, "x" * 9), "another part than was asked for"),
        (Refusal(416), "refused|server_error"),
        (Refusal(500), r"server_error \(500\)"),
        (DROP, "unreachable"),
    ],
)
def test_a_hub_that_lies_leads_inside_or_is_away_is_named(served: Hub, tmp_path: Path, fault: Fault, said: str) -> None:
    faulty(served, fault)
    with pytest.raises((EnvironmentFault, SourceError), match=said):
        source(tmp_path).table()
    served.fault = lambda number, asked: None
    assert source(tmp_path).table().height == COUNT, "it goes on where it stopped"


def test_more_or_fewer_bytes_than_were_asked_for_are_not_kept(served: Hub, tmp_path: Path) -> None:
    opened = source(tmp_path)
    opened.table()
    locator = "data/b.parquet::0/image"
    span = opened._group(*_placed(opened, locator))
    assert span is not None
    for size in (span[1] - span[0] - 1, span[1] - span[0] + 1, 17_000_000):
        served.fault = lambda number, asked, size=size: Refusal(
            206, {"Content-Range": f"bytes {span[0]}-{span[0] + size - 1}/99"}, "x" * size
        )
        with pytest.raises(EnvironmentFault):
            fetched(opened, locator)
        assert opened.stamp(locator) is None


def _placed(opened: HubSource, locator: str) -> Any:
    file, name = opened._place(locator)
    return file, opened._opened(file), name


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 200, b"x" * 100 + (1 << 30).to_bytes(4, "little") + b"PAR1"])
def test_what_is_no_parquet_is_named(served: Hub, tmp_path: Path, data: bytes) -> None:
    served.repositories[REPO].trees[START] = {"a.parquet": data}
    with pytest.raises((SourceError, EnvironmentFault), match=r"a\.parquet is no Parquet file|cannot be read"):
        source(tmp_path).table()


def test_the_token_goes_to_the_hub_and_to_nobody_else(served: Hub, tmp_path: Path) -> None:
    data = served.repositories[REPO].trees[START]["data/b.parquet"]
    with picture_host() as other:

        def part(handler: BaseHTTPRequestHandler) -> None:
            start, _, stop = handler.headers["Range"].removeprefix("bytes=").partition("-")
            piece = data[int(start) : int(stop) + 1]
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{stop}/{len(data)}")
            handler.send_header("Content-Length", str(len(piece)))
            handler.end_headers()
            handler.wfile.write(piece)

        other.answers["/cdn"] = part
        faulty(served, Refusal(302, {"Location": f"{other.url}/cdn"}), after=0)
        assert source(tmp_path, files="data/b*").table().height == 4
        assert other.heads and not any("authorization" in head for head in other.heads)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept


def test_a_list_of_files_leads_to_no_other_place(served: Hub, tmp_path: Path) -> None:
    page = Refusal(200, {"Link": '<http://127.0.0.2/tree?cursor=1>; rel="next"'}, "[]")
    served.fault = lambda number, asked: page if "/tree/" in asked.path else None
    with pytest.raises(SourceError, match="nothing in me/places"):
        source(tmp_path).table()


def write(root: Path) -> Path:
    recipe = f"""\
name: trial
generator: mg_geo_meta
source: {{kind: hub, repo: {REPO}, revision: {START}, licence: CC0-1.0}}
plan: {{limit: 3, order: source}}
select: [{{split: {{train: 1, validation: 0, test: 0}}}}]
"""
    (root / "recipe.yaml").write_text(recipe)
    return root / "recipe.yaml"


def test_a_build_has_the_pictures_of_its_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_served() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        served.repositories[REPO] = Repository(private=False, trees={START: {"data/b.parquet": parquet(0, 8)}})
        done = factory("build", write(tmp_path), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        build = open_build(next((tmp_path / "builds").iterdir()))
        assert build.plan.height == 3 and TOKEN not in done.stderr + done.stdout
        digests = {hashlib.sha256(draw_jpeg(number)).hexdigest() for number in range(8)}
        assert set(build.answers["photos"].explode().struct.field("sha256")) <= digests


def test_ranges_are_joined_and_holes_are_found() -> None:
    there = _joined([(5, 7), (0, 2), (2, 4), (6, 9), (3, 3)])
    assert there == [(0, 4), (5, 9)]
    assert _holes((0, 12), there) == [(4, 5), (9, 12)]
    assert _holes((1, 3), there) == [] and _holes((4, 5), there) == [(4, 5)]
