"""What stands beside the rows: a citation, a description for machines, a chart, and what people wrote by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from release import check_release, write_release
from release.chart import render_chart
from release.citation import bibtex
from release.hand_edits import BEGIN, END, kept_text, with_kept
from release.manifest import read_manifest
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build

TOLD: dict[str, Any] = {
    "authors": ("Ada Lovelace", "Charles {Babbage}"),
    "contact": "removal@publisher.example",
    "motivation": "To measure what evidence models use.",
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("papers") / "b", 20)
    write_release(build, settings=ReleaseSettings(title="Small places", **TOLD))
    return build.paths.release


def test_the_citation_names_the_publishers_and_the_build(release: Path) -> None:
    told = YAML(typ="safe").load((release / "CITATION.cff").read_text(encoding="utf-8"))
    assert (told["cff-version"], told["type"], told["title"]) == ("1.2.0", "dataset", "Small places")
    assert told["authors"] == [{"name": "Ada Lovelace"}, {"name": "Charles {Babbage}"}]
    assert told["identifiers"][0]["value"] == read_manifest(release)["fingerprint"]
    assert "date-released" not in told
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "```bibtex\n@misc{mp16_reason_" in card and "author = {{Ada Lovelace} and {Charles Babbage}}," in card


@given(st.text(max_size=80))
def test_no_title_breaks_out_of_its_entry(title: str) -> None:
    facts = {"name": "x", "title": title, "authors": [title], "fingerprint": "0" * 64, "counts": {"rows": 1}}
    entry = bibtex(facts)
    assert "`" not in entry and entry.count("\n") == 4
    assert entry.count("{") == entry.count("}")


def test_the_datasheet_says_what_is_known_and_that_the_rest_is_not(release: Path, tmp_path: Path) -> None:
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "**Motivation.** To measure what evidence models use." in card
    assert "**Collection.** 20 samples were planned" in card
    assert "**Consent.** The publisher states nothing about the consent" in card
    assert "removal@" in card.replace("\u2060", "")
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    bare = (build.paths.release / "README.md").read_text(encoding="utf-8")
    assert "**Motivation.** The publisher states none." in bare and "names no contact here" in bare
    cff = YAML(typ="safe").load((build.paths.release / "CITATION.cff").read_text(encoding="utf-8"))
    assert cff["authors"] == [{"name": "Publisher not stated"}]


def test_croissant_names_every_file_with_its_digest_and_every_plain_column(release: Path) -> None:
    told = orjson.loads((release / "croissant.json").read_bytes())
    files = {one["@id"]: one["sha256"] for one in told["distribution"] if one["@type"] == "cr:FileObject"}
    there = [path for path in release.rglob("*") if path.suffix in (".parquet", ".tar")]
    assert files == {p.relative_to(release).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in there}
    (records,) = told["recordSet"]
    names = {field["name"]: field["dataType"] for field in records["field"]}
    assert (names["id"], names["lat"], names["width"]) == ("sc:Text", "sc:Float", "sc:Integer")
    assert told["creator"] == [{"@type": "sc:Person", "name": name} for name in TOLD["authors"]]
    assert "datePublished" not in told


def test_croissant_is_valid_and_gives_the_rows(release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not dataset.metadata.issues.errors
    rows = list(dataset.records("default"))
    assert len(rows) == 10
    assert {row["default/id"] for row in rows} >= {b"s000", b"s001"}


def test_the_chart_has_a_bar_a_country_and_a_distance() -> None:
    drawn = render_chart({f"country <{number}>": 40 - number for number in range(20)}, {"within 1 km": 3, "farther": 1})
    texts = [node.text or "" for node in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert "country <0>" in texts and "others" in texts and "within 1 km" in texts
    assert str(sum(40 - number for number in range(15, 20))) in texts
    ElementTree.fromstring(render_chart({}, {}))


def test_what_people_wrote_stays_when_the_release_is_written_again(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    card = build.paths.release / "README.md"
    before = card.read_text(encoding="utf-8")
    card.write_text(
        before.replace("\n".join((BEGIN, END)), f"{BEGIN}\n## Thanks\n\nTo Käthe.\n{END}"), encoding="utf-8"
    )
    write_release(build)
    after = card.read_text(encoding="utf-8")
    assert after == before.replace("\n".join((BEGIN, END)), f"{BEGIN}\n## Thanks\n\nTo Käthe.\n{END}")
    assert check_release(build.paths.release) == []
    write_release(build)
    assert card.read_text(encoding="utf-8") == after


def test_what_stands_elsewhere_is_the_factorys(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(f"x\n{BEGIN}\nmine\n{END}\nbelow", encoding="utf-8")
    assert kept_text(card) == "mine"
    assert with_kept("card\n", "mine") == f"card\n\n{BEGIN}\nmine\n{END}\n"
    for text in ("", "no marks", f"{BEGIN}\nno end", f"{END}\n{BEGIN}"):
        card.write_text(text, encoding="utf-8")
        assert kept_text(card) == ""
    card.write_bytes(b"\xff" + BEGIN.encode())
    assert kept_text(card) == ""
    link = tmp_path / "link.md"
    link.symlink_to(card)
    assert kept_text(link) == kept_text(tmp_path / "nowhere") == ""
