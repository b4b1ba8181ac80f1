"""A split as training reads it: in another order every epoch, in parts, and on from where it stopped."""

from __future__ import annotations

import json
import os
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.read import DamagedRelease, Release, open_release
from release.stream import decoded
from release.write import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build

FORMATS = ("parquet", "webdataset")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("stream") / "b", 60)
    write_release(build, settings=ReleaseSettings(shard_size=3))
    return build.paths.release


@pytest.fixture(scope="module", params=FORMATS)
def release(folder: Path, request: pytest.FixtureRequest) -> Release:
    return open_release(folder, format=request.param)


def ids(rows: Any) -> list[str]:
    return [row["id"] for row in rows]


def test_an_epoch_has_every_row_once_and_the_next_is_in_another_order(release: Release) -> None:
    stream = release.stream("train", seed=7)
    first, second = ids(stream), ids(stream)
    written = ids(release.rows("train"))
    assert sorted(first) == sorted(second) == sorted(written)
    assert len({tuple(order) for order in (first, second, written)}) == 3
    assert ids(release.stream("train", seed=7)) == first, "the seed alone decides"
    assert ids(release.stream("train", seed=8)) != first


def test_rows_are_those_of_plain_reading_with_their_pictures(release: Release) -> None:
    plain = {row["id"]: row for row in release.rows("train")}
    assert {row["id"]: row for row in release.stream("train")} == plain
    assert list(release.stream("train", shuffle=False)) == list(release.rows("train"))


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
def test_parts_share_no_row_and_together_have_all(release: Release, parts: int) -> None:
    given = [ids(release.stream("train", seed=3, part=(number, parts), window=2)) for number in range(parts)]
    assert sorted(name for part in given for name in part) == sorted(ids(release.rows("train")))


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_stopped_stream_goes_on_behind_its_last_row(folder: Path, data: st.DataObject) -> None:
    opened = open_release(folder, format=data.draw(st.sampled_from(FORMATS)))
    kind = {
        "seed": data.draw(st.integers(0, 3)),
        "window": data.draw(st.integers(1, 4)),
        "shuffle": data.draw(st.booleans()),
    }
    part = data.draw(st.sampled_from([(0, 1), (1, 2)]))
    whole = opened.stream("train", part=part, **kind)
    epochs = ids(whole) + ids(whole) + ids(whole)
    stop = data.draw(st.integers(0, 2 * len(epochs) // 3))
    before, given = opened.stream("train", part=part, **kind), []
    while len(given) < stop:
        given += ids(islice(before, stop - len(given)))
    state = json.loads(json.dumps(before.state_dict()))
    after = opened.stream("train", part=part, **kind)
    after.load_state_dict(state)
    rest = ids(after) or ids(after)  # of a whole epoch nothing is left, and the next iteration is the next one
    assert given + rest == epochs[: len(given) + len(rest)]
    assert rest


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"part": (0, 2)}, {"part": (1, 2)}, {"window": 3}, {"shuffle": False}], ids=str
)
def test_a_state_of_another_order_is_refused(release: Release, other: dict[str, Any]) -> None:
    state = release.stream("train", seed=1).state_dict()
    (name,) = other
    with pytest.raises(ValueError, match=rf"a state of {name} .* does not tell where a stream of {name} .* is"):
        release.stream("train", **{"seed": 1, **other}).load_state_dict(state)


