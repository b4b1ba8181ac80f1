"""Where is this point, and where is the place this text names. Nothing else in the repository knows about either."""

from __future__ import annotations

from factory.geo.cells import cell, cell_id
from factory.geo.claims import is_country_of
from factory.geo.compare import SamePlace, same_place
from factory.geo.distance import DISTANCE_TIERS_KM, EARTH_RADIUS_KM, haversine, haversine_km
from factory.geo.forget import forget
from factory.geo.forward import forward
from factory.geo.gazetteer import GAZETTEER_VERSION
from factory.geo.names import country_code, country_name
from factory.geo.reverse import reverse

__all__ = [
    "DISTANCE_TIERS_KM",
    "EARTH_RADIUS_KM",
    "GAZETTEER_VERSION",
    "SamePlace",
    "cell",
    "cell_id",
    "country_code",
    "country_name",
    "forget",
    "forward",
    "haversine",
    "haversine_km",
    "is_country_of",
    "reverse",
    "same_place",
]
