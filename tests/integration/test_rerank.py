"""Reranking through a real endpoint whose model knows the right answer by construction."""

from __future__ import annotations

import re
from base64 import b64decode
from math import log
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import BudgetReached, RecipeError
from factory.teachers.replies import MASKED
from tests.planted_model import BY_WORTH, RIGHT, WORTHS, Planted, listed, planted, write_lists, written
from train.rerank.candidates import read_lists
from train.rerank.run import LISTS_AT_ONCE, By, Method, before, rerank, table

RUN = CliRunner()


async def reranked(model: Planted, folder: Path, method: Method, **options: Any) -> Any:
    (found,) = await rerank([listed()], method, model.models(), folder, **options)
    return found


@pytest.mark.parametrize(("method", "asked"), [("direct", 20), ("likert", 20), ("yes-no", 20), ("reasoned", 40)])
async def test_pointwise_scores_bring_the_planted_order(method: Method, asked: int, tmp_path: Path) -> None:
    with planted() as model:
        found = await reranked(model, tmp_path, method)
    assert list(found.order) == BY_WORTH and found.asked == asked == len(model.bodies) and not found.failures
    assert found.scores == pytest.approx([worth / 100 for worth in WORTHS], abs=0.012)


@pytest.mark.parametrize("by", ["words", "shares"])
async def test_pairs_bring_the_planted_order_and_every_call_is_counted(by: By, tmp_path: Path) -> None:
    """Twenty candidates take 40 to 69 comparisons, each asked in both orders; a tournament decides the first five."""
    with planted() as model:
        found = await reranked(model, tmp_path / "sort", "pairwise", by=by)
        assert list(found.order) == BY_WORTH and found.undecided == 0
        assert 40 <= found.comparisons <= 69 and found.asked == 2 * found.comparisons == len(model.bodies)
        model.bodies.clear()
        found = await reranked(model, tmp_path / "cup", "tournament", by=by)
        assert list(found.order)[:5] == BY_WORTH[:5]
        assert 19 <= found.comparisons <= 39 and found.asked == 2 * found.comparisons == len(model.bodies)


@pytest.mark.parametrize("lean", [40.0, -40.0])
async def test_asking_in_both_orders_removes_a_lean_to_a_position(lean: float, tmp_path: Path) -> None:
    """The odds of both orders are added: the lean cancels, and the order is the planted one. Asked once, it is not."""
    with planted(lean=lean) as model:
        once = await reranked(model, tmp_path / "once", "pairwise", by="shares", swap=False)
        both = await reranked(model, tmp_path / "both", "pairwise", by="shares")
    assert list(once.order) != BY_WORTH and list(both.order) == BY_WORTH


async def test_in_words_a_lean_decides_nothing_where_both_orders_are_asked(tmp_path: Path) -> None:
    """A model that always takes the second turns the list around; asked both ways it leaves it as it came."""
    with planted(lean=-1_000.0) as model:
        once = await reranked(model, tmp_path / "once", "pairwise", swap=False)
        both = await reranked(model, tmp_path / "both", "pairwise")
    assert list(once.order) == list(range(19, -1, -1)) and once.undecided == 0
    assert list(both.order) == list(range(20)) and both.undecided == both.comparisons


@pytest.mark.parametrize("method", ["likert", "yes-no", "pairwise"])
@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("no_scores", lambda _: {}),
        ("masked", lambda scores: dict.fromkeys(scores, MASKED)),
        ("off_label", lambda _: {"I": log(0.9)}),
    ],
)
async def test_without_log_probabilities_there_is_no_score(
    kind: str, sent: Any, method: Method, tmp_path: Path
) -> None:
    with planted(listed=sent) as model:
        found = await reranked(model, tmp_path, method, by="shares")
    assert list(found.order) == list(range(20)) and found.failures == {kind: found.asked}
    assert found.scores in (None, (None,) * 20)


async def test_what_stops_some_lists_stops_those_that_wait(tmp_path: Path) -> None:
    """More lists with pictures than are under way at once: the budget's end is told, and nothing else."""
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.jpg")
    items = [{"id": str(n), "image": "a.jpg", "text": f"worth {n}"} for n in range(2)]
    rows = [{"id": str(n), "query": {"text": f"query {n}"}, "candidates": items} for n in range(LISTS_AT_ONCE + 4)]
    lists = read_lists(write_lists(tmp_path / "lists.jsonl", *rows))
    with planted() as model, pytest.raises(BudgetReached):
        await rerank(lists, "direct", model.models(budget={"calls": 3}), tmp_path / "calls")
    assert len(model.bodies) == 3


