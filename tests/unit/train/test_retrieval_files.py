"""Retrieval from files, and what is said of those that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import SourceError
from train.evaluate.retrieval_files import candidate_lists, measured
from train.rerank.candidates import read_lists

QUERIES = "id,positive,semi_positives,lat,lon\nq,a,b;c,0,0\nr,c,,0.001,0\n"
GALLERY = "id,lat,lon\na,0,0\nb,0.0005,0\nc,0.001,0\n"
FILES = ("queries.csv", "gallery.csv", "q.npy", "g.npy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The first query looks most like b, which is neither right nor wrong; the second like its own."""
    (tmp_path / "queries.csv").write_text(QUERIES)
    (tmp_path / "gallery.csv").write_text(GALLERY)
    np.save(tmp_path / "q.npy", np.array([[1.0, 0.1], [0.0, 1.0]], np.float32))
    np.save(tmp_path / "g.npy", np.array([[1.0, 0.5], [1.0, 0.1], [0.1, 1.0]], np.float32))
    return tmp_path


def paths(folder: Path) -> tuple[Path, Path, Path, Path]:
    queries, gallery, first, second = (folder / name for name in FILES)
    return queries, gallery, first, second


def test_both_galleries_are_measured_and_labelled(folder: Path) -> None:
    full, cut = measured(*paths(folder), nearest=1)
    assert (full.gallery, full.recall["R@1"], full.hit_rate, full.localized["L@100"]) == ("full", 0.5, 1.0, 1.0)
    assert (full.localized["L@50"], cut.gallery, cut.recall["R@1"]) == (0.5, "m=1", 1.0)


def test_without_places_there_is_one_gallery_and_no_distance(folder: Path) -> None:
    (folder / "gallery.csv").write_text(GALLERY.replace("0.0005", ""))
    (full,) = measured(*paths(folder))
    assert full.localized == {} and full.recall["R@1"] == 0.5


def test_the_command_prints_each_number_and_json_has_all(folder: Path) -> None:
    queries, gallery, first, second = map(str, paths(folder))
    run = ["retrieval", queries, gallery, "--query-vectors", first, "--gallery-vectors", second]
    shown = CliRunner().invoke(app, run).stdout
    assert all(word in shown for word in ("full", "m=3", "R@1%", "hit rate", "L@150", "50.00 %"))
    plain = orjson.loads(CliRunner().invoke(app, [*run, "--json"]).stdout)
    assert [one["gallery"] for one in plain["galleries"]] == ["full", "m=3"]


def test_what_is_not_measured_is_named_with_the_reason(folder: Path) -> None:
    (folder / "queries.csv").write_text(QUERIES.replace("semi_positives", "note").replace("0.001", ""))
    queries, gallery, first, second = map(str, paths(folder))
    run = ["retrieval", queries, gallery, "--query-vectors", first, "--gallery-vectors", second]
    told = CliRunner().invoke(app, run).stderr
    assert f"not measured: hit rate, as {queries} has no `semi_positives`" in told
    assert f"not measured: L@50/100/150 and the cut gallery, as {queries}, row 2, has no `lat` and `lon`" in told
    wrong = CliRunner().invoke(app, [*run, "--nearest", "2"]).exception
    assert (
        str(wrong)
        == f"--nearest: is of the gallery cut by place, and {queries}, row 2, has no `lat` and `lon`; leave it out"
    )


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_text((folder / name).read_text().replace(old, new))

    return apply


