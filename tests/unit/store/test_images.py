"""A shard's images: written once in plan order, read back by position, the same bytes every time."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.store.files import file_digest
from factory.store.images import ImageStore, member_name


def fill(path: Path, images: Mapping[Any, bytes]) -> None:
    """Images by position in the shard, or by position and place in the sample."""
    with ImageStore.create(path) as store:
        for (position, index), jpeg in sorted(
            (at if isinstance(at, tuple) else (at, 0), i) for at, i in images.items()
        ):
            store.add(position, jpeg, index)
            assert store.read(position, index) == jpeg
        store.finish()


@settings(max_examples=25)
@given(st.dictionaries(st.tuples(st.integers(0, 99_999), st.integers(0, 12)), st.binary(max_size=1500), max_size=6))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, images: dict[tuple[int, int], bytes]
) -> None:
    path = tmp_path_factory.mktemp("store") / "images.tar"
    fill(path, images)
    with ImageStore(path) as store:
        assert {(position, index): store.read(position, index) for position, index in images} == images


def test_a_tar_that_was_written_knows_its_digest_and_is_not_read_for_it(tmp_path: Path) -> None:
    path = tmp_path / "images.tar"
    with ImageStore.create(path) as store:
        store.add(0, b"first")
        assert store.digest is None, "it is not whole yet"
        store.add(1, b"second" * 1000)
        store.finish()
        assert store.digest == file_digest(path)
    with ImageStore(path) as store:
        assert store.digest is None, "somebody else wrote it"


def test_a_samples_first_picture_bears_its_number_alone(tmp_path: Path) -> None:
    fill(tmp_path / "images.tar", {(3, 0): b"ground", (3, 1): b"satellite", (3, 10): b"map", (4, 0): b"next"})
    with tarfile.open(tmp_path / "images.tar") as tar:
        assert tar.getnames() == ["000003.jpg", "000003.1.jpg", "000003.10.jpg", "000004.jpg"]
    assert member_name(3) == member_name(3, 0) == "000003.jpg"
    with ImageStore(tmp_path / "images.tar") as store:
        assert (store.read(3), store.read(3, 10)) == (b"ground", b"map")
        with pytest.raises(KeyError):
            store.read(4, 1)


def test_it_is_a_plain_tar(tmp_path: Path) -> None:
    fill(tmp_path / "images.tar", {0: b"first", 17: b"second"})
    with tarfile.open(tmp_path / "images.tar") as tar:
        assert [(m.name, m.size, m.mtime, m.uid, m.mode) for m in tar] == [
            ("000000.jpg", 5, 0, 0, 0o644),
            ("000017.jpg", 6, 0, 0, 0o644),
        ]


def test_the_bytes_do_not_depend_on_the_run(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        fill(tmp_path / name, {0: b"x" * 700, 2: b"y"})
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_an_unfinished_store_leaves_no_tar(tmp_path: Path) -> None:
    with ImageStore.create(tmp_path / "images.tar") as store:
        store.add(0, b"half")
    assert not (tmp_path / "images.tar").exists()


def test_a_missing_position_is_a_key_error(tmp_path: Path) -> None:
    fill(tmp_path / "images.tar", {0: b"x"})
    with ImageStore(tmp_path / "images.tar") as store, pytest.raises(KeyError):
        store.read(1)


def test_a_store_that_is_dropped_leaves_no_file_open(tmp_path: Path) -> None:
    with ImageStore.create(tmp_path / "images.tar") as made:
        made.add(0, b"jpeg")
        made.finish()
    store = ImageStore(tmp_path / "images.tar")
    descriptor = store._descriptor
    os.fstat(descriptor)
    del store
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
