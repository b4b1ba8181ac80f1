"""Repositories of clues: three ways to write one, and what is told about one that cannot be used."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import RecipeError
from factory.generators import clue_book as module
from factory.generators.clue_book import KINDS, ClueBook, clue_book
from factory.geo.normalise import fold

HEADER = "id,text,country,region,kind,source,licence,names\n"
LINE = "KE-side,Cars keep left.,KE,,road,a book,CC0-1.0,Kenyan;Swahili\n"
RECORD = {
    "id": "KE-side",
    "text": "Cars keep left.",
    "country": "KE",
    "kind": "road",
    "source": "a book",
    "licence": "CC0",
}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        clue_book(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clues.csv", HEADER + LINE),
        ("clues.csv", "\ufeff" + HEADER + LINE.replace("\n", "\r\n")),
        ("clues.jsonl", json.dumps({**RECORD, "names": "Kenyan;Swahili"}) + "\n\n"),
        ("clues.yaml", "clues:\n  - {id: KE-side, text: Cars keep left., country: KE, kind: road, source: a book, "
                       "licence: CC0-1.0, names: Kenyan;Swahili}\n"),
    ],
)  # fmt: skip
def test_a_repository_is_csv_json_lines_or_yaml(tmp_path: Path, name: str, text: str) -> None:
    (clue,) = clue_book(written(tmp_path, name, text)).clues.values()
    assert (clue.id, clue.text, clue.country, clue.region, clue.kind) == (
        "KE-side", "Cars keep left.", "KE", None, "road",
    )  # fmt: skip
    assert (clue.source, clue.names) == ("a book", ("Kenyan", "Swahili"))


def test_norway_and_namibia_are_countries(tmp_path: Path) -> None:
    lines = "NO-1,Text.,NO,,road,s,l,\nNA-1,Text.,NA,,road,s,l,\nNA-2,Text.,Namibia,,road,s,l,\n"
    book = clue_book(written(tmp_path, "clues.csv", HEADER + lines))
    assert [clue.country for clue in book.clues.values()] == ["NO", "NA", "NA"]
    yaml = "clues:\n- {id: a, text: T., country: NO, kind: road, source: s, licence: l}\n"
    assert clue_book(written(tmp_path, "clues.yaml", yaml)).of("NO")


def test_clues_of_a_region_are_given_for_that_region_alone(tmp_path: Path) -> None:
    lines = "a,One.,CA,,road,s,l,\nb,Two.,CA,Quebec,road,s,l,\nc,Three.,US,,road,s,l,\n"
    book = clue_book(written(tmp_path, "clues.csv", HEADER + lines))
    assert [clue.id for clue in book.of("CA")] == ["a"]
    assert [clue.id for clue in book.of("CA", "Québec")] == ["a", "b"]
    assert [clue.id for clue in book.of("CA", "Ontario")] == ["a"]
    assert book.of(None) == book.of("FR") == ()


def test_a_region_is_folded_once_however_many_clues_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module._region_key.cache_clear()
    module._region_keys.cache_clear()
    folded: list[str] = []

    def counted(name: str) -> str:
        folded.append(name)
        return fold(name)

    monkeypatch.setattr(module, "fold", counted)
    regions = ["Que" + "\u0301" * (130 + number) + "bec" for number in range(5)]
    lines = "".join(f"c{number},Text.,CA,{regions[number % 5]},road,s,l,\n" for number in range(1_000))
    book = clue_book(written(tmp_path, "clues.csv", HEADER + lines))
    assert len(book.of("CA", "Québec")) == len(book.of("CA", "Quebec")) == 1_000
    assert len(folded) < 40, "13 regions of the country, and each spelling once"
    assert {*regions, "Québec"} < {*folded}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x y,T.,KE,,road,s,l,", "clues.csv:2: id: `x y`: expected letters, digits"),
        ("a,,KE,,road,s,l,", "clues.csv:2: text: is missing"),
        ("a,T.,Kenia X,,road,s,l,", "clues.csv:2: country: unknown `Kenia X` (did you mean `Kenya`?)"),
        ("a,T.,ke,,road,s,l,", "country: unknown `ke`"),
        ("a,T.,CA,Quebbec,road,s,l,", "clues.csv:2: region: Canada has no `Quebbec` (did you mean `Quebec`?)"),
        ("a,T.,KE,,raod,s,l,", "clues.csv:2: kind: unknown `raod` (did you mean `road`?); one of language, sign, road"),
        ("a,T.,KE,,road,,l,", "source: is missing"),
        ("a,T.,KE,,road,s,,", "licence: is missing"),
        ("a,T.,KE,,road,s,l", "clues.csv:2: 7 fields; the first line has 8"),
        ('a,"T.,KE,,road,s,l,', "clues.csv:2: not CSV"),
        (f"a,{'T' * 1001},KE,,road,s,l,", "text: 1,001 characters; at most 1,000"),
        ("a,T.,KE,,road,s,l,\nb,T.,KE,,road,s,l,\na,T.,KE,,road,s,l,", "clues.csv:4: id: `a` stands in"),
        ("", "clues.csv: holds no clue"),
    ],
)
def test_a_line_that_is_no_clue_is_named_with_its_key(tmp_path: Path, line: str, told: str) -> None:
    assert told in refused(written(tmp_path, "clues.csv", f"{HEADER}{line}\n"))


def test_every_problem_is_told_at_once_up_to_ten(tmp_path: Path) -> None:
    lines = refused(written(tmp_path, "clues.csv", HEADER + "a,,XX,,roda,,,\n" * 3)).splitlines()
    assert len(lines) == 9 and lines[0].endswith("text: is missing")
    many = refused(written(tmp_path, "more.csv", HEADER + "a,,XX,,roda,,,\n" * 30)).splitlines()
    assert len(many) == 11 and many[-1] == "... and more"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("clues.csv", "", "the first line names no column id, text"),
        ("clues.csv", "id,text,country,knd,kind,source,licence\n", ":1: unknown column `knd` (did you mean `kind`?)"),
        ("clues.csv", "id,text,text,country,kind,source,licence\n", ":1: the first line names a column twice"),
        ("clues.jsonl", '{"id": 1}\n', "clues.jsonl:1: id: expected text, found int; quote it"),
        ("clues.jsonl", "\n[1]\n", "clues.jsonl:2: expected an object, found list"),
        ("clues.jsonl", "{\n", "clues.jsonl:1: not JSON"),
        ("clues.jsonl", "[" * 200 + "\n", "clues.jsonl:1: not JSON"),
        ("clues.jsonl", '{"tekst": "x"}\n', "unknown key `tekst` (did you mean `text`?)"),
        ("clues.yaml", "- a\n", "expected a mapping"),
        ("clues.yaml", "clue: []\n", "expected one key `clues` with a list of clues"),
        ("clues.yaml", "clues:\n  - one\n", "clues.yaml:2:5: expected a mapping, found str"),
        ("clues.yaml", "clues:\n  - {id: a, country: no}\n", "clues.yaml:2:5: text: is missing"),
        ("clues.txt", "x", "expected a file that ends in .csv, .jsonl, .yaml, .yml"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_repository_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    assert told in refused(written(tmp_path, name, text))


def test_a_file_that_is_missing_binary_or_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file, expected a repository of clues" in refused(tmp_path / "none.csv")
    assert "no such file" in refused(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00id")
    assert "is not UTF-8 text" in refused(tmp_path / "b.csv")
    monkeypatch.setattr(module, "MAX_CLUES", 2)
    lines = "".join(LINE.replace("KE-side", f"KE-{number}") for number in range(3))
    assert "clues.csv:4: more than 2 clues" in refused(written(tmp_path, "clues.csv", HEADER + lines))
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    assert "a repository of clues has at most 10" in refused(tmp_path / "clues.csv")


def test_yaml_of_aliases_and_pipes_are_refused(tmp_path: Path) -> None:
    alias = "clues:\n  - &a [x, x, x, x, x, x, x, x]\n"
    alias += "".join(f"  - &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in pairwise("abcdefgh"))
    assert "values, aliases counted" in refused(written(tmp_path, "clues.yaml", alias))
    os.mkfifo(tmp_path / "pipe.csv")
    assert "expected a repository of clues" in refused(tmp_path / "pipe.csv")


def test_a_corrected_file_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, "clues.csv", HEADER + LINE)
    assert clue_book(path) is clue_book(path)
    written(tmp_path, "clues.csv", HEADER + LINE.replace("keep left", "always keep left"))
    assert clue_book(path).clues["KE-side"].text == "Cars always keep left."


def test_invisible_characters_do_not_enter(tmp_path: Path) -> None:
    path = written(tmp_path, "clues.csv", HEADER + LINE.replace("keep", "\u202ekeep\u2066\x07"))
    assert clue_book(path).clues["KE-side"].text == "Cars keep left."


TEXT = st.text(max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.fixed_dictionaries({key: TEXT | st.none() | st.integers() for key in RECORD}), st.sampled_from(KINDS))
def test_any_record_is_a_clue_or_a_list_of_problems(record: dict[str, object], kind: str) -> None:
    for one in (record, {**RECORD, **record}, {**record, "kind": kind, "country": "KE"}):
        found = module._clue(one)
        assert isinstance(found, module.GeoClue) or (found and all(isinstance(problem, str) for problem in found))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "yaml"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"clues.{ending}"
    path.write_bytes(HEADER.encode() + data if ending == "csv" else data)
    try:
        assert isinstance(clue_book(path), ClueBook)
    except RecipeError as error:
        assert str(path) in str(error)
