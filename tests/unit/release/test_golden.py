"""The bytes of a small release: four rows in two splits from committed photos. A change here is a change for users.

To renew after a wanted change (or a new pyarrow, which writes its version into Parquet), look at the difference and run

    RENEW_GOLDEN=1 pytest tests/unit/release/test_golden.py
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from release import write_release
from tests.build_fixture import make_build

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = [path.read_bytes() for path in sorted((GOLDEN / "photos").glob("*.jpg"))]
    build = make_build(tmp_path_factory.mktemp("golden") / "b", 8, photos=photos)
    write_release(build)
    return build.paths.release


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_the_card_reads_as_before(release: Path) -> None:
    compare("card.md", (release / "README.md").read_text(encoding="utf-8"))


def test_a_samples_json_is_as_before(release: Path) -> None:
    with tarfile.open(release / "webdataset" / "train-000000.tar") as tar:
        member = tar.extractfile("000000.json")
        assert member is not None
        compare("sample.json", member.read().decode() + "\n")


def test_pictures_stand_in_tars_as_they_are(release: Path) -> None:
    photos = {path.stem: path.read_bytes() for path in (GOLDEN / "photos").glob("*.jpg")}
    for split, numbers in (("train", "012"), ("test", "2")):  # s000, s001, s006; s002: four photos in turn
        with tarfile.open(release / "webdataset" / f"{split}-000000.tar") as tar:
            pictures = {member.name: tar.extractfile(member).read() for member in tar if member.name.endswith(".jpg")}  # type: ignore[union-attr]
        assert pictures == {f"{place:06d}.jpg": photos[number] for place, number in enumerate(numbers)}


def test_every_file_has_the_same_bytes_as_before(release: Path) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file())
    digests = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(release).as_posix()}\n" for path in files
    ]
    compare("release.sha256", "".join(digests))