def test_columns_and_rows_are_chosen_where_they_are_read(folder: Path) -> None:
    release = open_release(folder)
    wanted = {row["id"] for row in release.rows("train") if row["id"] > "s020"}
    stream = release.stream("train", where=pc.field("id") > "s020", columns=["id", "lat"])
    found = list(stream)
    assert {row["id"] for row in found} == wanted
    assert {tuple(row) for row in found} == {("id", "lat")}
    half = release.stream("train", where=pc.field("id") > "s020", columns=["id", "lat"])
    given = ids(islice(half, len(wanted) // 2))
    again = release.stream("train", where=pc.field("id") > "s020", columns=["id"])
    again.load_state_dict(half.state_dict())
    assert given + ids(again) == ids(found)
    for wrong in (pc.field("idd") > "a", (pc.field("lat") > 1) & pc.field("idd").is_null(), pc.field("idd", "x") > 1):
        with pytest.raises(KeyError, match=r"no column 'idd' in these rows \(did you mean 'id'\?\); there are id, "):
            release.stream("train", where=wrong)
    with pytest.raises(KeyError, match=r"no column 'lattitude'.*; there are"):
        release.stream("train", columns=["lattitude"])
    with pytest.raises(ValueError, match="`where` cannot be answered") as told:
        release.stream("train", where=pc.field("lat") > "north")
    assert not isinstance(told.value, DamagedRelease)
    with pytest.raises(ValueError, match="Parquet files alone"):
        open_release(folder, format="webdataset").stream("train", where=pc.field("id") > "s020")


def test_pictures_are_decoded_where_that_is_asked_for(release: Release) -> None:
    row = next(iter(release.stream("train", decode=True)))
    (image,) = row["images"]
    assert image["picture"].size == (row["width"], row["height"]) if "width" in row else image["picture"].size[0] > 0


def test_a_picture_that_cannot_be_decoded_stops_with_its_row(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.stream.MAX_PIXELS", 10)
    with pytest.raises(DamagedRelease, match=r"row 's\d{3}': \d+ x \d+ pixels are more than 10"):
        list(release.stream("train", decode=True))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff\xe0 no picture"])
def test_what_is_no_picture_is_not_decoded(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        decoded(data)


def test_what_is_impossible_is_said_at_once(release: Release) -> None:
    with pytest.raises(KeyError, match=r"no split 'dev' in .*; there are train"):
        release.stream("dev")
    with pytest.raises(KeyError, match="no column 'latitude' in these rows; there are id"):
        release.stream("train", columns=["latitude"])
    for part in ((1, 1), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="parts are counted from 0"):
            release.stream("train", part=part)
    with pytest.raises(ValueError, match="at least one unit"):
        release.stream("train", window=0)


@pytest.mark.parametrize("format", FORMATS)
def test_a_flipped_byte_never_reaches_training(folder: Path, tmp_path: Path, format: str) -> None:  # noqa: A002
    shutil.copytree(folder, tmp_path / "release")
    file = sorted((tmp_path / "release" / format).glob("train-*[!x]"))[1]
    good = file.read_bytes()
    sound = {row["id"]: row for row in open_release(folder, format=format).rows("train")}  # type: ignore[arg-type]
    for place in range(6, len(good) - 10, len(good) // 30):
        file.write_bytes(good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1 :])
        try:
            for row in open_release(tmp_path / "release", format=format).stream("train"):  # type: ignore[arg-type]
                assert row == sound[row["id"]], place
        except DamagedRelease as error:
            assert str(file) in str(error)
    os.truncate(file, len(good) // 2)
    with pytest.raises(DamagedRelease, match="another size"):
        list(open_release(tmp_path / "release", format=format).stream("train"))  # type: ignore[arg-type]


def test_only_what_the_statistics_leave_open_is_read(folder: Path, tmp_path: Path) -> None:
    """Pages of all other files are damaged, and nobody notices: their statistics say that the row is not there."""
    shutil.copytree(folder, tmp_path / "release")
    release = open_release(tmp_path / "release")
    *others, kept = [file for file, _ in release.files("train")]
    (last, *_) = pq.read_table(kept, columns=["id"])["id"].to_pylist()
    for file in others:
        column = pq.read_metadata(file).row_group(0).column(0)
        assert column.path_in_schema == "id"
        start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        data = bytearray(file.read_bytes())
        data[start + column.total_compressed_size - 3] ^= 0xFF
        file.write_bytes(data)
    assert ids(release.stream("train", where=pc.field("id") == last, columns=["id"])) == [last]
    with pytest.raises(DamagedRelease, match=r"train-0000"):
        ids(release.stream("train", columns=["id"]))
