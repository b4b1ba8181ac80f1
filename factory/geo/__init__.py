"""Where is this point, and where is the place this text names. Nothing else in the repository knows about either.

What stands here is for others to use; importing it reads no data and no heavy library, the first call does.
"""

from __future__ import annotations

from factory.geo.cells import cell, cell_id, h3_cells, quadtree
from factory.geo.claims import is_country_of
from factory.geo.compare import SamePlace, same_place
from factory.geo.compat import reverse_nearest_city
from factory.geo.distance import (
    DISTANCE_TIERS_KM,
    EARTH_RADIUS_KM,
    geoscore,
    haversine,
    haversine_km,
    tier,
    tier_shares,
)
from factory.geo.forget import forget
from factory.geo.forward import forward
from factory.geo.gazetteer import GAZETTEER_VERSION
from factory.geo.names import country_code, country_name
from factory.geo.overlap import nearest_within
from factory.geo.reverse import reverse
from factory.geo.sampling import cell_balanced, country_quota, disjoint_splits, gws15k
from factory.geo.spherical import agreement, medoid

__all__ = [
    "DISTANCE_TIERS_KM",
    "EARTH_RADIUS_KM",
    "GAZETTEER_VERSION",
    "SamePlace",
    "agreement",
    "cell",
    "cell_balanced",
    "cell_id",
    "country_code",
    "country_name",
    "country_quota",
    "disjoint_splits",
    "forget",
    "forward",
    "geoscore",
    "gws15k",
    "h3_cells",
    "haversine",
    "haversine_km",
    "is_country_of",
    "medoid",
    "nearest_within",
    "quadtree",
    "reverse",
    "reverse_nearest_city",
    "same_place",
    "tier",
    "tier_shares",
]
