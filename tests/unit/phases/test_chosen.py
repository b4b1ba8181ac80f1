"""`--select` and `--exclude`, read."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import RecipeError
from factory.phases.chosen import read_choice, state_of
from factory.store.layout import ShardPaths
from tests.build_fixture import make_build

NAMES = ("plan", "work", "verify", "select", "release", "report")


@pytest.mark.parametrize(
    ("select", "exclude", "chosen"),
    [
        ((), (), NAMES),
        (("verify",), (), ("verify",)),
        (("+verify",), (), NAMES[:3]),
        (("verify+",), (), NAMES[2:]),
        (("+work", "release+"), (), ("plan", "work", "release", "report")),
        (("+work,release",), (), ("plan", "work", "release")),
        ((), ("release+",), NAMES[:4]),
        (("verify+",), ("report",), NAMES[2:5]),
        (("shard:3",), (), NAMES),
    ],
)
def test_phases_with_those_before_and_after(
    select: tuple[str, ...], exclude: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert read_choice(select, exclude, NAMES).phases == {*chosen}


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("relase", "did you mean `release`"),
        ("state:faild", "did you mean `failed`"),
        ("shard:x", "expected shard:3"),
        ("shrd:3", "did you mean `shard`"),
    ],
)
def test_a_wrong_term_is_named_with_the_nearest(term: str, told: str) -> None:
    for option, given in (("--select", ((term,), ())), ("--exclude", ((), (term,)))):
        with pytest.raises(RecipeError, match=told) as error:
            read_choice(*given, NAMES)
        assert str(error.value).startswith(f"{option} {term}")


def test_nothing_left_is_refused() -> None:
    with pytest.raises(RecipeError, match="nothing is left"):
        read_choice(("verify",), ("verify",), NAMES)


def test_shards_are_taken_by_number_and_left_out_by_number() -> None:
    choice = read_choice(("shard:2-4",), ("shard:3",), NAMES)
    taken = [number for number in range(6) if choice.takes(ShardPaths(Path("none")), number)]
    assert taken == [2, 4] and choice.some_shards


def test_a_shard_is_new_stopped_answered_or_failed_by_its_files(tmp_path: Path) -> None:
    shard = make_build(tmp_path / "build", samples=6).paths.shard(0)
    assert state_of(shard) == "answered"
    shard.report.write_text(shard.report.read_text().rstrip()[:-1] + ', "passing": {"timeout": 1}}')
    assert state_of(shard) == "failed"
    assert read_choice(("state:answered",), (), NAMES).takes(shard, 0), "failed rows lie in answered shards"
    shard.report.unlink()
    assert state_of(shard) == "stopped"
    shard.ledger.unlink()
    assert state_of(shard) == "new"
