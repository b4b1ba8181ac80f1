"""docs/publishing.md: every option of its commands, every reason and every answer of the Hub that it speaks of."""

from __future__ import annotations

import re

import pytest
import typer

from factory.cli.main import app
from factory.fetch import fetcher as fetch
from factory.redact import CLIENTS_OWN
from release import file_push, hub, hub_push
from release.file_push import STORES
from release.hydrate import Hydrating
from tests.pages import REPOSITORY, page, sections, table

PAGE = page("docs/publishing.md")
PARTS = sections(PAGE)
HYDRATE = PARTS["Pictures that may not be passed on"]


def options(command: str) -> set[str]:
    """Every option, by its first name."""
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option.opts[0] for option in found if option.opts[0].startswith("--")} - {"--help"}


def listed(text: str) -> set[str]:
    return {re.findall(r"--[a-z-]+", row[0])[0] for row in table(text, "option")}


def test_every_option_of_push_is_told() -> None:
    assert listed(PARTS["Push to the Hub"]) | {"--to"} == options("push")
    assert "--to" in PARTS["Push to a folder or S3"]


def test_every_option_of_space_is_told() -> None:
    assert listed(PARTS["The viewer as a Space"]) == options("space")


def test_every_option_of_hydrate_is_told_with_its_default() -> None:
    assert listed(HYDRATE) == options("hydrate")
    told = {row[0].strip("`").split()[0]: row[1] for row in table(HYDRATE, "option")}
    found = typer.main.get_command(app).commands["hydrate"].params  # type: ignore[attr-defined]
    defaults = {option.opts[0]: option.default for option in found}
    for name in ("--at-once", "--per-host", "--per-second"):
        assert float(told[name]) == defaults[name]
    how = Hydrating()
    assert (how.at_once, how.manners.per_host, 1 / how.manners.pause_s) == (16, 2, 10)


@pytest.mark.parametrize("status", sorted({*hub._REMEDIES, *hub._AGAIN} - {408, 500, 502, 503, 504}))
def test_every_answer_of_the_hub_is_told(status: int) -> None:
    codes = {
        code for row in table(PARTS["Push to the Hub"], "the Hub answers") for code in re.findall(r"\d{3}", row[0])
    }
    assert str(status) in codes | {"429"}


def test_every_reason_of_fetching_is_told() -> None:
    told = {reason for row in table(HYDRATE, "reason") for reason in re.findall(r"`(\w+)`", row[0])}
    files = ("factory/fetch/fetcher.py", "factory/fetch/body.py", "factory/fetch/public.py", "release/hydrate.py")
    sources = "".join((REPOSITORY / file).read_text() for file in files)
    used = set(re.findall(r'(?:Missing|Absent|Refused)\("(\w+)"', sources)) | set(fetch._REASONS.values())
    assert used == told


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert "up to 120 s" in PAGE and hub.MAX_WAIT_S == 120
    assert "within 120 s" in HYDRATE and fetch.WHOLE_S == 120
    assert "tried four times" in HYDRATE and fetch.TRIES == 4
    assert "more than five redirects" in HYDRATE and fetch.REDIRECTS == 5
    assert "four times" in PARTS["Push to the Hub"] and hub_push._LOOKS == 4
    assert file_push.CONDITIONAL <= STORES
    assert {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY"} <= set(CLIENTS_OWN)
