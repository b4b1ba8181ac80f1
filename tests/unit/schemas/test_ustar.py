"""Our own tars are read from their headers alone, and whatever no writer of ours makes is refused."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from factory.store.ustar import END
from schemas.ustar import members
from tests.tars import member

WHOLE = member("000.json", b"{}") + member("000.jpg", b"x" * 600) + END


def found(data: bytes) -> list[tuple[str, bytes]]:
    return [(one.name, data[one.offset : one.offset + one.size]) for one in members(io.BytesIO(data))]


def test_files_are_found_where_they_were_written() -> None:
    assert found(WHOLE) == [("000.json", b"{}"), ("000.jpg", b"x" * 600)]
    assert found(END) == []


def by_tarfile(write: Callable[[tarfile.TarInfo], object], format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002
    out, info = io.BytesIO(), tarfile.TarInfo("000.jpg")
    write(info)
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[:512], "reaches past the end"),
        (WHOLE[:1024], "without its end mark"),
        (WHOLE[: -len(END)], "without its end mark"),
        (b"\1" + WHOLE[1:], "damaged header at byte 0"),
        (WHOLE[:1024] + b"\xff" * 512 + WHOLE[1536:], "no header at byte 1,024"),
        (by_tarfile(lambda info: setattr(info, "type", tarfile.SYMTYPE)), "'000.jpg' is not a plain file"),
        (by_tarfile(lambda info: setattr(info, "pax_headers", {"comment": "x" * 9_000})), "is not a plain file"),
        (by_tarfile(lambda info: setattr(info, "name", "x" * 300), tarfile.GNU_FORMAT), "is not a plain file"),
    ],
    ids=["cut in data", "cut behind data", "no end", "flipped", "no header", "link", "pax", "long name"],
)
def test_what_no_writer_of_ours_makes_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        found(data)


def test_a_member_that_says_more_than_the_file_has_is_refused_before_it_is_read() -> None:
    info = tarfile.TarInfo("a")
    info.size = 1 << 32
    with pytest.raises(ValueError, match="reaches past the end"):
        found(info.tobuf(tarfile.USTAR_FORMAT) + END)
