"""What to look at next, and what audits prove: beside numbers from tables and the definitions themselves."""

from __future__ import annotations

from math import comb

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.choose import Interval, audit_sample, audits_needed, by_gain, exact, most_wrong, wilson

MANY = 10_000_000
"""Rows, as good as endless."""


def candidates(*rows: tuple[str, str, list[str], float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["id", "kind", "reasons", "uncertainty"], orient="row")


def looked(*rows: tuple[str, list[str], bool]) -> pl.DataFrame:
    schema = {"kind": pl.String, "reasons": pl.List(pl.String), "changed": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_before_anybody_looked_disputes_come_before_audits_and_the_least_sure_first() -> None:
    found = by_gain(
        candidates(("a", "audit", [], 0.9), ("b", "dispute", ["x"], 0.1), ("c", "dispute", ["y"], 0.7)), looked()
    )
    assert found["id"].to_list() == ["c", "b", "a"]
    assert found["gain"].to_list() == pytest.approx([0.5, 0.5, 0.05])


def test_what_people_promote_is_looked_at_first_by_hand() -> None:
    """Of reason x all three were promoted, of y none of three. Rate of all: (3 + 4 / 2) / (6 + 4) = 1/2. Of x
    (3 + 2) / 7, of y 2 / 7, and of z, which nobody saw, 1/2."""
    seen = looked(*[("dispute", ["x"], True)] * 3, *[("dispute", ["y"], False)] * 3)
    rows = candidates(("y", "dispute", ["y"], 0.5), ("z", "dispute", ["z"], 0.5), ("x", "dispute", ["x"], 0.5))
    found = by_gain(rows, seen)
    assert found["id"].to_list() == ["x", "z", "y"]
    assert found["gain"].to_list() == pytest.approx([5 / 7, 1 / 2, 2 / 7])
    assert by_gain(rows, seen, overlap=3)["gain"].to_list() == pytest.approx([5 / 21, 1 / 6, 2 / 21])


def test_audits_go_first_where_people_find_more_wrong_than_they_promote() -> None:
    seen = looked(*[("dispute", ["x"], False)] * 20, *[("audit", [], True)] * 20)
    found = by_gain(candidates(("d", "dispute", ["x"], 0.9), ("a", "audit", [], 0.1)), seen)
    assert found["id"].to_list() == ["a", "d"]


def test_an_audit_is_the_same_whatever_else_is_accepted_and_only_grows() -> None:
    ids = pl.Series([f"s{at}" for at in range(1000)])
    small, large = {*audit_sample(ids, 0.02)}, {*audit_sample(ids, 0.05)}
    assert (len(small), len(large)) == (20, 50) and small < large
    without = ids.filter(~ids.is_in(["s1", "s2"]))
    assert len({*audit_sample(without, 0.02)} & small) >= 18
    assert len(audit_sample(ids.head(3), 0.02)) == 1
    assert len(audit_sample(ids, 0.0)) == 0 == len(audit_sample(ids.head(0), 0.5))


def test_wilson_as_published() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148."""
    assert wilson(81, 263, population=MANY) == _near(0.2553, 0.3662)
    assert wilson(15, 148, population=MANY) == _near(0.0624, 0.1605)
    assert wilson(0, 20, population=MANY) == _near(0.0, 0.1611)


def test_clopper_pearson_as_published() -> None:
    """Newcombe (1998), table I, method 5."""
    assert exact(81, 263, population=MANY) == _near(0.2527, 0.3676)
    assert exact(15, 148, population=MANY) == _near(0.0578, 0.1617)
    assert exact(0, 20, population=MANY) == _near(0.0, 0.1684)
    assert exact(20, 20, population=MANY).high == 1.0


def _near(low: float, high: float) -> Interval:
    class Near(Interval):
        def __eq__(self, other: object) -> bool:
            assert isinstance(other, Interval)
            return abs(other.low - self.low) < 6e-5 and abs(other.high - self.high) < 6e-5

        __hash__ = Interval.__hash__

    return Near(low, high)


def test_who_looked_at_everything_knows() -> None:
    assert exact(3, 100, population=100) == Interval(0.03, 0.03) == wilson(3, 100, population=100)


def test_a_small_population_narrows() -> None:
    for interval in (wilson, exact):
        half, huge = interval(3, 50, population=100), interval(3, 50, population=MANY)
        assert half.high - half.low < huge.high - huge.low


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))), st.data())
def test_the_exact_bound_is_that_of_the_definition(sizes: tuple[int, int], data: st.DataObject) -> None:
    """The most wrong rows M for which so few wrong ones are seen with a chance of more than 5 %, by counting."""
    population, seen = sizes
    wrong = data.draw(st.integers(0, seen))

    def chance(total: int) -> float:
        ways = sum(comb(total, k) * comb(population - total, seen - k) for k in range(wrong + 1))
        return ways / comb(population, seen)

    possible = [total for total in range(wrong, population - seen + wrong + 1) if chance(total) > 0.05 + 1e-12]
    assert most_wrong(wrong, seen, population) == max(possible, default=wrong)


def test_how_many_audits_the_promise_takes_is_said_before() -> None:
    """Of very many rows none wrong: 0.98^n < 0.05 from 149 on. Of 10,000 fewer, since each look leaves one less; with
    one wrong among them more."""
    assert audits_needed(10_000_000, below=0.02) == 149
    needed = audits_needed(10_000, below=0.02)
    assert needed == 148
    assert most_wrong(0, needed, 10_000) < 200 <= most_wrong(0, needed - 1, 10_000)
    assert (audits_needed(10_000, below=0.02, wrong=1) or 0) > needed
    assert audits_needed(100, below=0.02) == 78


def test_a_promise_that_is_broken_already_is_none() -> None:
    assert audits_needed(100, below=0.02, wrong=2) is None
    assert audits_needed(0, below=0.02) is None
    with pytest.raises(ValueError, match="expected 0 < below <= 1"):
        audits_needed(10, below=0)
    with pytest.raises(ValueError, match="no sample has such numbers"):
        wilson(3, 2, population=MANY)