async def test_a_stopped_run_repeats_no_call(tmp_path: Path) -> None:
    """Stopped after 30 calls, it goes on; in the end every question was sent once."""
    lists = [listed("a"), listed("b", tuple(reversed(WORTHS)))]
    with planted() as model:
        with pytest.raises(BudgetReached):
            await rerank(lists, "pairwise", model.models(budget={"calls": 30}), tmp_path)
        assert len(model.bodies) == 30
        found = await rerank(lists, "pairwise", model.models(), tmp_path)
        assert len(model.bodies) == len(set(model.bodies))
        once = len(model.bodies)
        assert await rerank(lists, "pairwise", model.models(), tmp_path) == found
        assert len(model.bodies) == once <= sum(one.asked for one in found)


async def test_the_table_has_recalls_before_and_after(tmp_path: Path) -> None:
    """The right one is the sixth, then the first; of another list it is not among the candidates at all."""
    lists = [listed("a"), listed("b")]
    lists[1] = type(lists[1])(*(getattr(lists[1], n) for n in ("id", "query", "candidates")), frozenset({"no"}), {})
    with planted() as model:
        found = await rerank(lists, "direct", model.models(), tmp_path)
    assert before(lists) == {"R@1": 0.0, "R@3": 0.0, "R@5": 0.0} and RIGHT == 5
    lines = {line.name: line for line in table(lists, found)}
    assert [lines[name].interval.value for name in ("R@1", "R@3", "R@5")] == [0.5] * 3
    assert lines["R@1"].interval.n == 2 and lines["R@1"].against is not None and lines["R@1"].against.value == 0.5


def test_the_command_writes_the_lists_in_their_new_order(tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "lists.jsonl", written("a", WORTHS), written("b", (1, 2, 3)))
    out = tmp_path / "better.jsonl"
    with planted() as model:
        command = ["rerank", str(lists), "--url", model.url, "--model", "m", "--out", str(out), "--json"]
        first, again = RUN.invoke(app, command), RUN.invoke(app, command)
    assert first.exit_code == again.exit_code == 0, first.output
    told = orjson.loads(first.stdout)
    assert told == orjson.loads(again.stdout) and told["calls"] == len(model.bodies) == told["asked"]
    assert {line["name"]: (line["before"], line["after"]) for line in told["table"]}["R@1"] == (0.0, 1.0)
    one, other = read_lists(out)
    assert [candidate.id for candidate in one.candidates] == [f"c{at}" for at in BY_WORTH]
    assert [candidate.id for candidate in other.candidates] == ["c2", "c1", "c0"]


def test_the_command_prints_what_was_asked_and_the_table(tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "lists.jsonl", written("a", (1, 2, 3)))
    with planted() as model:
        out = str(tmp_path / "better.jsonl")
        done = RUN.invoke(app, ["rerank", str(lists), "--url", model.url, "--model", "m", "--out", out])
    assert "6 questions; 3 comparisons, 0 of them undecided" in done.stdout or "4 questions" in done.stdout
    assert "R@1" in done.stdout and "before" in done.stdout


def test_a_wrong_option_is_named(tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "lists.jsonl", written("a", (1, 2, 3)))
    command = [
        "rerank",
        str(lists),
        "--url",
        "http://localhost:9/v1",
        "--model",
        "m",
        "--out",
        str(tmp_path / "o.jsonl"),
    ]
    for more, wanted in (
        (("--method", "pairwize"), "did you mean `pairwise`"),
        (("--out", str(lists)), "is the file that is read"),
        (("--out", "x.csv"), ".jsonl"),
        (("--url", "ftp://x"), "http"),
    ):
        done = RUN.invoke(app, [*command, *more])
        assert isinstance(done.exception, RecipeError) and wanted in str(done.exception)


async def test_pictures_are_sent_without_metadata_and_one_that_is_none_is_counted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Kazan, the secret place"
    for name in ("query", "c0", "c1"):
        Image.new("RGB", (64, 64), "red").save(tmp_path / f"{name}.jpg", exif=exif)
    (tmp_path / "c2.jpg").write_bytes(b"\xff\xd8 no picture")
    candidates = [{"id": f"c{n}", "image": f"c{n}.jpg", "text": f"worth {n}"} for n in range(3)]
    row = {"id": "q", "query": {"image": "query.jpg"}, "candidates": candidates}
    lists = read_lists(write_lists(tmp_path / "lists.jsonl", row))
    with planted() as model:
        (found,) = await rerank(lists, "yes-no", model.models(), tmp_path / "calls")
    assert list(found.order) == [1, 0, 2] and found.asked == 2
    assert list(found.failures.values()) == [1] and next(iter(found.failures)).startswith("picture: ")
    shown = [b64decode(data) for body in model.bodies for data in re.findall(rb"base64,([^\"]+)", body)]
    assert len(shown) == 4 and not any(b"secret" in jpeg for jpeg in shown)
