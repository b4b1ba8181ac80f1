"""Licences as sources write them, in classes of what they allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.licences import clashes, forbids_changes, lacks_attribution, licence_class


@pytest.mark.parametrize(
    ("licence", "known_as"),
    [
        ("CC0", "cc0"),
        ("CC0-1.0 (README)", "cc0"),
        ("Public Domain Mark 1.0", "cc0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("CC BY 4.0", "cc-by"),
        ("CC-BY-4.0 (examples/example_photos/LICENSE.txt)", "cc-by"),
        ("http://creativecommons.org/licenses/by/2.0/", "cc-by"),
        ("Creative Commons Attribution 3.0", "cc-by"),
        ("CC BY-SA 2.5", "cc-by-sa"),
        ("cc_by_sa_4.0", "cc-by-sa"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/", "cc-by-sa"),
        ("CC BY-NC 2.0", "nc"),
        ("CC BY-NC-SA 4.0", "nc"),
        ("Attribution-NonCommercial License", "nc"),
        ("CC BY-ND 4.0", "nd"),
        ("cc-by-nc-nd-3.0", "nd"),
        ("CC_BY_NC_ND", "nd"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", "nd"),
        ("Attribution-NoDerivs License", "nd"),
        ("Attribution - No Derivatives", "nd"),
        ("MIT", "other"),
        ('MIT (README: "MIT - use freely for personal or commercial projects")', "other"),
        ("etalab-2.0", "other"),
        ("", "unknown"),
        (None, "unknown"),
        (" - ", "unknown"),
    ],
)
def test_a_licence_is_known_by_what_it_allows(licence: str | None, known_as: str) -> None:
    assert licence_class(licence) == known_as
    assert forbids_changes(licence) == (known_as == "nd")


@given(st.text())
def test_any_text_has_a_class(text: str) -> None:
    assert licence_class(text) in ("cc0", "cc-by", "cc-by-sa", "nc", "nd", "other", "unknown")


def test_attribution_wants_an_author_or_a_source() -> None:
    assert lacks_attribution("CC BY 4.0", None, " ")
    assert not lacks_attribution("CC BY 4.0", "Ada", None)
    assert not lacks_attribution("CC BY-SA 4.0", None, "https://photos.example/1")
    assert not lacks_attribution("CC0", None, None)
    assert not lacks_attribution(None, None, None)


@pytest.mark.parametrize(
    ("whole", "row", "why"),
    [
        ("CC BY 4.0", "CC BY-SA 4.0", "must stay under its share-alike licence"),
        ("CC-BY-4.0", "CC BY-NC 4.0", "allows no commercial use"),
        ("CC-BY-NC-4.0", "CC BY-ND 4.0", "allows no changed copies"),
        ("CC0-1.0", "CC BY 4.0", "asks for attribution"),
        ("CC-BY-4.0", None, "states no licence"),
        ("CC-BY-4.0", "MIT", "has terms of its own"),
        ("CC BY 4.0", "CC0", None),
        ("CC BY-SA 4.0", "CC BY-SA 3.0", None),
        ("CC-BY-SA-4.0", "CC BY 4.0", None),
        ("MIT", "mit", None),
    ],
)
def test_a_data_set_under_one_licence_takes_only_what_that_allows(whole: str, row: str | None, why: str | None) -> None:
    assert next(clashes(whole, row), None) == why
