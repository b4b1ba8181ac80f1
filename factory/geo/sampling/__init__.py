"""Choosing points: GWS15k as published and repaired, balanced samples, and splits that are apart on the ground."""

from __future__ import annotations

from factory.geo.sampling.balanced import cell_balanced, country_quota
from factory.geo.sampling.disjoint import disjoint_splits, in_buffer
from factory.geo.sampling.gws15k import Gws15k, gws15k

__all__ = ["Gws15k", "cell_balanced", "country_quota", "disjoint_splits", "gws15k", "in_buffer"]
