"""docs/endpoints.md says what a failing endpoint does to a build: every figure of its table is measured here.

`RENEW_GOLDEN=1` writes the table anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from factory.errors import EnvironmentFault
from schemas.settings import BudgetLimits
from tests.asking import charged_to
from tests.endpoint_asking import asking, picture
from tests.fake_endpoint import Running, running_endpoint
from tests.pages import REPOSITORY, page, table
from tests.real_build import factory, make_photos, write_recipe

SAMPLES = 12
SETTINGS: Mapping[str, Any] = {"attempts": 2, "stop_after": 8, "max_in_flight": 1}
USAGE = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
WELL = {"kind": "usage", "usage": USAGE, "billed": 1000}
"""An answer as it should be."""
TWO = [hashlib.sha256(picture(number)).hexdigest() for number in (3, 7)]


def says(message: str, status: int = 400, **more: Any) -> dict[str, Any]:
    return {"kind": "bad_request", "status": status, "message": message, **more}


def answers(kind: str) -> dict[str, Any]:
    """Every answer in a shape of its own; it takes 1,000 tokens as any other."""
    return {"kind": kind, "billed": 1000}


CASES: Mapping[str, list[dict[str, Any]]] = {
    "nothing": [],
    "400: the credit balance is too low": [says("Your credit balance is too low")],
    "401 in a compressed body": [{"kind": "unauthorized", "headers": {"Content-Encoding": "gzip"}}],
    "400: at most 0 images": [says("At most 0 image(s) may be provided")],
    "400: a parameter is not supported": [says("Unsupported parameter: 'temperature' is not supported")],
    "413 of a proxy, for all": [says("Request Entity Too Large", 413)],
    "413 of a proxy, for two pictures": [says("Request Entity Too Large", 413, image=one) for one in TWO],
    "500, for all": [{"kind": "error_500"}],
    "500, every third call": [{"kind": "error_500", "every": 3}],
    "an error in a 200, every third call": [{"kind": "error_in_choice", "every": 3}],
    "a 200 without a word, every third call": [{"kind": "no_output", "every": 3}],
    "429 without a time, three times": [{"kind": "rate_limited", "count": 3}],
    "429, retry-after-ms, six times": [{"kind": "rate_limited", "count": 6, "headers": {"retry-after-ms": "50"}}],
    '429, "try again in 0.05s", six times': [{"kind": "rate_limited", "count": 6, "message": "try again in 0.05s"}],
    '503 "Loading model", four times': [{"kind": "unavailable", "message": "Loading model", "count": 4}],
    "500 for `response_format`": [{"kind": "no_schema", "status": 500}],
    "400 with the word schema, for two pictures": [says("the schema of the picture is odd", image=one) for one in TWO],
    "400 of its moderation, for two pictures": [says("flagged by moderation", image=one) for one in TWO],
    "the answer among its thoughts": [answers("only_thought")],
    "the answer in a tool call": [answers("tool_call")],
    "a draft before the answer": [answers("drafts")],
    "250,000 characters of thought": [answers("long_thought")],
    "a byte order mark, -Infinity, a lone surrogate": [answers("odd_json")],
    "no usage": [{"kind": "usage", "usage": None, "billed": 1000}],
    "usage in floats": [{**WELL, "usage": {"prompt_tokens": 900.0, "completion_tokens": 100.0}}],
    "reasoning in `total_tokens` only": [{**WELL, "usage": {**USAGE, "total_tokens": 4000}, "billed": 4000}],
}


@dataclass(frozen=True)
class Seen:
    answered: int
    stopped: str
    stats: Mapping[str, Any]
    counted: int


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_endpoint(tmp_path_factory.mktemp("endpoint"), quiet=True) as running:
        yield running


async def run(endpoint: Running, folder: Path, plan: list[dict[str, Any]]) -> Seen:
    """One run over all samples, one call at a time, until something stops it."""
    endpoint.follow([*plan, WELL])
    answered, stopped = 0, ""
    async with asking(folder, endpoint.url, limits=BudgetLimits(tokens=10**9), **SETTINGS) as question:
        try:
            for number in range(SAMPLES):
                answered += (await question(number)).place is not None
        except EnvironmentFault as fault:
            alike = "questions failed alike" in str(fault)
            stopped = "stops: all alike" if alike else f"stops: {re.findall(r'v1: ([a-z_0-9]+): ', str(fault))[0]}"
        counted = charged_to(question.desk.budget)["t"].tokens  # type: ignore[attr-defined]
    return Seen(answered, stopped, endpoint.stats(), counted)


async def measured(endpoint: Running, folder: Path, name: str) -> list[str]:
    first = await run(endpoint, folder, CASES[name])
    second = await run(endpoint, folder, [])
    figures = (first.answered, first.stats["requests"], first.stats["billed"], first.counted)
    again = f"{second.stats['requests']} calls, {second.answered} answered"
    return [name, *(f"{figure:,}" for figure in figures), first.stopped or "goes on", again]


def renew(rows: list[list[str]]) -> None:
    """Writes the rows of the table anew; its head stays."""
    path = REPOSITORY / "docs" / "endpoints.md"
    before, head, rest = path.read_text(encoding="utf-8").partition("| the endpoint says |")
    lines = (head + rest).splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("|"))
    lines[2:end] = [f"| {' | '.join(row)} |" for row in rows]
    path.write_text(before + "\n".join(lines) + "\n", encoding="utf-8")


async def test_the_table_says_what_happens(endpoint: Running, tmp_path: Path) -> None:
    rows = [await measured(endpoint, tmp_path / str(number), name) for number, name in enumerate(CASES)]
    if os.environ.get("RENEW_GOLDEN"):
        renew(rows)
    assert table(page("docs/endpoints.md"), "the endpoint says") == rows


def test_no_budget_of_the_table_leaks() -> None:
    for name, _, _, billed, counted, _, _ in table(page("docs/endpoints.md"), "the endpoint says"):
        assert int(counted.replace(",", "")) >= int(billed.replace(",", "")), name


def test_retry_and_a_new_threshold_ask_again_what_a_mended_proxy_can_answer(endpoint: Running, tmp_path: Path) -> None:
    make_photos(tmp_path, SAMPLES)
    endpoint.follow([says("Request Entity Too Large", 413, every=4), WELL])
    recipe = write_recipe(tmp_path, endpoint.url)
    once = ("--workers", "1", "--json", "--set", "build.max_quarantined_share=1", "--set", "teachers.0.max_in_flight=1")

    def built(*more: str) -> dict[str, Any]:
        done = factory("build", recipe, *once, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    assert built()["counts"]["reasons"]["teachers:exhausted"] == 3
    assert built()["calls_now"] == 0, "nobody said that it is mended"
    endpoint.follow([says("Request Entity Too Large", 413, every=2), WELL])
    threshold = ("--set", "verify.checks.near_truth.tier=country")
    assert built(*threshold)["calls_now"] == 3, "a new build asks what is not settled"
    endpoint.follow([WELL])
    assert built("--retry")["calls_now"] == 1, "the other two were answered to the other build"
    again = built(*threshold, "--retry")
    assert again["calls_now"] == 0
    assert "teachers:exhausted" not in again["counts"]["reasons"]
