"""CVG-Text's annotations and NGCG's pairs as their published loaders read them, and nothing of ours.

read(root, version, split, kind) -> (path of the picture, caption) a row, as `OSMTextImageDataset` of CVG-Text
pairs(root, split)               -> one record a row, as NGCG's `CVGValDataset`
place(path)                      -> latitude and longitude, as `extract_lat_lon` of CVG-Text's evaluation
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def read(root: Path, version: str, split: str, kind: str) -> list[tuple[Path, str]]:
    """One JSON object, file name to caption; the picture is looked for under the same name in the folder of its kind
    (`satellite`, `OSM`, `ground`)."""
    captions = json.loads((root / "annotation" / version / f"{split}.json").read_text())
    return [(root / f"{version}-{kind}" / name, caption) for name, caption in captions.items()]


def place(path: Path) -> tuple[float, float]:
    match = re.match(r"([-+]?[0-9]*\.?[0-9]+),([-+]?[0-9]*\.?[0-9]+)", path.name)
    assert match is not None, path
    return float(match.group(1)), float(match.group(2))


def pairs(root: Path, split: str) -> list[dict[str, Any]]:
    """`-` is nothing; a side without a path has no picture, and each pair needs one picture, which names its place."""
    found = []
    for row in json.loads((root / f"{split}.json").read_text()):
        assert [*row] == ["qry_text", "qry_img_path", "pos_text", "pos_img_path"]
        paths = {side: row[f"{side}_img_path"] for side in ("qry", "pos")}
        pictures = {side: root / path for side, path in paths.items() if path not in ("", "-")}
        assert pictures and all(path.is_file() for path in pictures.values())
        building = paths["qry"] if paths["qry"] != "-" else paths["pos"]
        texts = {side: row[f"{side}_text"] for side in ("qry", "pos") if row[f"{side}_text"] != "-"}
        found.append({"texts": texts, "pictures": pictures, "building": building})
    return found
