"""Light that cannot be at a place speaks against it; what cannot be judged is not."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from factory.witnesses.sun import findings, instant, light_in, sun_at
from schemas import Answered, GeoAnswer

NOON_IN_KAZAN = datetime(2024, 6, 20, 9, 0, tzinfo=UTC)


def jpeg(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (level, level, level)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("when", "lat", "lon", "azimuth", "elevation"),
    [  # NREL's solar position algorithm, its example, without refraction; the poles at a solstice; the equator at noon
        (datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.742476, -105.1786, 194.34, 39.87),
        (datetime(2024, 6, 20, 20, 51, tzinfo=UTC), 90.0, 0.0, None, 23.44),
        (datetime(2024, 6, 20, 20, 51, tzinfo=UTC), -90.0, 0.0, None, -23.44),
        (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, None, 89.9),
    ],
)
def test_where_the_sun_stands(when: datetime, lat: float, lon: float, azimuth: float | None, elevation: float) -> None:
    found = sun_at(when, lat, lon)
    assert found[1] == pytest.approx(elevation, abs=0.1)
    assert azimuth is None or found[0] == pytest.approx(azimuth, abs=0.1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-06-20T12:00:00+03:00", NOON_IN_KAZAN),
        ("2024-06-20T09:00:00Z", NOON_IN_KAZAN),
        ("2024-06-20T12:00:00", None),  # a camera's own clock: noon at noon everywhere
        ("2024-06-20", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_time_with_its_zone_can_be_judged(text: str | None, found: datetime | None) -> None:
    assert instant(text) == found


@pytest.mark.parametrize(("level", "light"), [(220, "day"), (10, "night"), (80, None)])
def test_light_is_day_night_or_neither(level: int, light: str | None) -> None:
    assert light_in(jpeg(level)) == light


@pytest.mark.parametrize(
    ("light", "hours", "score"), [("day", 0, 0.55), ("day", 12, 0.1), ("night", 0, 0.1), ("night", 12, 0.55)]
)
def test_light_that_cannot_be_there_speaks_against_the_place(light: str, hours: int, score: float) -> None:
    kazan = GeoAnswer(localizable=True, lat=55.79, lon=49.12)
    when = NOON_IN_KAZAN + timedelta(hours=hours)
    bounds = {"dark_below": -8.0, "light_above": 5.0}
    told = list(findings(light, when, [Answered(teacher="a", model="m", place=kazan)], **bounds))  # type: ignore[arg-type]
    assert [one.score for one in told if one.kind == "support"] == [score]
