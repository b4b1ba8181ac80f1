from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.report import write_gallery, write_report
from factory.report.worths import Worth
from factory.store.layout import Build, open_build
from factory.store.paid import currency_of
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import HOSTILE_TEXT, make_build
from tests.rich_build import Rows, edit, forget_places, make_rich_build

HOSTILE_ID = 'x"><img src=x onerror=alert(1)>/../&#'


class Elements(HTMLParser):
    """Start tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_complete_in_itself(tmp_path: Path) -> None:
    path = write_report(make_build(tmp_path / "b", samples=12))
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "b" / "report.html"
    elements = Elements(page)
    for tag, attributes in elements.tags:
        assert tag not in {"iframe", "object", "embed", "base"}
        for name in ("src", "href", "action", "poster", "srcset", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/jpeg;base64,", "data:,")), (tag, name, value)
    assert sum(tag == "article" for tag, _ in elements.tags) == 12
    assert "@import" not in page and "url(" not in page


def test_teacher_text_is_shown_and_never_markup(tmp_path: Path) -> None:
    page = write_report(make_build(tmp_path / "b")).read_text(encoding="utf-8")
    elements = Elements(page)
    assert sum(tag == "script" for tag, _ in elements.tags) == 2, "the page's own data and script"
    assert HOSTILE_TEXT in elements.text
    assert not any(name.startswith("on") for _, attributes in elements.tags for name in attributes)


def test_a_hostile_id_is_a_working_link(tmp_path: Path) -> None:
    build = rename_first(make_build(tmp_path / "b"), HOSTILE_ID)
    elements = Elements(write_report(build).read_text(encoding="utf-8"))
    assert ("article", HOSTILE_ID) in {(tag, attributes.get("id")) for tag, attributes in elements.tags}
    assert [tag for tag, _ in elements.tags].count("img") == 5, "photos of the build and nothing else"
    links = {attributes["href"] for tag, attributes in elements.tags if tag == "a" and "data-id" in attributes}
    assert "#x%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%2F..%2F%26%23" in links


def rename_first(build: Build, name: str) -> Build:
    for path, schema in (
        (build.paths.plan, arrow.PLAN),
        (build.paths.shard(0).answers, arrow.ANSWERS),
        (build.paths.shard(0).verdicts, arrow.VERDICTS),
        (build.paths.selection, arrow.SELECTION),
    ):
        rows = pq.read_table(path, schema=schema).to_pylist()
        rows[0]["id"] = name
        write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return open_build(build.paths.root)


def test_an_endless_list_of_clues_is_cut_and_said_so(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=6, shard_size=6)

    def talk(rows: Rows) -> None:
        rows["s000"]["answers"][0]["place"]["clues"] = [{"kind": "sky", "text": "grey " * 1000, "supports": ""}] * 5000

    edit(build.paths.shard(0).answers, arrow.ANSWERS, talk)
    path = write_report(open_build(tmp_path / "b"))
    assert "and 4984 more" in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("state", ["planned only", "no selection", "one shard", "not verified", "nothing"])
def test_an_unfinished_build_has_a_report(tmp_path: Path, state: str) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.selection.unlink()
    if state in ("planned only", "nothing"):
        for shard in build.paths.shards():
            shard.report.unlink()
            shard.ledger.unlink()
    if state == "not verified":
        for shard in build.paths.shards():
            shard.verdicts.unlink()
    if state == "one shard":
        build.paths.shard(1).report.unlink()
    if state == "nothing":
        build.paths.plan.unlink()
        build.paths.dropped.unlink()
    info = {"recipe": "mp16_reason", "state": "working", "layout": arrow.BUILD_SCHEMA_VERSION}
    build.paths.info.write_bytes(orjson.dumps(info))
    text = Elements(write_report(open_build(tmp_path / "b")).read_text(encoding="utf-8")).text
    assert "mp16_reason" in text and "working" in text
    assert ("No sample has been answered yet." in text) == (state in ("planned only", "nothing"))


def test_a_rich_card_says_everything_and_no_text_of_it_is_markup(tmp_path: Path) -> None:
    elements = Elements(write_report(make_rich_build(tmp_path / "b")).read_text(encoding="utf-8"))
    images = [attributes.get("alt") for tag, attributes in elements.tags if tag == "img"]
    assert "photo of sample s000" in images and "satellite of sample s000" in images
    for text in ("draw 2", "combined", "saw the country", "signs", "0.83", "transcript", "Where was this taken?"):
        assert text in elements.text
    assert "where the checks said review (teachers_agree:one_answer): the sign is real " + HOSTILE_TEXT in elements.text
    assert sum(tag == "script" for tag, _ in elements.tags) == 2


def test_a_build_without_places_has_a_report(tmp_path: Path) -> None:
    build = forget_places(make_build(tmp_path / "b", samples=12))
    text = Elements(write_report(build).read_text(encoding="utf-8")).text
    assert "none of them is about a place" in text
    assert "a street in s000" in text
    assert "names no place" not in text and "25 km" not in text


def test_before_verification_nothing_is_measured(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=4, shard_size=4)
    build.paths.selection.unlink()
    build.paths.shard(0).verdicts.unlink()
    text = Elements(write_report(open_build(tmp_path / "b")).read_text(encoding="utf-8")).text
    assert text.count("answered, not verified yet") == 4
    assert "No answer is verified yet." in text


def test_the_same_build_gives_the_same_page(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12)
    first = write_report(build).read_bytes()
    assert write_report(open_build(tmp_path / "b"), tmp_path / "again.html").read_bytes() == first


def test_the_page_names_no_path_of_this_machine(tmp_path: Path) -> None:
    page = write_report(make_build(tmp_path / "b")).read_text(encoding="utf-8")
    assert str(tmp_path) not in page


def test_counts_of_the_header_are_those_of_the_build(tmp_path: Path) -> None:
    page = write_report(make_build(tmp_path / "b", samples=12)).read_text(encoding="utf-8")
    figures = re.findall(r'<(?:a|div) class="figure[^>]*><b>([^<]*)</b>', page)
    assert figures == ["12", "6", "2", "2", "2", "5"]


def test_a_gallery_elsewhere_has_its_pictures_beside_it_and_none_embedded(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12)
    silent = Worth(source="ocr", verdict="silent", rows=12, groups=3, gain=0.0, low=0.0, high=0.0)
    page = write_gallery(build, tmp_path / "out", 5, worths=[silent])
    text = page.read_text(encoding="utf-8")
    named = re.findall(r'<img src="(pictures/\d+\.jpg)"', text)
    assert named and all((page.parent / name).read_bytes()[:2] == b"\xff\xd8" for name in named)
    assert "data:image" not in text and "img-src data: &#39;self&#39; file:;" in text
    assert len(re.findall('<article class="card', text)) <= 5
    assert "What each source is worth" in text and "said nothing of any place" in text
    assert not (build.paths.root / "pictures").exists()


def test_the_page_in_the_build_embeds_its_pictures_and_may_load_no_other(tmp_path: Path) -> None:
    text = write_report(make_build(tmp_path / "b", samples=12)).read_text(encoding="utf-8")
    assert "img-src data:;" in text and "data:image/jpeg" in text and "pictures/" not in text


def test_a_cost_has_its_currency_and_is_unknown_without_prices(tmp_path: Path) -> None:
    recipe = {"teachers": [{"name": "a", "prices": {"input_per_million": 2, "currency": "EUR"}}]}
    assert currency_of(recipe) == "EUR" and currency_of({"teachers": [{"name": "a", "prices": {}}]}) == ""
    text = write_report(make_build(tmp_path / "b", samples=6)).read_text(encoding="utf-8")
    assert re.search(r"<dt>cost</dt><dd>(none|unknown: the recipe has no prices)</dd>", text)
