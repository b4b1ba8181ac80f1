"""Each preset's own rules, at the corners where they differ; distances and scores computed by hand."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from factory.errors import RecipeError, SourceError
from train.evaluate.evaluation import Evaluation, evaluate, rules_of
from train.evaluate.predictions import predictions_of
from train.evaluate.presets import PRESETS
from train.evaluate.scores import measure, metrics
from train.evaluate.truth import SCHEMA

COPY = {"lat": 48.8566, "lon": 2.3522, "country": "France"}
ON_EQUATOR = {"lat": 0.0, "lon": 0.0}


def truth(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{"id": str(number), **row} for number, row in enumerate(rows)], schema=SCHEMA)


def numbers(preset: str, true: pl.DataFrame, *said: dict[str, Any]) -> dict[str, float]:
    rules = rules_of(preset)
    measured = measure(true, predictions_of(said), rules)
    return {metric.name: metric.value for metric in metrics(measured, rules)}


def degrees_of(km: float, radius_km: float) -> float:
    """Degrees along the equator."""
    return math.degrees(km / radius_km)


@pytest.mark.parametrize(
    ("preset", "radius_km", "counts"),
    [("globe", 6371.0088, True), ("navig", 6371.0, True), ("osv5m", 6371.0, False), ("pigeon", 6378.137, False),
     ("gaga", 6371.0, False), ("g3", 6378.137, False)],
)  # fmt: skip
def test_a_distance_at_the_threshold_counts_where_the_original_says_so(
    preset: str, radius_km: float, counts: bool
) -> None:
    """Along the equator the ellipsoid is a circle of its semi-major axis."""
    from train.evaluate.scores import within

    rules = PRESETS[preset]
    assert (rules.radius_km or 6378.137) == radius_km
    import numpy as np

    from train.evaluate.distances import distances_km

    for threshold in (1.0, 25.0, 200.0, 750.0, 2500.0):
        there = distances_km(0.0, 0.0, 0.0, degrees_of(threshold, radius_km), rules.radius_km)
        assert there == pytest.approx(threshold, abs=1e-7)
        assert within(np.array([threshold]), threshold, rules) == [float(counts)]
        assert within(
            np.array([np.nextafter(threshold, 0), np.nextafter(threshold, 1e9)]), threshold, rules
        ).tolist() == [
            1.0,
            0.0,
        ]


@pytest.mark.parametrize("said", [{"text": "I cannot say."}, {"lat": "north", "lon": "5"}, {"lat": 5}, {}])
def test_an_answer_that_cannot_be_read_is_a_failed_answer_of_each_preset(said: dict[str, Any]) -> None:
    """Three rows: exact, unreadable, missing. 10,000 km of NAVIG score 5000 * exp(-10000 / 1492.7) = 6.159; G3's point
    0, 0 lies where the truth does."""
    rows = truth(ON_EQUATOR, ON_EQUATOR, ON_EQUATOR)
    exact = {"text": "0, 0"} if "text" in said else {"lat": 0, "lon": 0}
    answers = ({"id": "0", **exact}, {"id": "1", **said})
    failed_score = 5000 * math.exp(-10_000 / 1492.7)
    assert failed_score == pytest.approx(6.159, abs=5e-4)
    navig = numbers("navig", rows, *answers)
    assert navig["within 2500 km"] == pytest.approx(1 / 3)
    assert navig["mean error"] == pytest.approx(20_000 / 3)
    assert navig["median error"] == 10_000
    assert navig["geoscore"] == pytest.approx((5000 + 2 * failed_score) / 3)
    g3 = numbers("g3", rows, *answers)
    assert (g3["within 1 km"], g3["mean error"], g3["geoscore"]) == (1.0, 0.0, 5000.0)
    for preset in ("osv5m", "pigeon", "gaga"):
        found = numbers(preset, rows, *answers)
        assert found["within 2500 km"] == pytest.approx(1 / 3)
        assert (found["mean error"], found["geoscore"]) == (0.0, pytest.approx(5000 / 3))
        assert found["recall"] == pytest.approx(1 / 3)


def test_impossible_degrees_are_what_each_script_makes_of_them() -> None:
    """G3 takes 0 for the latitude and keeps the longitude. NAVIG's formula goes on over the pole: 100 degrees from the
    equator, and 275 are 5 degrees from the south pole, 175 from the north pole."""
    rows = truth(ON_EQUATOR, ON_EQUATOR)
    said = ({"id": "0", "lat": 100, "lon": 0}, {"id": "1", "lat": 123, "lon": 7})
    g3 = numbers("g3", rows, *said)
    assert g3["mean error"] == pytest.approx(6378.137 * math.radians(7) / 2)
    navig = numbers("navig", rows, *said[:1])
    assert navig["mean error"] == pytest.approx((6371 * math.radians(100) + 10_000) / 2)
    from_pole = numbers("navig", truth({"lat": 90.0, "lon": 0.0}), {"id": "0", "lat": 275, "lon": 0})
    assert from_pole["mean error"] == pytest.approx(6371 * math.radians(175))
    assert numbers("osv5m", rows, *said)["recall"] == 0.0


def test_the_point_0_0_of_g3_is_far_from_most_places() -> None:
    found = numbers("g3", truth({"lat": 0.0, "lon": 90.0}, ON_EQUATOR), {"id": "1", "lat": 0, "lon": 0})
    assert found["mean error"] == pytest.approx(6378.137 * math.pi / 2 / 2, abs=1e-6)


def test_pigeon_rounds_each_score_and_the_others_do_not() -> None:
    """1492.7 km at 1 / e of 5000 are 1839.397; a half degree of longitude less is another number for the sphere."""
    rows = truth(ON_EQUATOR)
    for preset, score in (("pigeon", 1839.0), ("osv5m", 5000 / math.e)):
        radius = PRESETS[preset].radius_km or 0
        found = numbers(preset, rows, {"id": "0", "lat": 0, "lon": degrees_of(1492.7, radius)})
        assert found["geoscore"] == pytest.approx(score, abs=1e-9)


def test_each_original_measures_the_same_two_points_by_its_own_formula() -> None:
    """A quarter of the equator: pi / 2 radii. A quarter of a meridian of the ellipsoid has 10,001.966 km."""
    rows = truth(ON_EQUATOR)
    quarter = {
        name: numbers(name, rows, {"id": "0", "lat": 90, "lon": 0})["mean error"] for name in ("osv5m", "pigeon", "g3")
    }
    assert quarter["osv5m"] == pytest.approx(6371 * math.pi / 2)
    assert quarter["pigeon"] == pytest.approx(6378.137 * math.pi / 2)
    assert quarter["g3"] == pytest.approx(10_001.965729, abs=1e-6)


def test_globe_looks_at_the_names_and_never_at_coordinates() -> None:
    rows = truth({"lat": 60.16952, "lon": 24.93545, "country": "Finland", "city": "Helsinki"})
    found = numbers("globe", rows, {"id": "0", "country": "Finland", "city": "Helsinki", "lat": 0, "lon": 0})
    assert found["within 1 km"] == 1.0
    only = numbers("globe", rows, {"id": "0", "lat": 60.16952, "lon": 24.93545})
    assert (only["within 2500 km"], only["recall"]) == (0.0, 0.0)


def test_names_alone_are_no_coordinates_for_those_that_measure_coordinates() -> None:
    """But they are a valid answer to where: GaGA's recall counts it, and its names are compared."""
    rows = truth({"lat": 60.16952, "lon": 24.93545, "country": "Finland", "region": "Uusimaa", "city": "Helsinki"})
    said = {"id": "0", "text": '{"country": "Finland", "city": "Helsinki"}'}
    found = numbers("gaga", rows, said)
    assert (found["within 2500 km"], found["recall"]) == (0.0, 1.0)
    assert (found["country DIRE"], found["city DIRE"]) == (1.0, 1.0)
    assert math.isnan(found["mean error"])
    assert evaluate(rows, predictions_of([said]), rules_of("gaga", "either")).table[0].interval.value == 1.0


