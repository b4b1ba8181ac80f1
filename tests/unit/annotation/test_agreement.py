"""Agreement beside values computed by hand, and what holds of it for any ratings."""

from __future__ import annotations

from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation import agreement
from annotation.agreement import fleiss_kappa, krippendorff_alpha, pairwise, percent_agreement
from annotation.words import REFUSED
from schemas import arrow
from tests.annotations import said


def ratings(**units: str) -> pl.DataFrame:
    """Values by unit, a letter a rater; a dot is no rating."""
    rows = [
        {"rater": f"r{at}", "unit": unit, "value": None if value == "." else value}
        for unit, values in units.items()
        for at, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema={"rater": pl.String, "unit": pl.String, "value": pl.String})


def test_alpha_of_two_raters_by_hand() -> None:
    """Four units: aa, aa, bb, ab. Values: 5 a, 3 b, n = 8. Observed: one unit of two differs, 2 pairs of (2 - 1) = 2.
    Expected: (64 - 25 - 9) / 7 = 30 / 7. Alpha = 1 - 2 * 7 / 30 = 16 / 30."""
    assert krippendorff_alpha(ratings(u="aa", v="aa", w="bb", x="ab")) == pytest.approx(16 / 30)


def test_alpha_of_krippendorff_s_own_example_with_missing_values() -> None:
    """The reliability data of twelve units and four observers of "Computing alpha" (Krippendorff 2011, C): 0.743."""
    a = "12332 1 4 1 2 . . .".replace(" ", "")
    b = "12332 2 4 1 2 5 . 3".replace(" ", "")
    c = ".3332 3 4 2 2 5 1 .".replace(" ", "")
    d = "12332 4 4 1 2 5 1 .".replace(" ", "")
    columns = {f"u{at:02d}": "".join(row[at] for row in (a, b, c, d)) for at in range(12)}
    assert krippendorff_alpha(ratings(**columns)) == pytest.approx(0.743, abs=0.0005)


def test_kappa_by_hand() -> None:
    """Three raters of four units: aaa, aab, abb, bbb. Agreement 1, 1/3, 1/3, 1: mean 2/3. Both values have half of the
    ratings: chance 1/2. Kappa = (2/3 - 1/2) / (1/2) = 1/3."""
    assert fleiss_kappa(ratings(u="aaa", v="aab", w="abb", x="bbb")) == pytest.approx(1 / 3)


def test_kappa_takes_the_units_with_as_many_ratings_as_most_have() -> None:
    assert fleiss_kappa(ratings(u="aaa", v="aab", w="abb", x="bbb", y="ab", z="a")) == pytest.approx(1 / 3)


def test_pairs_that_agree_by_hand() -> None:
    """aab: one of three pairs; bb: one of one; a single rating is no pair."""
    assert percent_agreement(ratings(u="aab", v="bb", w="a")) == pytest.approx(2 / 4)


def test_what_the_data_cannot_say_is_none() -> None:
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert measure(ratings(u="a", v="b")) is None
        assert measure(ratings(u="aa", v="aa")) is None
        assert measure(ratings()) is None
    assert percent_agreement(ratings(u="a")) is None


def test_two_ratings_of_one_unit_by_one_rater_are_refused() -> None:
    twice = pl.DataFrame({"rater": ["r", "r"], "unit": ["u", "u"], "value": ["a", "b"]})
    with pytest.raises(ValueError, match="two ratings of one unit"):
        krippendorff_alpha(twice)


UNITS = st.lists(st.text("abc.", min_size=2, max_size=4), min_size=1, max_size=8)


@settings(deadline=None, max_examples=100)
@given(UNITS)
def test_alpha_is_that_of_its_definition_and_blind_to_names_and_order(values: list[str]) -> None:
    frame = ratings(**{f"u{at}": value for at, value in enumerate(values)})
    alpha = krippendorff_alpha(frame)
    assert alpha == krippendorff_alpha(frame.reverse())
    units = [rated for value in values if len(rated := value.replace(".", "")) > 1]
    every = "".join(units)
    expected = sum(a != b for a, b in combinations(every, 2))
    if not units or not expected:
        assert alpha is None
        return
    observed = sum(sum(a != b for a, b in combinations(unit, 2)) / (len(unit) - 1) for unit in units)
    share = expected / (len(every) * (len(every) - 1) / 2)  # of all pairs of values, whichever their unit
    assert alpha == pytest.approx(1 - 2 * observed / len(every) / share)
    assert alpha <= 1


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    import pyarrow as pa

    made = pl.from_arrow(pa.Table.from_pylist([dict(row) for row in rows], schema=arrow.ANNOTATIONS))
    assert isinstance(made, pl.DataFrame)
    return made


