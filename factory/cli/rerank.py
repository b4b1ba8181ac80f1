"""`factory rerank`: a model behind an endpoint puts a retriever's candidates into a better order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.json_lines import need_jsonl, write_json_lines
from factory.cli.options import AtOnce, Json, MaxCalls, UrlKey, refuse_unused
from factory.cli.out import say
from factory.errors import RecipeError
from factory.text import did_you_mean

if TYPE_CHECKING:
    from train.rerank.candidates import CandidateList
    from train.rerank.run import Reranked


def rerank(
    context: typer.Context,
    lists: Annotated[Path, typer.Argument(metavar="LISTS.jsonl", help="Candidates by query.", show_default=False)],
    url: Annotated[str, typer.Option(help="The model's endpoint, with /v1.", show_default=False)],
    model: Annotated[str, typer.Option(metavar="NAME", help="The model's name there.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The lists in their new order.", show_default=False)],
    method: Annotated[str, typer.Option(help="direct, likert, yes-no, reasoned, pairwise or tournament.")] = "pairwise",
    swap: Annotated[bool, typer.Option(help="Ask each pair in both orders, against position bias.")] = True,
    by: Annotated[str, typer.Option(help="Of pairs: `words`, or `shares` (log probabilities).")] = "words",
    key: UrlKey = None,
    at_once: AtOnce = 16,
    max_calls: MaxCalls = None,
    json: Json = False,
) -> None:
    """Rerank a retriever's candidates by a model's scores or preferences; R@1/3/5 before and after."""
    import asyncio

    from train.rerank.candidates import read_lists
    from train.rerank.run import PAIRED, By, Method, rows_of
    from train.rerank.run import rerank as reranked

    chosen: Method = _one_of(method, Method, "--method")
    how: By = _one_of(by, By, "--by")
    if chosen not in PAIRED:
        refuse_unused(context, ["by", "swap"], f"is of {' and '.join(PAIRED)}, and --method {chosen} asks no pairs")
    need_jsonl(out, "lists are written")
    if out.resolve() == lists.resolve():
        raise RecipeError(f"{out}: is the file that is read; write the new order beside it")
    given = read_lists(lists)
    folder = out.with_name(f"{out.name}.calls")
    models = _models(url, model, key, at_once)
    found = asyncio.run(reranked(given, chosen, models, folder, swap=swap, by=how, max_calls=max_calls))
    write_json_lines(out, rows_of(given, found, method))
    _tell(
        given, found, {"lists": str(lists), "out": str(out), "model": model, "method": method, "ledger": folder}, json
    )


def _models(url: str, model: str, key: str | None, at_once: int) -> dict[str, Any]:
    from train.asking import openai_model
    from train.rerank.run import SHARES_SAMPLING, WORDS_SAMPLING

    kinds = {"words": WORDS_SAMPLING, "shares": SHARES_SAMPLING}
    return {
        name: openai_model(url, model, name=name, api_key_env=key, sampling=dict(sampling), max_in_flight=at_once)
        for name, sampling in kinds.items()
    }


def _one_of(said: str, literal: Any, option: str) -> Any:
    from typing import get_args

    names = get_args(literal)
    if said not in names:
        raise RecipeError(f"{option} {said}: expected one of {', '.join(names)}{did_you_mean(said, names)}")
    return said


def _tell(given: list[CandidateList], found: list[Reranked], told: dict[str, Any], json: bool) -> None:
    from factory.calls.ledger import Ledger
    from factory.cli.console import print_json
    from factory.cli.evaluation import print_table
    from factory.cli.out import tell
    from train.rerank.run import before, table

    with Ledger(told["ledger"] / "ledger.sqlite") as ledger:
        paid = ledger.totals().calls
    counts = {name: sum(getattr(one, name) for one in found) for name in ("asked", "comparisons", "undecided")}
    failures: Counter[str] = sum((Counter(one.failures) for one in found), Counter())
    lines, at_first = table(given, found), before(given)
    if json:
        numbers = [
            {"name": one.name, "before": at_first[one.name], "after": one.interval.value, "n": one.interval.n}
            for one in lines
        ]
        print_json(
            {**told, "ledger": str(told["ledger"]), "calls": paid, **counts, "failures": failures, "table": numbers}
        )
        return
    tell(f"reranked  {len(given):,} lists by {told['method']}: {told['out']}")
    compared = f"{counts['comparisons']:,} comparisons, {counts['undecided']:,} of them undecided"
    tell(f"asked     {counts['asked']:,} questions; {compared}")
    tell(f"calls     {paid:,} paid in all; ledger in {told['ledger']}")
    for reason, count in failures.most_common():
        tell(f"  failed    {count:,}  {reason}")
    if not lines or not lines[0].interval.n:
        say("no list says what is right (`positive`): nothing to measure")
        return
    tell("before    " + ", ".join(f"{name} {100 * value:.2f} %" for name, value in at_first.items()))
    print_table(lines)
