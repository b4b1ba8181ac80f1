"""A table of addresses becomes a build: what is fetched, what is not, and what a kill costs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from factory.fetch.body import WORTH_BYTES
from factory.store.layout import open_build
from tests.build_fixture import draw_jpeg
from tests.picture_host import Pictures, picture_host
from tests.real_build import factory, start_factory


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with picture_host() as found:
        yield found


RECIPE = """\
name: trial
generator: mg_geo_meta
source: {kind: urls, path: photos.csv, sha256: sha256, licence: CC0-1.0, fetch: {per_second: 1000, at_once: 1}}
plan: {limit: 6, order: source}
select: [{split: {train: 1, validation: 0, test: 0}}]
"""


def write(root: Path, pictures: Pictures, count: int) -> Path:
    lines = ["id,url,lat,lon,sha256,country,region,city"]
    for number in range(count):
        data = draw_jpeg(number)
        pictures.give(f"/{number}", data)
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f"p{number},{pictures.url}/{number},48.{number}5,2.35,{digest.upper()},FR,Île-de-France,Paris")
    (root / "photos.csv").write_text("\n".join(lines))
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


ALLOW = ("--allow-host", "127.0.0.1")


def test_a_build_fetches_what_it_planned_and_no_more(tmp_path: Path, pictures: Pictures) -> None:
    recipe = write(tmp_path, pictures, 9)
    pictures.give("/4", draw_jpeg(5))
    assert factory("plan", recipe, cwd=tmp_path).returncode == 0 and pictures.asked == []
    done = factory("build", recipe, *ALLOW, cwd=tmp_path)
    assert "missing: other_bytes 1" in done.stderr, done.stderr
    build = open_build(next((tmp_path / "builds").iterdir()))
    assert len(set(pictures.asked)) == 6, "the limit of the plan holds"
    reasons = build.verdicts.filter(build.verdicts["decision"] == "quarantine")
    assert reasons["id"].to_list() == (["p4"] if "/4" in pictures.asked else [])
    asked = len(pictures.asked)
    factory("build", recipe, *ALLOW, cwd=tmp_path)
    assert len(pictures.asked) == asked, "a finished build asks for nothing"
    pictures.give("/4", draw_jpeg(4))
    assert factory("build", recipe, *ALLOW, "--retry", cwd=tmp_path).returncode == 0
    assert pictures.asked[asked:] == ["/4"]


def test_a_build_that_may_not_fetch_ends_with_the_reason(tmp_path: Path, pictures: Pictures) -> None:
    done = factory("build", write(tmp_path, pictures, 3), cwd=tmp_path)
    assert done.returncode != 0 and "none of 3 pictures came: not_public 3" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and pictures.asked == []


def test_a_killed_build_goes_on_in_the_middle_of_a_picture(tmp_path: Path, pictures: Pictures) -> None:
    recipe = write(tmp_path, pictures, 4)
    data, halfway = draw_jpeg(2) + bytes(WORTH_BYTES), threading.Event()
    table = (tmp_path / "photos.csv").read_text()
    digests = [hashlib.sha256(one).hexdigest() for one in (draw_jpeg(2), data)]
    (tmp_path / "photos.csv").write_text(table.replace(digests[0].upper(), digests[1]))

    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("ETag", '"v1"')
        handler.end_headers()
        handler.wfile.write(data[:1500])
        handler.wfile.flush()
        halfway.set()
        process.wait(60)

    pictures.answers["/2"] = stall
    process = start_factory(["build", recipe, *ALLOW], cwd=tmp_path)
    assert halfway.wait(60)
    (part,) = _parts(tmp_path, 1500)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = len(pictures.asked)
    pictures.give_parts("/2", data, ETag='"v1"')
    done = factory("build", recipe, *ALLOW, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(set(pictures.asked[before:])) == ["/2", "/3"]
    (resumed,) = (head for path, head in zip(pictures.asked, pictures.heads, strict=True) if head.get("range"))
    assert resumed["range"] == "bytes=1500-"
    assert not part.exists()


def _parts(root: Path, size: int) -> list[Path]:
    """The part that is under way, once it has so many bytes."""
    for _ in range(600):
        if found := [path for path in root.rglob("*.part") if path.stat().st_size >= size]:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def test_pages_of_an_api_become_a_build(tmp_path: Path, pictures: Pictures) -> None:
    features = []
    for number in range(3):
        pictures.give(f"/{number}.jpg", draw_jpeg(number))
        features.append(
            {
                "id": f"p{number}",
                "geometry": {"type": "Point", "coordinates": [2.35, 48.8 + number / 100]},
                "assets": {"sd": {"href": f"{pictures.url}/{number}.jpg"}},
                "properties": {"license": "etalab-2.0", "geovisio:producer": "Ville"},
            }
        )
    pictures.give("/search", json.dumps({"type": "FeatureCollection", "features": features}).encode())
    recipe = RECIPE.replace(
        "{kind: urls, path: photos.csv, sha256: sha256, licence: CC0-1.0,",
        f"{{kind: panoramax, path: '{pictures.url}/search',",
    )
    (tmp_path / "recipe.yaml").write_text(recipe)
    done = factory("build", "recipe.yaml", *ALLOW, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    build = open_build(next((tmp_path / "builds").iterdir()))
    assert build.plan.select("id", "licence", "author").row(0) == ("p0", "etalab-2.0", "Ville")
    assert sorted(pictures.asked) == ["/0.jpg", "/1.jpg", "/2.jpg", "/search"]
    asked = len(pictures.asked)
    factory("build", "recipe.yaml", *ALLOW, cwd=tmp_path)
    assert len(pictures.asked) == asked, "the answer is kept, and so the build"
