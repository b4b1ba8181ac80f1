"""Any tar that Python's `tarfile` writes, planned: its members are the rows and the named reasons."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from factory.phases.plan import compile_plan
from factory.sources.tar_samples import in_unicode
from factory.sources.webdataset import webdataset
from factory.text import escaped
from schemas.settings import PlanSettings
from tests.tars import bytes_at

FIXED = settings(
    derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PICTURE, RECORD = b"picture", json.dumps({"lat": 60.5, "lon": 25.5}).encode()
MARKED = b"\xef\xbb\xbf" + RECORD
RECORDS = st.sampled_from([RECORD, RECORD, RECORD, MARKED, b'{"lat": NaN}', b"[]", b"{", b"", b"\xff"])
ODD_NAMES = ["IMG_2020.01.02", "Shot\u202fPM", "caf\u00e9", "cafe\u0301", "a::b", ".", "\udce9", "a\nb"]
STEMS = st.one_of(
    st.sampled_from(["1", "2", *ODD_NAMES]),
    st.text(st.characters(exclude_characters="/\\\0", exclude_categories=("Cs",)), min_size=1, max_size=6),
)
NAMES = st.builds("{}{}{}".format, st.sampled_from(["", "x/", "x.y/"]), STEMS, st.sampled_from(["", ".1", ".seg"]))
ENDS = st.sampled_from([(".jpg",), (".jpg", ".json"), (".json",), (".png", ".jpg"), (".txt",), ("",)])


@st.composite
def members(draw: st.DrawFn) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, ends in draw(st.lists(st.tuples(NAMES, ENDS), max_size=6)):
        for end in ends:
            found[name + end] = draw(RECORDS) if end == ".json" else PICTURE
    return {name: data for name, data in found.items() if not {".", ".."} & set(name.split("/"))}


@FIXED
@given(members(), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
@example({"IMG_2020.01.02.jpg": PICTURE, "IMG_2020.01.02.json": RECORD}, tarfile.PAX_FORMAT)
@example({"1.jpg": PICTURE, "1.json": RECORD, "1.seg.png": PICTURE, "._1.jpg": PICTURE}, tarfile.GNU_FORMAT)
def test_members_are_rows_and_reasons(tmp_path: Path, files: dict[str, bytes], kind: int) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=kind) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    source = webdataset(tmp_path, path="a.tar")
    plan = compile_plan(source.table(), PlanSettings())
    for images in plan.samples["images"]:
        name = images[0]["locator"].removeprefix("a.tar::")
        truth = json.loads(files[f"{name.rpartition('.')[0]}.json"].removeprefix(b"\xef\xbb\xbf"))
        assert truth["lat"] == 60.5
        assert bytes_at(source, f"a.tar::{name}") == files[name] == PICTURE
    assert plan.dropped.filter(plan.dropped["reason"] == "").is_empty()
    keys = [row.removeprefix("a.tar::") for frame in (plan.samples, plan.dropped) for row in frame["id"]]
    assert len(keys) <= len(files)
    for name in files:
        whole = in_unicode(name)
        assert any(told == key or told.startswith(f"{key}.") for told in (whole, escaped(whole)) for key in keys), name
