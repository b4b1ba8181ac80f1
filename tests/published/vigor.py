"""VIGOR's lists as its published loaders read them (VIGOR, SliceMatch, Sample4Geo), and nothing of ours.

read(root, city, name, pictures) -> one record a row: paths of the ground picture and four tiles, and their offsets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDERS = {"vigor": ("{city}/panorama", "{city}/satellite"), "sample4geo": ("ground/{city}", "satellite/{city}")}
CITIES_OF = {"train": ("NewYork", "Seattle"), "test": ("SanFrancisco", "Chicago")}


def read(root: Path, city: str, name: str, *, lists: str = "splits__corrected", layout: str = "vigor") -> list[Any]:
    """Splits each line at blanks, as `line.split(' ')` and pandas' `sep='\\s+'` do; columns 1, 4, 7, 10 are tiles."""
    ground, above = (form.format(city=city) for form in FOLDERS[layout])
    tiles = (root / lists / city / "satellite_list.txt").read_text().split()
    index = {tile: number for number, tile in enumerate(tiles)}
    found = []
    with (root / lists / city / name).open() as file:
        for line in file.readlines():
            data = line.split()
            if not data:
                continue
            assert len(data) == 13, line
            found.append(
                {
                    "ground": root / ground / data[0],
                    "tiles": [root / above / data[at] for at in (1, 4, 7, 10)],
                    "labels": [index[data[at]] for at in (1, 4, 7, 10)],
                    "deltas": [[float(data[at]), float(data[at + 1])] for at in (2, 5, 8, 11)],
                }
            )
    return found
