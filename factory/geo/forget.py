"""Giving memory back: a build labels its plan once and then works for hours."""

from __future__ import annotations


def forget() -> None:
    """Frees the tables behind `reverse` and `forward`, some 250 MB; the next call loads them again in half a second."""
    from factory.geo import entities, gazetteer, name_index, polygons
    from factory.geo.reverse import TABLES

    for held in (
        *TABLES,
        *(polygons.grid, polygons.parts, polygons.coasts, polygons.borders),
        *(gazetteer.tree, gazetteer.unit_countries, gazetteer.city_countries),
        *(name_index.read_index, entities.read_entities),
    ):
        held.cache_clear()
    _return_to_system()


def _return_to_system() -> None:
    """glibc keeps what many small polygons freed, unless it is told to give it back; other systems need nothing."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
