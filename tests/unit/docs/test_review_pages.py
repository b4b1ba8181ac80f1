"""The pages for annotators and leads say what the screens have."""

from __future__ import annotations

import re
from pathlib import Path

from annotation.controls import CRITERIA, FLAGS, JUDGEMENTS, MOST_REASONING, VERDICTS
from annotation.screens.config import CLUE_KEYS, FLAG_KEYS, LAYOUTS, VERDICT_KEYS
from annotation.screens.pairs import KEYS
from annotation.screens.wording import words_of
from tests.pages import table

DOCS = Path(__file__).resolve().parents[3] / "docs"
ANNOTATORS, LEADS = ((DOCS / f"review-{who}.md").read_text() for who in ("annotators", "leads"))
WORDS = words_of("en")


def rows(page: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines() if "|" in line]


def test_every_verdict_and_flag_is_told_with_its_key() -> None:
    told = {row[0]: row[1] for row in rows(ANNOTATORS)}
    for names, keys in ((VERDICTS, VERDICT_KEYS), (FLAGS, FLAG_KEYS)):
        for name, key in zip(names, keys, strict=True):
            assert told[WORDS[name]] == key


def test_every_judgement_is_told_with_its_keys() -> None:
    told = {row[0]: row[1] for row in rows(ANNOTATORS)}
    for row, name in enumerate(JUDGEMENTS):
        keys = [column[row] for column in CLUE_KEYS]
        shown = " ".join(keys) if name != "not_visible" else f"{keys[0]} ... {keys[-1]}"
        assert told[WORDS[name]] == shown


def test_every_family_has_its_screen_told() -> None:
    told = {family: row for row in rows(LEADS) for family in re.findall(r"`(\w+)`", row[0])}
    assert told.keys() == LAYOUTS.keys()
    for family, layout in LAYOUTS.items():
        assert bool(told[family][1]) == (layout.clues is not None)
        assert bool(told[family][2]) == layout.text
    assert f"{MOST_REASONING:,} characters" in LEADS


def test_pictures_are_small() -> None:
    shown = re.findall(r"\]\((images/[\w.-]+)\)", ANNOTATORS + LEADS)
    assert len(shown) == 3
    assert {f"images/{path.name}" for path in (DOCS / "images").iterdir()} == set(shown)
    assert all((DOCS / name).stat().st_size < 150_000 for name in shown)


def test_every_criterion_of_pairs_is_told() -> None:
    told = table((DOCS / "review.md").read_text(), "criterion")
    assert [row[0].strip("`") for row in told] == [*CRITERIA]
    keys = ", ".join(" ".join(row) for row in KEYS[:-1]) + " and " + " ".join(KEYS[-1])
    assert keys in " ".join((DOCS / "review.md").read_text().split())
