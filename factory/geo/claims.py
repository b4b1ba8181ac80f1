"""Whether a country that somebody names is a true one for a place: its own, its sovereign's, or a claimant's.

Puerto Rico has its own code, and a photo of it "in the United States" is still labelled truly; so is one of Pristina
"in Serbia" or of Simferopol in either of the countries that the worldviews give it to. What `forward` accepts behind a
place counts here too, so a check never rejects a country that the gazetteer itself understood. The other way round
position decides: "Puerto Rico" is true of a place labelled US only where the place lies in Puerto Rico.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import combinations
from math import isfinite

from factory.geo.gazetteer import WORLDVIEWS, country_codes, unit_countries
from factory.geo.inputs import name_of
from factory.geo.names import DISSOLVED, country_code, country_name
from factory.geo.normalise import fold
from factory.geo.reverse import reverse


def is_country_of(given: str | None, own: str | None, at: tuple[float, float] | None = None) -> bool | None:
    """Whether the country `given` is true of a place labelled `own`.

    Args:
        given: The country that is named: ISO 3166-1 alpha-2, any name that `country_code` knows, or that of a state
            that is no more (`names.DISSOLVED`), which stands for each of its successors.
        own: That of the place's label, likewise.
        at: The place in degrees (lat, lon), where it is known. It is looked at only when the two countries share a
            territory or a dispute, so that most questions load no polygon.

    Returns:
        True when `given` is `own`, its sovereign or a country whose name `forward` accepts behind it, or is one of
        these for what any worldview says of the position; None when only the missing position could tell, and where a
        country is missing (None, NaN).

    Raises:
        ValueError: for a name or code that is no country's.
        TypeError: for what is no text and not missing.
    """
    both = _codes(given), _codes(own)
    found = [_holds(one, other, at) for one in both[0] for other in both[1]]
    return True if True in found else None if None in found or not found else False


def _holds(given: str, own: str, at: tuple[float, float] | None) -> bool | None:
    """The same of two codes."""
    if given == own or (given, own) in _accepted():
        return True
    if (own, given) not in _accepted() and (given, own) not in _contested():
        return False
    if at is None or not (isfinite(at[0]) and isfinite(at[1])):
        return None
    return any(code == given or (given, code) in _accepted() for code in _countries_at(*at))


def _codes(country: str | None) -> tuple[str, ...]:
    """The code of a country, those of all that a former one became, none where it is missing."""
    name = name_of(country)
    if name is None:
        return ()
    if code := name if country_name(name) else country_code(name):
        return (code,)
    if successors := DISSOLVED.get(fold(name)):
        return tuple(successors.split())
    raise ValueError(f"{name!r} is no country: expected an ISO 3166-1 code such as FI, or a country's name")


@cache
def _accepted() -> frozenset[tuple[str, str]]:
    """(written, own): the pairs of two countries that `forward` accepts."""
    from factory.geo.entities import read_entities

    found = read_entities()
    written, own = found.accepted[: len(found.codes)].nonzero()
    return frozenset(
        (found.codes[a], found.codes[b]) for a, b in zip(written.tolist(), own.tolist(), strict=True) if a != b
    )


@cache
def _contested() -> frozenset[tuple[str, str]]:
    """Pairs of countries that two worldviews give one unit to, both ways round."""
    codes = country_codes()
    pairs = {
        (codes[a], codes[b])
        for one, other in combinations([unit_countries(view).tolist() for view in WORLDVIEWS], 2)
        for a, b in zip(one, other, strict=True)
        if a != b
    }
    return frozenset(pairs | {(b, a) for a, b in pairs})


@lru_cache(maxsize=4_096)
def _countries_at(lat: float, lon: float) -> frozenset[str]:
    """What the worldviews say of a point; empty at sea."""
    found = (reverse([lat], [lon], worldview=view, levels=("country",))["country_code"].item() for view in WORLDVIEWS)
    return frozenset(code for code in found if code is not None)