def vectors(array: object) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / "q.npy", np.array(array), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change("queries.csv", "q,a,", "q,d,"), "row 1: 'd' is no id of .*gallery.csv"),
        (change("queries.csv", "q,a,", "q,,"), "row 1: no `positive`, the right picture's id"),
        (change("queries.csv", "b;c", "b;x"), "row 1: 'x' is no id of"),
        (
            change("queries.csv", "semi_positives", "semi_positive"),
            "a column `semi_positive`, and none `semi_positives`",
        ),
        (change("queries.csv", "lat,lon", "latt,lonn"), "queries.csv: a column `latt`, and none `lat`; call it so"),
        (change("gallery.csv", "lat,lon", "latitude,longitude"), "gallery.csv: a column `latitude`, and none `lat`"),
        (change("gallery.csv", "id,lat,lon", "id,lat,height"), "gallery.csv: a column `lat` and no `lon`; a place has"),
        (
            change("gallery.csv", "0.0005", "north"),
            "gallery.csv, row 2: `lat` is 'north'; expected degrees from -90 to",
        ),
        (change("gallery.csv", "0.0005", "nan"), "gallery.csv, row 2: `lat` is 'nan'"),
        (change("queries.csv", "0.001,0", "0.001,181"), "queries.csv, row 2: `lon` is '181'; .* -180 to 180"),
        (change("queries.csv", "q,a,", "q,a;b,"), r"row 1: 2 ids in `positive` \('a', 'b'\); expected the right"),
        (change("queries.csv", "b;c", "a"), "the right picture of a query is among its semi-positives"),
        (change("gallery.csv", "b,", "a,"), "an id stands there twice; 2 ids in 3 rows"),
        (vectors([[1.0, 0.0]]), "1 vectors for the 2 rows of .*queries.csv"),
        (vectors([1.0, 0.0]), "expected floating-point vectors of shape"),
        (vectors([[1, 0], [0, 1]]), "expected floating-point vectors of shape"),
        (vectors([[1.0, 0.0, 0.0]] * 2), "queries have 3 numbers, pictures of the gallery 2"),
        (vectors([[np.nan, 0.0]] * 2), "queries: row 0 is not finite"),
        (vectors([{"a": 1}, "b"]), r"is no array of numbers as numpy writes it \(.npy\)"),
        (lambda folder: (folder / "q.npy").write_bytes(b"PK\x03\x04"), "is no array of numbers"),
        (lambda folder: (folder / "q.npy").unlink(), "q.npy: there is no such file"),
    ],
)
def test_files_that_do_not_fit_are_refused(folder: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(folder)
    with pytest.raises(SourceError, match=message):
        measured(*paths(folder))


def test_an_id_that_stands_there_twice_counts_once(folder: Path) -> None:
    (folder / "queries.csv").write_text(QUERIES.replace("q,a,b;c", "q,a;a,b"))
    once = measured(*paths(folder))
    (folder / "queries.csv").write_text(QUERIES.replace("q,a,b;c", f"q,a,{';'.join(['b'] * 99)}"))
    assert measured(*paths(folder)) == once


def test_an_id_that_holds_a_semicolon_stands_in_a_list(folder: Path) -> None:
    (folder / "gallery.csv").write_text(GALLERY.replace("a,", "a;b,"))
    (folder / "queries.jsonl").write_text('{"id": "q", "positive": ["a;b"]}\n{"id": "r", "positive": "c"}\n')
    _, gallery, first, second = paths(folder)
    (full,) = measured(folder / "queries.jsonl", gallery, first, second)
    assert full.recall["R@5"] == 1.0


def test_the_first_of_each_query_are_written_for_reranking(folder: Path) -> None:
    for name in ("queries.csv", "gallery.csv"):
        header, *rows = (folder / name).read_text().splitlines()
        told = [f"{header},text", *(f"{row},about {row[0]}" for row in rows)]
        (folder / name).write_text("\n".join(told) + "\n")
    queries, gallery, first, second = map(str, paths(folder))
    run = ["retrieval", queries, gallery, "--query-vectors", first, "--gallery-vectors", second]
    done = CliRunner().invoke(app, [*run, "--lists", str(folder / "lists.jsonl"), "--top", "2"])
    assert done.exit_code == 0, done.output
    one, other = read_lists(folder / "lists.jsonl")
    assert [(each.id, each.text) for each in one.candidates] == [("b", "about b"), ("a", "about a")]
    assert [each.id for each in other.candidates] == ["c", "a"]
    assert (one.query.text, one.positive, other.positive) == ("about q", {"a"}, {"c"})


def test_where_lists_cannot_be_written_is_said_before_anything_is_measured(folder: Path) -> None:
    queries, gallery, *_ = map(str, paths(folder))
    run = ["retrieval", queries, gallery, "--query-vectors", "nowhere.npy", "--gallery-vectors", "nowhere.npy"]
    done = CliRunner().invoke(app, [*run, "--lists", "lists.csv"])
    assert "lists.csv: lists are written as JSON lines; give it the ending .jsonl" in str(done.exception)


def test_a_right_picture_that_is_in_no_gallery_is_no_candidate_list(folder: Path) -> None:
    for name in ("queries.csv", "gallery.csv"):
        header, *rows = (folder / name).read_text().replace("q,a,b;c", "q,aa;c,").splitlines()
        (folder / name).write_text("\n".join([f"{header},text", *(f"{row},about" for row in rows)]) + "\n")
    with pytest.raises(SourceError, match=r"queries.csv, row 1: 'aa' is no id of .*gallery.csv \(did you mean `a`\?\)"):
        list(candidate_lists(*paths(folder), top=2))


def test_a_row_that_shows_nothing_cannot_be_reranked(folder: Path) -> None:
    queries, gallery, first, second = paths(folder)
    with pytest.raises(SourceError, match="neither `image` nor `text`"):
        list(candidate_lists(queries, gallery, first, second, top=2))
