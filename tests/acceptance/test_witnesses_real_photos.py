"""The ablation of `ocr` and `facts` on two sets of real photos; docs/witnesses.md shows the table it prints.

Reading 215 photos takes some 5 minutes of a core, so it runs only when it is asked for: FACTORY_ABLATION=1.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import recorded
from tests.witnessed import lines_in, measured, of_kind, witnessed

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
SETS = {"photos": "source_repo", "photos2": "trip"}
"""The folders, and the column of what belongs together."""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not os.environ.get("FACTORY_ABLATION") or not all((SHARED / name / "responses").is_dir() for name in SETS),
        reason="reads photos for minutes: set FACTORY_ABLATION=1, and FACTORY_SHARED where the photos lie elsewhere",
    ),
]


@pytest.mark.parametrize("name", SETS)
def test_on_real_photos_neither_is_worth_much_and_neither_does_harm(name: str) -> None:
    """As it is, not as wished: few photos have a sign that can be read, and their teachers read it, too."""
    folder = SHARED / name
    recordings = [folder / "responses" / f"teacher_{teacher}.jsonl" for teacher in "ab"]
    plain = recorded.cases(folder / "photos.csv", recordings, author=SETS[name])
    read = {case.sample.id: lines_in(_photo(folder, case.sample.images[0].locator)) for case in plain.values()}
    cases = witnessed(plain.values(), read)
    quotes = of_kind(cases, "quote")
    print(f"{name} | {len(cases)} photos, {sum(map(bool, read.values()))} with text | quotes in them {len(quotes)}, "
          f"read {sum(one.box is not None for one in quotes)} | towns {len(of_kind(cases, 'place'))}")  # fmt: skip
    found = measured(cases)
    for one in found:
        counts = ", ".join(f"{at.right_with}/{at.right_without} of {at.accepted}" for at in one.at)
        print(f"{name} | {one.source} | {counts} | {one.words} | {one.spoke_for} {one.spoke_against}")
    assert [one.source for one in found] == ["agreement", "facts", "ocr"]
    assert all(one.verdict != "costs" for one in found)


def _photo(folder: Path, locator: str) -> Path:
    return next(path for path in (folder / locator, folder / "images" / locator) if path.is_file())
