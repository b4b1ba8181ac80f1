from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.sources.tar_samples import in_unicode, tar_samples


def told(*names: str) -> list[tuple[str, str | None]]:
    return [(sample.key, sample.problem) for sample in tar_samples(names)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/1.jpg", "a/1.json", "1.JPG", "1.JSON"], [("a/1", None), ("1", None)]),
        (["IMG_2020.01.02.jpg", "IMG_2020.01.02.json"], [("IMG_2020.01.02", None)]),
        (["IMG_2020.01.02.jpg"], [("IMG_2020.01.02", "no_json")]),
        (["1.jpg", "1.json", "1.seg.npy", "1.cls"], [("1", None)]),
        (["1.jpg", "1.json", "1.seg.png"], [("1", None), ("1.seg.png", "extra_image")]),
        (["1.jpg", "1.json", "1.2.jpg", "1.2.json"], [("1", None), ("1.2", None)]),
        (["1.jpg", "1.JPG", "1.json"], [("1", "two_images")]),
        (["1.jpg", "1.json", "1.JSON"], [("1", "two_records")]),
        (["1.json", "2.meta.json"], [("1", "no_image"), ("2.meta", "no_image")]),
        (["README", "a.txt"], [("README", "no_image"), ("a", "no_image")]),
        (["._1.jpg", "a/.DS_Store"], [("._1.jpg", "hidden_file"), ("a/.DS_Store", "hidden_file")]),
        (["caf\udce9.jpg", "caf\udce9.json"], [(f"caf\\xe9.{end}", "name_not_unicode") for end in ("jpg", "json")]),
        (["Shot\u202fPM.png", "Shot\u202fPM.json"], [("Shot\u202fPM", None)]),
        (["e\u0301.jpg", "e\u0301.json"], [("\u00e9", None)]),
    ],
)
def test_names_tell_what_belongs_together(names: list[str], expected: list[tuple[str, str | None]]) -> None:
    assert told(*names) == expected


def test_what_no_unicode_can_write_is_written_as_escapes() -> None:
    assert in_unicode("caf\udce9 e\u0301") == "caf\\xe9 \u00e9"


NAMES = st.lists(
    st.builds(
        "{}{}{}.{}".format,
        st.sampled_from(["", "a/", "a.b/"]),
        st.sampled_from(["1", "2", "", ".", "IMG\u202f", "\udcff"]),
        st.sampled_from(["", ".1", ".seg", ".1.2"]),
        st.sampled_from(["jpg", "JPG", "png", "json", "txt", ""]),
    ),
    unique=True,
)


@settings(deadline=None)
@given(NAMES)
def test_every_file_is_part_of_one_sample(names: list[str]) -> None:
    samples = tar_samples(names)
    parts = [name for sample in samples for name in (*sample.images, *sample.records, *sample.others)]
    assert Counter(parts) == Counter(names)
    for sample in samples:
        if sample.problem is None:
            assert len(sample.images) == len(sample.records) == 1
