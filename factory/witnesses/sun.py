"""Where the sun stood at the place that a teacher names, when the picture was taken: could it look like that?

Only what can be judged is: the time must come with its zone (`2024-08-10T20:44:56Z`), because a camera's own clock
shows about noon at noon everywhere; the picture must be of outdoors, and plainly bright or plainly dark. A bright sky
where the sun is well below the horizon speaks against a place; light that fits speaks for hardly anything.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from factory.plugins.contracts import Ask, Witness
from factory.plugins.registry import register
from factory.witnesses.answers import claimed_point, placed, support
from schemas import Answered, Evidence, Finding, Seen

NAME: Final = "sun"
Light = Literal["day", "night"]
DAY, NIGHT = 0.5, 0.12
"""Mean brightness of the upper third, 0 to 1, from which it is plainly day, and below which plainly night. Ours."""
MAX_PIXELS: Final = 64_000_000
AGAINST, FITS = 0.1, 0.55
"""Support of a place by light that cannot be there, and by light that can. Orders of evidence, no measured chances."""


@register("witness", NAME)
def sun(
    root: Path,
    *,
    dark_below: Annotated[float, Field(ge=-18, le=0)] = -8.0,
    light_above: Annotated[float, Field(ge=0, le=30)] = 5.0,
) -> Witness:
    """Whether day or night in the picture fits the sun at the place that each answer names.

    Args:
        root: the recipe's folder; not used.
        dark_below: degrees of the sun's elevation below which no sky is bright; civil twilight ends at -6.
        light_above: degrees above which no open sky is dark.
    """

    async def look(seen: Seen, images: Mapping[str, bytes], answers: Sequence[Answered], _ask: Ask) -> Evidence | None:
        when = instant(seen.captured_at)
        outdoors = [answer for answer in answers if answer.place is not None and answer.place.scene != "indoor"]
        if when is None or not outdoors or not images:
            return None
        light = await asyncio.to_thread(light_in, images[next(iter(images))])
        if light is None:
            return None
        found = tuple(findings(light, when, outdoors, dark_below=dark_below, light_above=light_above))
        return Evidence(source=NAME, findings=found)

    return Witness(name=NAME, when="after", look=look)


def findings(
    light: Light, when: datetime, answers: Sequence[Answered], *, dark_below: float, light_above: float
) -> Iterator[Finding]:
    """The light in the picture (`light`), the sun at each answer's place (`sun`), and what follows (`support`)."""
    yield Finding(kind="light", text=light)
    for voice, place in placed(answers):
        point = claimed_point(place)
        if point is None:
            continue
        azimuth, elevation = sun_at(when, *point)
        lat, lon = point
        text = f"{voice}: elevation {elevation:.1f}, azimuth {azimuth:.0f} degrees"
        yield Finding(kind="sun", text=text, lat=lat, lon=lon)
        wrong = elevation < dark_below if light == "day" else elevation > light_above
        yield support(voice, AGAINST if wrong else FITS)


def instant(captured_at: str | None) -> datetime | None:
    """The moment of a time that states its zone; None for any other, and for what is no time."""
    try:
        when = datetime.fromisoformat((captured_at or "")[:40].strip())
    except ValueError:
        return None
    return None if when.tzinfo is None else when.astimezone(UTC)


def light_in(jpeg: bytes) -> Light | None:
    """Whether the upper third of a prepared picture is plainly bright or plainly dark; None in between."""
    from PIL import Image, ImageStat

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            return None
        upper = picture.convert("L").crop((0, 0, picture.width, max(1, picture.height // 3)))
        brightness = ImageStat.Stat(upper).mean[0] / 255
    return "day" if brightness >= DAY else "night" if brightness < NIGHT else None


def sun_at(when: datetime, lat: float, lon: float) -> tuple[float, float]:
    """The sun's azimuth (from north, clockwise) and elevation in degrees, to about 0.02 degrees between 1950 and 2050,
    without refraction: the Astronomical Almanac's low-precision formulas.

    Args:
        when: with its zone.
        lat, lon: WGS84 degrees.
    """
    days = (when - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86_400
    mean_longitude, anomaly = 280.460 + 0.9856474 * days, math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians((280.46061837 + 360.98564736629 * days + lon) % 360)
    hour, phi = sidereal - ascension, math.radians(lat)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(max(-1.0, min(1.0, up))))