def test_a_wrong_country_takes_region_and_city_with_it_in_hier_alone() -> None:
    """The city's name is right, the country's is not."""
    rows = truth({"lat": 48.8566, "lon": 2.3522, "country": "France", "region": "Île-de-France", "city": "Paris"})
    found = numbers("gaga", rows, {"id": "0", "country": "United States", "city": "Paris"})
    assert [found[f"{level} DIRE"] for level in ("country", "city")] == [0.0, 1.0]
    assert [found[f"{level} HIER"] for level in ("country", "city")] == [0.0, 0.0]


def test_other_names_of_a_place_are_the_place_where_the_gazetteer_compares() -> None:
    rows = truth({"lat": 19.07, "lon": 72.88, "country": "India", "city": "Mumbai"})
    said = {"id": "0", "country": "Republic of India", "city": "Bombay"}
    assert numbers("gaga", rows, said)["city DIRE"] == 1.0
    assert numbers("navig", rows, said)["city DIRE"] == 0.0


@pytest.mark.parametrize(
    ("said", "right"), [("United States", 1.0), ("US", 1.0), ("Puerto Rico", 1.0), ("Cuba", 0.0), ("Spain", 0.0)]
)
def test_a_sovereigns_name_is_true_of_its_territory(said: str, right: float) -> None:
    rows = truth({"lat": 18.4655, "lon": -66.1057, "country": "Puerto Rico", "city": "San Juan"})
    assert numbers("gaga", rows, {"id": "0", "country": said, "city": "San Juan"})["country DIRE"] == right


def test_navig_looks_for_the_true_name_inside_the_answers_letter_by_letter() -> None:
    place = {"lat": 52.5, "lon": 13.4, "country": "Germany", "region": "Berlin", "city": "Berlin"}
    rows = truth(*(place,) * 3)
    said = [{"country": "Germany (Europe)", "city": "East Berlin"}, {"country": "germany", "city": "Bonn"}]
    found = numbers("navig", rows, *({"id": str(at), "lat": 1, "lon": 1, **one} for at, one in enumerate(said)))
    assert found["country DIRE"] == pytest.approx(1 / 3), "all rows are the denominator, the missing one, too"
    assert found["city DIRE"] == pytest.approx(1 / 3)
    assert "region DIRE" not in found and "region HIER" not in found, "its script knows no regions"


