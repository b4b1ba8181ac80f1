"""The 1,120 rows that NaviClues released, and files of LLaMA-Factory and ms-swift, through other formats and back."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from factory.formats.convert import How
from factory.formats.json_rows import json_rows
from factory.formats.known import FORMATS
from tests.row_files import converted, json_file

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
CLUES = SHARED / "data/naviclues/filtered_clues.jsonl"
SFT = SHARED / "data/formats/hub_sft"
pytestmark = pytest.mark.skipif(not CLUES.is_file(), reason="real rows are missing: set FACTORY_SHARED")


@pytest.mark.parametrize("through", ["trl", "sharegpt", "llava", "parquet", "webdataset"])
def test_every_row_of_naviclues_comes_back(through: str, tmp_path: Path) -> None:
    converted(CLUES, tmp_path / "there", through, how=How(refer=True))
    converted(tmp_path / "there", tmp_path / "back", "naviclues", how=How(refer=True))
    before, after = (
        b"".join(orjson.dumps(row) for _, row in json_rows(file)) for file in (CLUES, tmp_path / "back/data.jsonl")
    )
    assert before == after and before.count(b'"clues"') == 1120


@pytest.mark.parametrize(
    "name", ["llama_factory/mllm_demo.json", "ms_swift/chatml.jsonl", "ms_swift/conversations.jsonl"]
)
@pytest.mark.parametrize("through", ["trl", "parquet", "webdataset"])
def test_conversations_of_trainers_come_back(name: str, through: str, tmp_path: Path) -> None:
    converted(SFT / name, tmp_path / "there", through, how=How(refer=True))
    converted(tmp_path / "there", tmp_path / "back", "sharegpt", how=How(refer=True))
    rows = [row for _, row in json_rows(SFT / name)]
    assert orjson.dumps(json_file(tmp_path / "back" / f"data{FORMATS['sharegpt'].ending}")) == orjson.dumps(rows)
