"""Files of a zip: where they lie, and what is refused."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.images.coded import read_source
from factory.images.records import ImageRejected, ImageSettings
from factory.sources.zip_index import most_packed, read_member, zip_members
from schemas import Deflated, FilePart


def write(path: Path, files: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path) -> dict[str, bytes]:
    """Every file of the zip; a picture that is refused raises SourceError with its detail."""
    found = {}
    for member in zip_members(path, label="z"):
        data = read_source(read_member(path, member, label="z"), ImageSettings())
        if isinstance(data, ImageRejected):
            raise SourceError(f"z: {data.reason}: {data.detail}")
        found[member.name] = data
    return found


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_file_is_found_with_its_bytes(tmp_path: Path, packing: int) -> None:
    files = {"00/1.jpg": b"one", "00/2.jpg": b"two" * 1000, "Zürich.jpg": b"", "00/": b""}
    path = write(tmp_path / "a.zip", files, packing)
    assert unpacked(path) == {name: data for name, data in files.items() if not name.endswith("/")}


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_picture_is_named_by_its_place_and_not_read(tmp_path: Path, packing: int) -> None:
    path = write(tmp_path / "a.zip", {"1.jpg": b"x" * 100}, packing)
    (member,) = zip_members(path, label="z")
    how = Deflated(member.packed, member.crc) if packing == zipfile.ZIP_DEFLATED else None
    assert read_member(path, member, label="z") == FilePart(path, 35, 100, how)


@given(size=st.integers(0, 3_000_000), level=st.integers(0, 9), memory=st.integers(1, 9), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_what_any_packer_makes_is_within_its_bound_and_unpacked_whole(
    tmp_path_factory: pytest.TempPathFactory, size: int, level: int, memory: int, seed: int
) -> None:
    data = Random(seed).randbytes(size) if seed else bytes(size)
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, memory)
    packed = packer.compress(data) + packer.flush()
    assert len(packed) <= most_packed(size)
    path = tmp_path_factory.mktemp("z") / "a"
    path.write_bytes(b"before" + packed + b"behind")
    part = FilePart(path, 6, size, Deflated(len(packed), zlib.crc32(data)))
    assert read_source(part, ImageSettings()) == data


def test_a_deflated_picture_larger_than_the_recipe_allows_is_refused_by_what_the_directory_says(tmp_path: Path) -> None:
    part = FilePart(tmp_path / "a", 0, 2_000_000, Deflated(2_000, 0))
    (tmp_path / "a").write_bytes(b"not deflate at all")
    found = read_source(part, ImageSettings(max_file_mb=1))
    assert isinstance(found, ImageRejected) and found.reason == "file_too_large", "not one byte of it is unpacked"


def test_zips_of_more_than_32_bits_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("1.jpg", "w", force_zip64=True) as file:
        file.write(b"one")
    wide = path.read_bytes()
    entry = wide.rindex(b"PK\1\2")
    end = wide.rindex(b"PK\5\6")
    size, start = end - entry, entry
    long = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    short = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(wide[:end] + long + locator + short)
    assert unpacked(path) == {"1.jpg": b"one"}


def changed(path: Path, at: int, form: str, value: int) -> None:
    """Writes a number into the first entry of the directory, so many bytes from its start."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.rindex(b"PK\1\2") + at, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "form", "value", "message"),
    [
        (8, "<H", 1, "is encrypted"),
        (10, "<H", 12, "packed by method 12"),
        (24, "<L", 1 << 30, "does not fit the archive"),
        (42, "<L", 1 << 30, "does not fit the archive"),
        (28, "<H", 65_000, "directory is damaged"),
    ],
)
def test_what_a_picture_cannot_be_is_refused_by_name(
    tmp_path: Path, at: int, form: str, value: int, message: str
) -> None:
    path = write(tmp_path / "a.zip", {"1.jpg": b"x" * 10})
    changed(path, at, form, value)
    with pytest.raises(SourceError, match=message):
        unpacked(path)


def test_a_bomb_ends_at_the_size_its_directory_says(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"1.jpg": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    changed(path, 24, "<L", 1000)
    with pytest.raises(SourceError, match=r"takes 48,[0-9]{3} in the zip, more than deflate ever needs"):
        unpacked(path)
    changed(path, 24, "<L", 100_000)
    with pytest.raises(SourceError, match="not what the zip's directory says"):
        unpacked(path)


def test_a_deflated_picture_larger_than_any_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"1.jpg": bytes(1000)}, zipfile.ZIP_DEFLATED)
    changed(path, 24, "<L", 1 << 30)
    with pytest.raises(SourceError, match=r"'1\.jpg' of 1,073,741,824 bytes is too large: at most 268,435,456"):
        unpacked(path)


def test_what_is_no_zip_or_a_part_of_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for data in (b"", b"no zip at all", write(path, {"1.jpg": b"x"}).read_bytes()[:-10]):
        path.write_bytes(data)
        with pytest.raises(SourceError, match="is no zip, or its end is missing"):
            unpacked(path)


@given(flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=200)
def test_any_damage_is_a_message_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]
) -> None:
    path = write(tmp_path_factory.mktemp("z") / "a.zip", {"1.jpg": b"one", "2.jpg": b"two" * 50}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    for at, value in flips:
        data[at % len(data)] = value
    path.write_bytes(data)
    try:
        assert sum(map(len, unpacked(path).values())) < 10_000
    except SourceError as error:
        assert str(error).startswith("z: ")
