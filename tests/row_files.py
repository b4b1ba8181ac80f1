"""Small files of rows as other tools write them, with pictures beside: written by us, in the spelling of each tool."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from factory.formats.convert import Converted, How, convert
from factory.formats.known import FORMATS
from factory.formats.source import open_source

LLAMA_FACTORY: list[dict[str, Any]] = [
    {
        "messages": [
            {"content": "<image>What stands on the plate?", "role": "user"},
            {"content": "A word in Cyrillic letters.", "role": "assistant"},
            {"content": "And here?<image>", "role": "user"},
            {"content": "The same word in Latin ones.", "role": "assistant"},
        ],
        "images": ["streets/1.jpg", "streets/1.jpg"],
    },
    {
        "messages": [
            {"content": "Which side do they drive on in Namibia?", "role": "user"},
            {"content": "On the left.\r\n", "role": "assistant"},
        ],
        "images": [],
    },
]
"""Key order, a tag behind the words and a picture that is shown twice, as in LLaMA-Factory's own example."""
SHAREGPT: list[dict[str, Any]] = [
    {
        "id": "NA",
        "conversations": [
            {"from": "system", "value": "You know roads."},
            {"from": "human", "value": "<image>\nWhere is this?"},
            {"from": "gpt", "value": "NA: Namibia.", "weight": 1},
        ],
        "images": ["streets/2.png"],
        "score": 1.0,
        "tags": ["NA", None, {"side": "left"}],
    },
    {"id": "x", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hi"}], "score": 3},
]
LLAVA: list[dict[str, Any]] = [
    {
        "id": "000000033471",
        "image": "streets/1.jpg",
        "conversations": [
            {"from": "human", "value": "<image>\nWhich country is this?"},
            {"from": "gpt", "value": "Kenya, by the red soil."},
            {"from": "human", "value": "Sure?"},
            {"from": "gpt", "value": "Fairly."},
        ],
    },
    {"id": "text", "conversations": [{"from": "human", "value": "2+2"}, {"from": "gpt", "value": "4"}]},
    {
        "id": "odd",
        "image": "streets/2.png",
        "conversations": [{"from": "human", "value": "See:<image>now"}, {"from": "gpt", "value": ""}],
    },
]
TRL: list[dict[str, Any]] = [
    {
        "messages": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "In Windhoek."}]},
        ],
        "images": ["streets/1.jpg"],
        "lat": -22.56,
        "country_code": "NA",
    },
    {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "text": None},
                    {"type": "text", "text": "or"},
                    {"type": "text", "text": "?"},
                    {"type": "image", "text": None},
                ],
            },
            {"role": "assistant", "content": "The first."},
        ],
        "images": ["streets/1.jpg", "streets/2.png"],
        "lat": -22,
        "country_code": None,
    },
]
CLUES: list[dict[str, Any]] = [
    {
        "youtube_url": "XXXX",
        "challenge_url": "XXXX",
        "points": points,
        "distance": 0.1 + number,
        "image_path": f"streets/{number + 1}.{'jpg' if number == 0 else 'png'}",
        "location": {
            **{"round": number, "lat": -22.559722000000001, "lng": 17.0},
            **{"continent": "N/A", "country": "Namibia"},
        },
        "clues": "The sign says NA.\n\nThe soil is red.",
    }
    for number, points in enumerate(("5000", 4999))
]
NGCG: list[dict[str, str]] = [
    {"qry_text": "A narrow road.", "qry_img_path": "-", "pos_text": "-", "pos_img_path": "streets/1.jpg"},
    {"qry_text": "Find it.", "qry_img_path": "streets/2.png", "pos_text": "A roof.", "pos_img_path": "streets/1.jpg"},
]
TEST_TABLE = (
    "IMG_ID,LAT,LON,city,country\r\n"
    "7e_c3_8163912402.jpg,-22.5600,17.0833,Windhoek,NA\r\n"
    '"a, b",10,20.50,"São ""Tomé""",\r\n'
    "=x,0,0,-,@home"
)
"""CRLF, no last line end, `NA`, a comma and quotes in a cell, zeros behind the point, formulas."""


def picture(number: int, kind: str = "JPEG") -> bytes:
    """A small picture, another one for each number."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), (number * 37 % 256, 90, 160)).save(data, kind)
    return data.getvalue()


def with_pictures(folder: Path) -> Path:
    """A folder with `streets/1.jpg` and `streets/2.png`."""
    (folder / "streets").mkdir(parents=True)
    (folder / "streets/1.jpg").write_bytes(picture(1))
    (folder / "streets/2.png").write_bytes(picture(2, "PNG"))
    return folder


def written(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], *, end: str = "\n") -> Path:
    """Rows as a JSON list or JSON lines, by the name's ending."""
    file = folder / name
    if file.suffix == ".json":
        text = json.dumps(rows, indent=2, ensure_ascii=False)
    else:
        text = end.join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_bytes(text.encode())
    return file


def converted(source: Path, out: Path, to: str, of: str | None = None, how: How = How()) -> Converted:  # noqa: B008
    """`factory convert`, without the command line."""
    return convert(open_source(source, called=of, images=None), FORMATS[to], out, how)


def json_file(file: Path) -> Any:
    """What a written file of rows holds."""
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
