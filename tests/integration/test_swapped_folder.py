"""Somebody who may write where a build lies swaps a folder for a link to yours while the command works in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_endpoint import completion, image_sha256, plausible_answer
from tests.http_server import answering
from tests.real_build import factory, make_photos, only_build, write_recipe

NAMES = (
    *("build.json", "lease", "plan.parquet", "dropped.parquet", "recipe.lock.yaml", "selection.parquet", "report.html"),
    *("verified.json", "answered.sqlite", "budget.sqlite", "images.tar", "answers.parquet", "report.json", "progress"),
    *("verdicts.parquet", "ledger.parquet", "ledger.sqlite", "ledger.sqlite-wal", "README.md", "manifest.json"),
)
"""What a command writes, renames or removes in one of the folders."""


@pytest.mark.parametrize("swapped", [".", "shards", "shards/00000"])
def test_a_folder_that_becomes_a_link_while_a_build_works_leads_to_no_file_of_yours(
    tmp_path: Path, swapped: str
) -> None:
    victim = tmp_path / "victim"
    for folder in ("", "shards", "shards/00000", "00000", "release.tmp", "release.old"):
        for name in NAMES:
            (victim / folder).mkdir(exist_ok=True)
            (victim / folder / name).write_text("keep")
    before = {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()}

    def reply(body: bytes) -> bytes:
        """Answers, and puts the link there when it is asked."""
        folder = only_build(tmp_path / "builds") / swapped
        folder.rename(tmp_path / "moved")
        folder.symlink_to(victim)
        return completion(json.dumps(plausible_answer(image_sha256(body))))

    make_photos(tmp_path, 1)
    with answering(reply) as url:
        done = factory("build", write_recipe(tmp_path, url), "--workers", "1", cwd=tmp_path)
    assert done.returncode == 3 and "Traceback" not in done.stderr, done
    assert (tmp_path / "moved").is_dir() and not (tmp_path / "moved").is_symlink()
    assert {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()} == before
