"""Some of the demo's rendered scenes as OSV-5M lays its photos out: `train.csv`, and a zip of `00/<id>.jpg`.

    python recipes/demo/mg_geo_meta/make.py        # in the repository's folder; the same bytes every time

Three rows are there to be left out: two lack a name, and one lies in another country than it says.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from factory import geo

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent
SCENES = tuple(f"s{number:02d}" for number in (3, 4, 5, 7, 8, 12, 21, 22, 24, 26, 27))
HEADER = (
    "id,latitude,longitude,thumb_original_url,country,sequence,captured_at,lon_bin,lat_bin,cell,region,sub-region,city,"
    "land_cover,road_index,drive_side,climate,soil,dist_sea,quadtree_10_5000,quadtree_10_25000,quadtree_10_1000,"
    "quadtree_10_50000,quadtree_10_12500,quadtree_10_500,quadtree_10_2500,unique_region,unique_sub-region,unique_city,"
    "unique_country,creator_username,creator_id"
)


def main() -> None:
    with (DEMO / "scenes.csv").open(newline="", encoding="utf-8") as file:
        scenes = {row["id"][:3]: row for row in csv.DictReader(file)}
    chosen = [scenes[name] for name in SCENES]
    with (HERE / "train.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, HEADER.split(","), restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(row_of(scene) for scene in chosen)
    (HERE / "images").mkdir(exist_ok=True)
    with zipfile.ZipFile(HERE / "images" / "00.zip", "w", zipfile.ZIP_STORED) as archive:
        for scene in chosen:
            entry = zipfile.ZipInfo(f"00/{number_of(scene)}.jpg", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, (DEMO / scene["file"]).read_bytes())


def number_of(scene: dict[str, str]) -> str:
    """An id as Mapillary's: fifteen digits."""
    return str(10**14 + int(hashlib.sha256(scene["id"].encode()).hexdigest(), 16) % (9 * 10**14))


def row_of(scene: dict[str, str]) -> dict[str, str]:
    place = geo.reverse(float(scene["lat"]), float(scene["lon"])).row(0, named=True)
    known = {
        "country": place["country_code"],
        "region": place["region"] or "",
        "city": place["city"] or "",
    }
    if scene["id"].startswith("s22"):
        known["country"] = "SK"
    if scene["id"].startswith("s24"):
        known["city"] = "NaN"
    if scene["id"].startswith("s21"):
        known["region"] = ""
    taken = datetime.fromisoformat(scene["captured_at"]).replace(tzinfo=UTC)
    parts = (known["city"], "NaN", known["region"] or "NaN", known["country"])
    return {
        "id": number_of(scene),
        "latitude": scene["lat"],
        "longitude": scene["lon"],
        **known,
        "captured_at": str(int(taken.timestamp() * 1000)),
        "unique_city": "_".join(part or "NaN" for part in parts),
        "unique_country": known["country"],
        "creator_username": scene["author"],
    }


if __name__ == "__main__":
    main()
