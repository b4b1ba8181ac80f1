"""What a Parquet file of a stranger unpacks to, found before anything is made of it.

A page of zeros takes a thousandth of its size; a value of a dictionary stands once in the file and in every row that
points to it; a run of a billion equal cells takes five bytes. What the footer says of all that nobody checks. So the
header of every page is read (readers reserve what it says, and fail where more comes out), and where a dictionary could
swell, the lengths that its rows point to are summed without making one of them.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

SMALL_BYTES: Final = 256_000_000
"""Any file may unpack to so many bytes,"""
MOST_TIMES: Final = 100
"""and a larger one to so many times its size (answers as JSON shrink to a fifth, columns of one value to nothing),"""
LARGE_BYTES, LARGE_TIMES = 4_000_000_000, 8
"""up to so many bytes and so many times its size: a table of five million rows unpacks to one gigabyte."""
SMALL_CELLS: Final = 20_000_000
CELLS_A_BYTE: Final = 10
"""Any file may have so many cells, and a larger one so many a byte: 16 bytes of memory each, whatever they take."""
MAX_COLUMNS: Final = 10_000
"""Leaves of the schema; some readers take time in the square of them."""
LOOKS: Final = 4_000_000
"""Values of dictionaries that are looked at, for the longest, in one file; about a second."""
MAX_HEADER: Final = 16 << 20
"""Bytes of a page's header, as in Arrow."""
_DICTIONARY: Final = 2
_LENGTH: Final = struct.Struct("<I")
_DEPTH: Final = 8


@dataclass(slots=True)
class _Leaf:
    """The pages of one column, over all row groups."""

    name: str
    unpacked: int = 0
    cells: int = 0
    pointing: int = 0
    """Bytes that its values may take at most, where all point to the longest of their dictionary."""
    width: int = 0
    """Bytes of each value, where all have as many."""


def refuse_bomb(path: Path, columns: Collection[str] | None = None, *, small: int = SMALL_BYTES) -> None:
    """Raises ValueError for a Parquet file that is far larger unpacked than on disk, or says more than it holds; and
    OSError or pyarrow.ArrowException where its footer cannot be read.

    Args:
        path: the file.
        columns: the top-level columns that are to be read; all by default.
        small: bytes that any such file may unpack to.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as parquet, path.open("rb") as file:
        size = path.stat().st_size
        bytes_allowed = small + min(MOST_TIMES * size, LARGE_BYTES + LARGE_TIMES * size)
        leaves = _leaves(parquet, file, columns)
        _refuse("cells", sum(leaf.cells for leaf in leaves), SMALL_CELLS + CELLS_A_BYTE * size)
        _refuse("bytes", sum(leaf.unpacked + leaf.cells * leaf.width for leaf in leaves), bytes_allowed)
        if leaves and parquet.metadata.num_rows > min(leaf.cells for leaf in leaves):
            raise ValueError(f"says that it has {parquet.metadata.num_rows:,} rows, and holds fewer")
    swelling = [leaf.name for leaf in leaves if leaf.pointing > bytes_allowed]
    _refuse("bytes", sum(_pointed_to(path, name, bytes_allowed) for name in swelling), bytes_allowed)


def unpacked(chunk: Any, path: Path) -> tuple[int, int]:
    """Bytes of all pages of a column in a row group, and of its dictionary: what each of its rows may take at most.

    Args:
        chunk: its metadata, a `pyarrow.parquet.ColumnChunkMetaData`.
        path: the file.

    Raises ValueError where its pages cannot be told.
    """
    with path.open("rb") as file:
        pages = list(_pages(chunk, file))
    return sum(page.unpacked for page in pages), max((page.unpacked for page in pages if page.dictionary), default=0)


def _refuse(what: str, found: int, most: int) -> None:
    if found > most:
        raise ValueError(f"it unpacks to {found:,} {what}; of a file of its size at most {most:,} are read")


def _leaves(parquet: Any, file: BinaryIO, columns: Collection[str] | None) -> list[_Leaf]:
    metadata = parquet.metadata
    if metadata.num_columns > MAX_COLUMNS:
        raise ValueError(f"it has {metadata.num_columns:,} columns; at most {MAX_COLUMNS:,} are read")
    leaves = []
    looks = [LOOKS]
    for number in range(metadata.num_columns):
        column = parquet.schema.column(number)
        if columns is not None and column.path.partition(".")[0] not in columns and column.path not in columns:
            continue
        fixed = column.length if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0
        leaf = _Leaf(column.path, width=fixed)
        for group in range(metadata.num_row_groups):
            _add(leaf, metadata.row_group(group).column(number), file, looks)
        leaves.append(leaf)
    return leaves


def _add(leaf: _Leaf, chunk: Any, file: BinaryIO, looks: list[int]) -> None:
    """Counts the pages of one row group. Into its dictionary is looked where all of it for every row were much."""
    cells, longest = 0, 0
    dictionaries = []
    for page in _pages(chunk, file):
        leaf.unpacked += page.unpacked
        cells += 0 if page.dictionary else page.values
        dictionaries += [page] if page.dictionary else []
    for page in dictionaries if chunk.physical_type == "BYTE_ARRAY" else ():
        much = page.unpacked * cells > SMALL_BYTES
        longest = max(longest, _longest(page, chunk, file, looks) if much else page.unpacked)
    leaf.cells += cells
    leaf.pointing += longest * cells


@dataclass(frozen=True, slots=True)
class _Page:
    at: int
    """Where its content begins in the file, bytes."""
    packed: int
    unpacked: int
    values: int
    dictionary: bool


def _longest(page: _Page, chunk: Any, file: BinaryIO, looks: list[int]) -> int:
    """Bytes of the longest value of a dictionary; those of the whole one where it is not looked into."""
    import pyarrow as pa

    looks[0] -= page.values
    if page.unpacked > SMALL_BYTES or looks[0] < 0:
        return page.unpacked
    file.seek(page.at)
    data = file.read(page.packed)
    try:
        if chunk.compression != "UNCOMPRESSED":
            data = pa.Codec(chunk.compression.lower()).decompress(data, page.unpacked, asbytes=True)
    except (OSError, ValueError, pa.ArrowException):
        return page.unpacked
    at = longest = 0
    lengths, last = _LENGTH.unpack_from, len(data) - _LENGTH.size
    for _ in range(page.values):
        if at > last:
            break
        (length,) = lengths(data, at)
        if length > longest:
            longest = length
        at += 4 + length
    return longest


def _pages(chunk: Any, file: BinaryIO) -> Iterator[_Page]:
    """The pages of a column chunk by their headers (Apache Parquet, `parquet.thrift`, PageHeader)."""
    starts = (chunk.data_page_offset, chunk.dictionary_page_offset if chunk.has_dictionary_page else 0)
    position: int = min((start for start in starts if start > 0), default=0)
    end = position + chunk.total_compressed_size if position else 0
    while position < end:
        header, length = _header(file, position)
        kind, unpacked, packed = (header.get(number, -1) for number in (1, 2, 3))
        if not all(isinstance(number, int) and number >= 0 for number in (kind, unpacked, packed)):
            raise ValueError("a page says no size")
        said = header.get({0: 5, _DICTIONARY: 7, 3: 8}.get(kind, -1))
        values = said.get(1, 0) if isinstance(said, dict) else 0
        if values < 0:
            raise ValueError("a page says no number of values")
        yield _Page(position + length, packed, unpacked, values, kind == _DICTIONARY)
        position += length + packed


def _header(file: BinaryIO, position: int) -> tuple[dict[int, Any], int]:
    """A page's header and its length."""
    for size in (512, 1 << 16, MAX_HEADER):
        file.seek(position)
        data = file.read(size)
        try:
            found, end = _struct(data, 0, _DEPTH)
        except IndexError:
            if len(data) < size:
                break
            continue
        return found, end
    raise ValueError("a page has no header")


