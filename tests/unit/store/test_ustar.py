from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.store.ustar import BLOCK, END
from tests.tars import member


@given(st.lists(st.tuples(st.from_regex(r"[a-z0-9]{1,90}\.jpg", fullmatch=True), st.binary(max_size=1500)), max_size=4))
def test_what_is_written_is_what_tarfile_reads(files: list[tuple[str, bytes]]) -> None:
    archive = b"".join(member(name, data) for name, data in files) + END
    assert len(archive) % BLOCK == 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", errorlevel=2) as tar:
        read = [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
        facts = {(info.mode, info.mtime, info.uid, info.gid, info.type, info.uname) for info in tar.getmembers()}
    assert read == files
    assert facts <= {(0o644, 0, 0, 0, tarfile.REGTYPE, "")}


@pytest.mark.parametrize("name", ["", "x" * 101, "straße.jpg"])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        member(name, b"")