def test_levels_by_labels_of_points_leave_out_rows_without_a_label() -> None:
    """Of OSV-5M: a truth at sea has no country."""
    rows = truth({"lat": 48.8566, "lon": 2.3522}, {"lat": -40.0, "lon": -120.0})
    rules = rules_of("osv5m")
    measured = measure(
        rows, predictions_of([{"id": "0", "lat": 48.85, "lon": 2.34}, {"id": "1", "lat": 0, "lon": 0}]), rules
    )
    country = next(metric for metric in metrics(measured, rules) if metric.name == "country DIRE")
    assert (country.value, country.n) == (1.0, 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_order_of_the_answers_changes_nothing(preset: str) -> None:
    rows = truth(*({"lat": 10.0 * n, "lon": 20.0 * n, "country": "France"} for n in range(5)))
    said = [{"id": str(n), "lat": 10.0 * n + n, "lon": 20.0 * n, "country": "FR"} for n in range(4)]
    assert numbers(preset, rows, *said) == pytest.approx(numbers(preset, rows, *reversed(said)), nan_ok=True)


def test_every_table_prints_its_rules() -> None:
    for preset in PRESETS:
        lines = PRESETS[preset].lines("v1")
        wanted = {
            "preset",
            "distance",
            "within",
            "score",
            "located by",
            "failed answer",
            "denominator",
            "names",
            "geocoder",
        }
        assert wanted <= lines.keys()
        assert PRESETS[preset].comparator in lines["within"] and "v1" in lines["geocoder"]


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no preset `osv-5m` \(did you mean `osv5m`\?\)"):
        rules_of("osv-5m")
    with pytest.raises(RecipeError, match=r"--locate name: expected one of .* \(did you mean `names`\?\)"):
        rules_of("globe", "name")


def whole(**said: Any) -> Evaluation:
    rows = truth(ON_EQUATOR, {"lat": None, "lon": 5.0}, {"lat": 10.0, "lon": 10.0})
    return evaluate(rows, predictions_of([{"id": "0", "lat": 0, "lon": 0, **said}, {"id": "x"}]), rules_of("osv5m"))


def test_what_is_not_measured_is_told() -> None:
    found = whole(confidence=7)
    assert found.rows == 2
    assert found.failures == {"no prediction": 1}
    assert found.notes == (
        "1 answer: confidence not read; the first is row '0': '7', expected 0 to 1",
        "1 row of the set without coordinates: not measured",
        "1 prediction of no row of the set: 'x'",
    )


def test_predictions_of_another_set_are_refused() -> None:
    with pytest.raises(SourceError, match=r"no prediction is of a row of the set; .*'a'.*'0'"):
        evaluate(truth(ON_EQUATOR), predictions_of([{"id": "a"}]), rules_of("osv5m"))


def test_a_set_without_places_is_refused() -> None:
    with pytest.raises(SourceError, match="none of the 1 rows"):
        evaluate(truth({"lat": None}), predictions_of([{"id": "0"}]), rules_of("osv5m"))


def test_the_evaluation_is_plain_json() -> None:
    import orjson

    plain = orjson.loads(orjson.dumps(whole(confidence=0.5).plain()))
    assert plain["table"][0] == {"name": "within 1 km", "unit": "%", "value": 50.0, "low": 0.0, "high": 100.0, "n": 2}
    assert [part["value"] for part in plain["breakdown"] if part["kind"] == "continent"]
    assert plain["calibration"]["ece"] == 0.5


@pytest.mark.parametrize("confidence", ["high", 95, True, "0.9; impossible"])
@pytest.mark.parametrize(
    ("preset", "answer"),
    [("gaga", {"country": "France"}), ("gaga", COPY), ("globe", {"country": "France"}),
     ("gaga", {"country": "Nowhere"}), ("gaga", {"text": "I cannot say."}), ("gaga", {"lat": 123, "lon": 2}),
     ("gaga", {})],
)  # fmt: skip
def test_a_confidence_that_cannot_be_read_is_counted_and_changes_nothing_else(
    preset: str, answer: dict[str, Any], confidence: object
) -> None:
    true, rules = truth(COPY), rules_of(preset)
    alone, beside = (
        measure(true, predictions_of([{"id": "0", **answer, **more}]), rules)
        for more in ({}, {"confidence": confidence})
    )
    assert beside.rows.equals(alone.rows)
    assert beside.unread["confidence not read"] == 1


def test_an_answer_of_names_is_valid_whatever_its_confidence() -> None:
    said = {"id": "0", "country": "France", "confidence": "high"}
    assert numbers("gaga", truth(COPY), said)["recall"] == 1.0
