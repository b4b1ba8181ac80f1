"""`factory eval` as a person meets it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from factory.cli.evaluate import Asks
from factory.cli.main import app
from factory.errors import RecipeError, SourceError
from train.evaluate.presets import PRESETS

RUN = CliRunner()
TRUTH = """\
id,lat,lon,country,city,scene
a,48.85,2.35,FR,Paris,urban
b,35.01,135.77,JP,Kyoto,natural
c,-22.56,17.08,NA,Windhoek,urban
"""
SAID = "id,lat,lon,confidence\na,48.86,2.34,0.9\nb,34.69,135.50,0.4\n"
OTHER = "id,lat,lon\na,40,2\nb,30,130\nc,0,0\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("truth.csv", TRUTH), ("said.csv", SAID), ("other.csv", OTHER)):
        (tmp_path / name).write_text(text)
    return tmp_path


def evaluated(files: Path, *more: str) -> str:
    done = RUN.invoke(
        app, ["eval", str(files / "truth.csv"), "--predictions", str(files / "said.csv"), *more], env={"COLUMNS": "200"}
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


@pytest.mark.parametrize("preset", PRESETS)
def test_the_table_stands_below_its_rules(files: Path, preset: str) -> None:
    shown = evaluated(files, "--preset", preset)
    for rule in ("distance", "within", "failed answer", "denominator", "geocoder", "located by", "intervals"):
        assert f"  {rule}" in shown
    assert "within 2500 km" in shown and "geoscore" in shown and "recall" in shown
    assert "no prediction" in shown


def test_two_runs_are_compared_row_by_row(files: Path) -> None:
    shown = evaluated(files, "--preset", "osv5m", "--against", str(files / "other.csv"))
    assert "diff." in shown and "paired permutation test" in shown


def test_json_is_one_line_that_says_everything(files: Path) -> None:
    plain = orjson.loads(evaluated(files, "--preset", "osv5m", "--json", "--against", str(files / "other.csv")))
    table = {line["name"]: line for line in plain["table"]}
    assert table["within 25 km"]["value"] == pytest.approx(100 / 3)
    assert table["within 200 km"]["value"] == pytest.approx(200 / 3)
    assert table["within 200 km"]["difference"]["value"] == pytest.approx(200 / 3)
    assert plain["failures"] == {"no prediction": 1}
    assert {part["kind"] for part in plain["breakdown"]} == {"country", "continent", "scene"}
    assert plain["calibration"]["n"] == 2 and plain["calibration"]["without"] == 1


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ([], RecipeError, "say by whose rules with --preset: globe, navig, osv5m, pigeon, g3, gaga"),
        (["--preset", "osv5"], RecipeError, r"no preset `osv5` \(did you mean `osv5m`\?\)"),
        (["--preset", "globe", "--locate", "place"], RecipeError, "--locate place: expected one of"),
        (["--preset", "globe", "--against", "nowhere.csv"], SourceError, "nowhere.csv: there is no such file"),
        (["--preset", "globe", "--split", "test"], RecipeError, "is a table, which has no split"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(files: Path, more: list[str], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        evaluated(files, *more)


def test_a_report_is_written_beside_the_numbers(files: Path) -> None:
    evaluated(files, "--preset", "osv5m", "--report", str(files / "page.html"))
    page = (files / "page.html").read_text()
    assert page.startswith("<!doctype html>") and "within 2500 km" in page and "said.csv" in page


def test_interactive_modes_stand_beside_direct_inquiry(files: Path) -> None:
    more = ["--preset", "gaga", "--question", str(files / "other.csv"), "--question-answer", str(files / "said.csv")]
    shown = evaluated(files, *more)
    assert [mode for mode in ("direct", "+Q", "+QA") if f"inquiry   {mode}" in shown] == ["direct", "+Q", "+QA"]
    plain = orjson.loads(evaluated(files, *more, "--json"))
    assert list(plain["modes"]) == ["direct", "+Q", "+QA"]
    assert next(line for line in plain["modes"]["+QA"] if line["name"] == "recall")["difference"]["value"] == 0.0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--report", "page.pdf"], "page.pdf: a report is written as HTML; give it the ending .html"),
        (["--judge", "http://localhost:1/v1"], "give both --judge URL and --judge-model NAME"),
        (["--judge", "http://localhost:1/v1", "--judge-model", "m"], "no answer has any reasoning to judge"),
    ],
)
def test_what_a_report_or_a_judge_needs_is_said(files: Path, more: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        evaluated(files, "--preset", "osv5m", *more)


def test_without_answers_there_is_nothing_to_measure(files: Path) -> None:
    done = RUN.invoke(app, ["eval", str(files / "truth.csv"), "--preset", "globe"])
    assert "say whose answers: --predictions FILE" in str(done.exception)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--predictions", "said.csv", "--model", "m"], "answers come from a file or from a model"),
        (["--model", "m"], "a model is asked the questions of a release; a table has none"),
        (["--model", "m", "--save", "a.csv"], "a.csv: answers are kept as JSON lines"),
    ],
)
def test_a_model_is_asked_in_place_of_a_file(files: Path, more: list[str], message: str) -> None:
    done = RUN.invoke(app, ["eval", str(files / "truth.csv"), "--preset", "globe", *more])
    assert message in str(done.exception)


def answers_of(released: Path, folder: Path) -> None:
    from release.read import open_release

    rows = list(open_release(released).rows("test"))
    lines = [orjson.dumps({"id": row["id"], "text": row["messages"][-1]["content"][0]["text"]}) for row in rows]
    (folder / "said.jsonl").write_bytes(b"\n".join(lines))


def test_the_folder_that_one_is_in_has_its_name(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_of(released, tmp_path)
    monkeypatch.chdir(released)
    page = tmp_path / "page.html"
    run = ["eval", ".", "--predictions", str(tmp_path / "said.jsonl"), "--preset", "globe", "--report", str(page)]
    done = RUN.invoke(app, run)
    assert done.exit_code == 0, done.output
    assert f"<span>on <b>{released.name}</b>" in page.read_text()
    assert Asks(".", None, None, None).named == released


def test_a_released_split_is_evaluated(released: Path, tmp_path: Path) -> None:
    answers_of(released, tmp_path)
    done = RUN.invoke(
        app, ["eval", str(released), "--predictions", str(tmp_path / "said.jsonl"), "--preset", "globe", "--json"]
    )
    plain = orjson.loads(done.stdout)
    table = {line["name"]: line["value"] for line in plain["table"]}
    assert plain["rows"] == 4 and plain["failures"] == {}
    assert table["city DIRE"] == 100.0 and table["within 25 km"] == 100.0