def test_ratings_are_the_last_word_of_each_person_but_the_lead() -> None:
    rows = [
        said("s", "ann", "reject"),
        said("s", "ann"),
        said("s", "ben", None, skipped=True),
        said("s", "cem", deleted=True),
        said("s", "dora", "reject", slot="lead"),
    ]
    assert agreement.ratings_of(frame(*rows)).rows() == [("ann", "s", "accept")]
    flagged = said("t", "ann", flags=["privacy"])
    assert agreement.ratings_of(frame(*rows, flagged), "privacy").rows() == [("ann", "s", "no"), ("ann", "t", "yes")]


def test_who_skips_in_the_end_or_is_refused_has_no_rating() -> None:
    rows = [said("s", "ann"), said("s", "ann", None, skipped=True), said("s", "ben"), said("s", "cem", "reject")]
    rows.append(said("s", "cem", None, flags=[REFUSED]))
    for value in ("verdict", "privacy"):
        assert agreement.ratings_of(frame(*rows), value)["rater"].to_list() == ["ben"]


def test_confusion_on_gold_by_hand() -> None:
    rows = [said("g1", "ann"), said("g2", "ann", "reject"), said("g1", "ben", "fix"), said("g2", "ben", "accept")]
    expected = pl.DataFrame({"unit": ["g1", "g2"], "value": ["accept", "reject"]})
    assert agreement.confusion(agreement.ratings_of(frame(*rows)), expected).rows() == [
        ("accept", "accept", 1),
        ("accept", "fix", 1),
        ("reject", "accept", 1),
        ("reject", "reject", 1),
    ]


def test_time_a_task_is_a_median() -> None:
    rows = [said(f"s{at}", "ann", seconds=seconds) for at, seconds in enumerate((10.0, 20.0, 3000.0, None))]
    assert agreement.times(frame(*rows)).rows() == [("ann", 20.0, pytest.approx(2404.0))]


def test_a_time_that_no_task_takes_is_in_no_figure() -> None:
    """As files of older versions and of others may have them."""
    rows = [said(f"s{at}", "ann", seconds=value) for at, value in enumerate((10.0, 20.0, 30.0, 1e300, -5.0, None))]
    assert agreement.times(frame(*rows)).rows() == [("ann", 20.0, pytest.approx(28.0))]
    assert agreement.drift(frame(*rows))["median_s"].to_list() == [20.0, None]


def test_drift_shows_who_agrees_less_in_the_second_half() -> None:
    """ann says accept four times; the others accept the first two samples and reject the last two."""
    rows = [said(f"s{at}", "ann", seconds=30.0 - 10 * (at // 2)) for at in range(4)]
    rows += [said(f"s{at}", who, "accept" if at < 2 else "reject") for who in ("ben", "cem") for at in range(4)]
    found = agreement.drift(frame(*rows))
    assert found.filter(pl.col("rater") == "ann").rows() == [("ann", 1, 1.0, 30.0), ("ann", 2, 0.0, 20.0)]
    assert found.filter(pl.col("rater") == "ben")["agrees"].to_list() == [1.0, 1.0]


def test_pairs_by_criterion_by_hand() -> None:
    """Fluency of two pairs by two raters: win win, win lose. Values 3 win, 1 lose: agreement 1/2, chance 10/16, kappa
    -1/3; alpha: observed 2, expected (16 - 9 - 1) / 3 = 2, so 0."""
    rows = [("a", "p", "win"), ("b", "p", "win"), ("a", "q", "win"), ("b", "q", "lose")]
    given_ = pl.DataFrame(rows, schema=["rater", "unit", "value"], orient="row").with_columns(
        criterion=pl.lit("fluency")
    )
    (row,) = pairwise(given_).rows()
    assert row == ("fluency", 4, 0.75, 0.0, 0.25, 0.5, 0.0, 1.0, pytest.approx(-1 / 3), pytest.approx(0.0))
    assert pairwise(given_, ["accuracy"]).rows() == [("accuracy", 0, *[None] * 8)]
    with pytest.raises(ValueError, match="'wins' is none of win, tie, lose"):
        pairwise(given_.with_columns(value=pl.lit("wins")))


def test_the_interval_of_a_preference_is_over_pairs_and_covers_what_it_promises() -> None:
    """60 of 100 pairs won by both of their raters: as if each pair were rated once, not 200 independent ratings."""
    once = pl.DataFrame({"unit": range(100), "value": ["win"] * 60 + ["lose"] * 40})
    low, high = agreement.net_interval(once) or (0.0, 0.0)
    # the sample's net of 100 independent pairs is 0.2 with a standard error of sqrt(1 - 0.04) / 10 = 0.098
    assert low == pytest.approx(0.2 - 1.96 * 0.098, abs=0.03) and high == pytest.approx(0.2 + 1.96 * 0.098, abs=0.03)
    assert agreement.net_interval(pl.concat([once, once])) == (low, high)
    assert agreement.net_interval(once.head(1)) is None
