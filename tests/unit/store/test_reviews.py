from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from factory.errors import CorruptBuild
from factory.store.reviews import decided_by, final_decision, read_reviews
from tests.build_fixture import make_build
from tests.rich_build import decide

TABLE = [
    ("accept", None, None, "accept"),
    ("accept", "reject", None, "reject"),
    ("review", "accept", None, "accept"),
    ("reject", "accept", None, "accept"),
    ("review", "reject", None, "reject"),
    ("quarantine", "accept", None, "quarantine"),
    (None, "accept", None, None),
    (None, None, None, None),
    ("review", "accept", "nothing_to_release", "review"),
    ("reject", "accept", "tells_the_truth", "reject"),
    ("review", "reject", "nothing_to_release", "reject"),
    ("review", None, "nothing_to_release", "review"),
    ("accept", "review", None, "review"),
    ("reject", "review", None, "reject"),
    ("review", "review", None, "review"),
    ("quarantine", "review", None, "quarantine"),
]


@pytest.mark.parametrize(("verdict", "person", "unreleasable", "final"), TABLE)
def test_people_have_the_last_word_over_what_can_be_released(
    verdict: str | None, person: str | None, unreleasable: str | None, final: str | None
) -> None:
    assert decided_by(verdict, person, unreleasable) == final
    given = {"v": [verdict], "p": [person], "u": [unreleasable]}
    frame = pl.DataFrame(given, schema=dict.fromkeys(given, pl.String))
    assert frame.select(final_decision(*map(pl.col, given))).item() == final


def test_without_a_file_nobody_has_decided_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    assert read_reviews(build.paths).is_empty()
    decide(build, ("s000", "accept", "fine"))
    assert read_reviews(build.paths)["note"].to_list() == ["fine"]
    decide(build, ("s000", "accept", ""), ("s001", "<b>maybe</b>", ""))
    with pytest.raises(CorruptBuild, match=r"decisions\.parquet: sample 's001'"):
        read_reviews(build.paths)
    build.paths.decisions.write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"decisions\.parquet"):
        read_reviews(build.paths)


@pytest.mark.parametrize(("columns", "lacks"), [({"name": ["s000"]}, "decision"), ({"id": ["s000"]}, "decision")])
def test_decisions_without_their_columns_are_named(tmp_path: Path, columns: dict[str, list[str]], lacks: str) -> None:
    build = make_build(tmp_path / "b")
    build.paths.decisions.parent.mkdir()
    pl.DataFrame(columns).write_parquet(build.paths.decisions)
    with pytest.raises(CorruptBuild, match=f"decisions.parquet: has no column `{lacks}`; expected id, decision and,"):
        read_reviews(build.paths)
