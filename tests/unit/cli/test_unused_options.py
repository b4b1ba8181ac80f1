"""An option that would do nothing beside the others is refused by name, before anything is read, asked or sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import RecipeError

RUN = CliRunner()
ASKED = ("--url", "http://127.0.0.1:9/v1", "--model", "m")
EVAL = ("eval", "t.csv", "--preset", "g3", "--predictions", "p.csv")
RERANK = ("rerank", "l.jsonl", *ASKED, "--out", "o.jsonl")
NAVIG = ("navig", "t.csv", *ASKED, "--out", "out", "--parts")
RETRIEVAL = ("retrieval", "q.csv", "g.csv", "--query-vectors", "q.npy", "--gallery-vectors", "g.npy")


def refused(words: tuple[str, ...]) -> str:
    done = RUN.invoke(app, words)
    assert isinstance(done.exception, RecipeError), (done.output, done.exception)
    return str(done.exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*EVAL, "--endpoint-key", "K"), "--endpoint-key: is the key of --endpoint, which is missing"),
        (
            ("eval", "r", "--preset", "g3", "--model", "m", "--endpoint-key", "K"),
            "--endpoint-key: is the key of --endpoint",
        ),
        ((*EVAL, "--judge-key", "K"), "--judge-key: is the key of --judge, which is missing"),
        ((*RERANK, "--method", "likert", "--by", "shares"), "--by: is of pairwise and tournament, and --method likert"),
        ((*RERANK, "--method", "yes-no", "--no-swap"), "--swap/--no-swap: is of pairwise and tournament"),
        ((*RERANK, "--method", "direct", "--by", "words"), "--by: is of"),
        ((*NAVIG, "map", "--clues", "c.csv"), "--clues: is of the part guidebook, which --parts leaves out"),
        ((*NAVIG, "reasoner", "--boxes", "b.jsonl"), "--boxes: is of the parts details and map"),
        ((*NAVIG, "details", "--nominatim", "http://x"), "--nominatim: is of the part map"),
        ((*NAVIG, "none", "--reasoner", "r"), "--reasoner: is of the part reasoner"),
        ((*NAVIG, "none", "--preset", "g3"), "--preset: is of the table that --ablation prints"),
        ((*NAVIG, "none", "--split", "test"), "--split: is of a release, and a table has none"),
        ((*RETRIEVAL, "--top", "5"), "--top: is how many candidates --lists gets, which is missing"),
        (("push", "r", "--to", "there", "--at-once", "2"), "--at-once: is of the Hub"),
        (("push", "r", "--to", "there", "--private"), "--public/--private: is of the Hub"),
        (("push", "r", "--to", "there", "--tag", "v1"), "--tag: is of the Hub"),
        (("demo", "--copy", "there", "--out", "b"), "--out: holds builds, and --copy makes none"),
        (("doctor", "--profile", "laptop"), "--profile/-p: is of a recipe, and none is given"),
        (("doctor", "--set", "a=b"), "--set/-s: is of a recipe"),
        (("review", "push", "b", "--qualify", "--gold", "g", "--budget", "3"), "--budget: is of what comes beside"),
        (("review", "push", "b", "--qualify", "--gold", "g", "--recipe", "r"), "--recipe: is of what comes beside"),
        (("review", "decide", "b", "--lead", "ann"), "--lead: says who speaks, and nothing is said"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_without_effect_is_refused(words: tuple[str, ...], told: str) -> None:
    assert refused(words).startswith(told)


def test_the_same_words_are_taken_where_they_count(tmp_path: Path) -> None:
    """The next thing that is wrong is told."""
    for words in (
        ("eval", "r", "--preset", "g3", "--model", "m", "--endpoint", "http://x/v1", "--endpoint-key", "K"),
        (*RERANK, "--method", "tournament", "--by", "shares", "--no-swap"),
        (*NAVIG, "map", "--boxes", "b.jsonl", "--nominatim", "http://x"),
        (*NAVIG, "none", "--ablation", "--preset", "g3"),
        (*RETRIEVAL, "--top", "5", "--lists", "l.jsonl"),
    ):
        done = RUN.invoke(app, words)
        assert done.exception is not None and "leave it out" not in str(done.exception), words


def test_processes_are_of_training_runs(tmp_path: Path) -> None:
    recipe = Path(__file__).resolve().parents[3] / "recipes" / "mp16_reason.yaml"
    assert refused(("recipe", "check", str(recipe), "--processes", "2")).startswith("--processes: is of training runs")