def _struct(data: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """Whole numbers and structs of a struct in Thrift's compact protocol, by field. Raises IndexError at the end."""
    if depth == 0:
        raise ValueError("a page's header is too deep")
    fields: dict[int, Any] = {}
    number = 0
    while kind := data[at]:
        at += 1
        if kind >> 4:
            number += kind >> 4
        else:
            number, at = _zigzag(data, at)
        fields[number], at = _value(data, at, kind & 15, depth)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, at
    if kind in (4, 5, 6):
        return _zigzag(data, at)
    if kind == 12:
        return _struct(data, at, depth - 1)
    if kind == 8:
        length, at = _varint(data, at)
    elif kind in (3, 7):
        length = 1 if kind == 3 else 8
    else:
        raise ValueError("a page's header has fields that no writer writes")  # lists and maps: none is defined
    if at + length > len(data):
        raise IndexError
    return None, at + length


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    number, at = _varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise ValueError("a page's header has a number of more than 64 bits")


def _pointed_to(path: Path, leaf: str, most: int) -> int:
    """Bytes of all values of a column, each as often as it is pointed to; counted until they are more than `most`."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found = 0
    with pq.ParquetFile(path, read_dictionary=[leaf], pre_buffer=False) as parquet:
        for group in range(
            parquet.num_row_groups
        ):  # Arrow makes no batch of dictionaries inside lists from two of them
            for batch in parquet.iter_batches(1 << 16, row_groups=[group], columns=[leaf], use_threads=False):
                for values in _dictionaries(batch.column(0)):
                    lengths = pc.binary_length(values.dictionary)
                    found += pc.sum(lengths.take(values.indices).cast("int64")).as_py() or 0
                if found > most:
                    return found
    return found


def _dictionaries(array: Any) -> Iterator[Any]:
    """The arrays with a dictionary inside one."""
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        yield from _dictionaries(array.storage)
    elif pa.types.is_dictionary(array.type):
        yield array
    elif pa.types.is_map(array.type):
        yield from _dictionaries(array.keys)
        yield from _dictionaries(array.items)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _dictionaries(child)
    elif hasattr(array, "flatten"):
        yield from _dictionaries(array.flatten())
