"""Other names of American towns: those of other languages are kept, what a town was once called is not."""

from __future__ import annotations

import polars as pl
import pytest

from factory.geo.build.other_names import living, sound, sounds
from factory.geo.build.unit_names import rows_of
from factory.geo.entities import read_entities
from factory.geo.lookup import look_up
from factory.geo.name_index import ALTERNATE, read_index


@pytest.mark.parametrize(
    ("latin", "cyrillic"),
    [
        ("vinsens", "винсенс"),
        ("dzuno", "џуно"),
        ("dzhuno", "джуно"),
        ("juno", "џуно"),
        ("dzunas", "џуно"),
        ("gonolulu", "гонолулу"),
        ("ankoridzas", "анкориџ"),
        ("bjula", "бјула"),
        ("tell siti", "телл-сити"),
    ],
)
def test_a_name_sounds_alike_in_both_alphabets(latin: str, cyrillic: str) -> None:
    assert sound(cyrillic) in sounds(latin)


@pytest.mark.parametrize(("latin", "cyrillic"), [("rockwell", "џуно"), ("fliptown", "џуно"), ("troy", "бјула")])
def test_a_former_name_sounds_otherwise(latin: str, cyrillic: str) -> None:
    assert sound(cyrillic) not in sounds(latin)


def kept(town: str, country: str, names: list[str]) -> set[str]:
    """Which of the names the largest town of a name keeps."""
    entities = read_entities()
    towns = zip(entities.city_name, entities.city_countries(), strict=True)
    entity = next(i for i, one in enumerate(towns) if one == (town, country))
    rows = living(rows_of([(name, entity) for name in names], ALTERNATE), entities)
    return set(rows.filter(pl.col("entity") == entity)["key"])


def test_an_american_town_keeps_its_names_in_other_languages_alone() -> None:
    names = ["Џуно", "Джуно", "Džuno", "Džunas", "Juno", "Rockwell", "Harrisburg", "Fliptown"]
    assert kept("Juneau", "US", names) == {"џуно", "джуно", "dzuno", "dzunas", "juno"}


def test_a_spelling_of_its_own_language_is_another_towns() -> None:
    """Glocester lies in Rhode Island, and Gloster in Mississippi."""
    assert kept("Gloucester", "US", ["Глостер", "Gloster", "Glocester"]) == {"глостер"}


def test_a_name_that_only_sounds_alike_in_classes_is_none() -> None:
    assert kept("Salem", "US", ["Салем", "Gallina"]) == {"салем"}


def test_towns_elsewhere_keep_all_names() -> None:
    assert kept("Wrocław", "PL", ["Breslau", "Вроцлав"]) == {"breslau", "вроцлав"}


def test_a_name_of_another_language_spells_every_american_town_of_the_name() -> None:
    entities = read_entities()
    towns = [i for i, name in enumerate(entities.city_name) if name == "Monticello"]
    american = [i for i in towns if entities.city_countries()[i] == "US"]
    rows = living(rows_of([("Монтисело", american[0]), ("Montiselo", american[0])], ALTERNATE), entities)
    assert set(rows.filter(pl.col("key") == "montiselo")["entity"]) == set(american)


@pytest.mark.parametrize(
    ("query", "city"),
    [
        ("Vinsensa, Indiāna, Amerikas Savienotās Valstis", "Vincennes"),
        ("Džunas, Jungtinės Valstijos", "Juneau"),
        ("Ankorij, Amerika Qo‘shma Shtatlari", "Anchorage"),
        ("Gonolulu, Amerika Qo‘shma Shtatlari", "Honolulu"),
        ("Menomini, SHBA", "Menominee"),
        ("New Salem, Severní Dakota, Spojené státy", "New Salem"),
        ("Beulah, Pohjois-Dakota, Yhdysvallat", "Beulah"),
        ("Center, Šiaurės Dakota, Jungtinės Valstijos", "Center"),
    ],
)
def test_american_towns_are_found_in_other_languages_without_exemplar_cities(query: str, city: str) -> None:
    assert look_up(pl.Series("query", [query]), 1, "default", read_index(exemplars=False))["city"].item() == city
