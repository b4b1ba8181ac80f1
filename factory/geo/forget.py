"""Giving memory back: a build labels its plan once and then works for hours."""

from __future__ import annotations

from factory.geo.memory import return_to_system


def forget() -> None:
    """Frees the tables behind `reverse` and `forward`, some 250 MB; the next call loads them again in half a second."""
    from factory.geo import coast, entities, gazetteer, name_index, nearest_city, polygons
    from factory.geo.reverse import unit_names

    for held in (
        *(unit_names, nearest_city.city_tree, coast.undrawn_islands),
        *(polygons.grid, polygons.parts, polygons.coasts, polygons.borders),
        *(gazetteer.unit_countries, gazetteer.city_countries, gazetteer.city_of_places),
        *(name_index.read_index, entities.read_entities),
    ):
        held.cache_clear()
    return_to_system()
