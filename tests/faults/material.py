"""Sound files of every kind that the commands read, from which the hostile ones are made."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import polars as pl

from factory.store.layout import open_build
from tests.annotations import box, said, shown, write_annotations
from tests.fake_endpoint import plausible_answer
from tests.hostile import encode, exif_tiff, picture
from tests.real_build import factory, make_photos, only_build

PHOTOS = 6
RECIPE = """\
name: t
description: a trial
generator: {name: mp16_reason, max_clues: 6}
source: {kind: table, path: photos.csv, images: images, uncertainty_km: 0.5}
plan: {shard_size: 4, seed: 3}
images: {max_side: 512, quality: 88}
teachers:
  - {name: a, backend: replay, path: said.jsonl, model: one}
verify:
  checks: [{localizable: {min_confidence: 0.1}}, {near_truth: {tier: region, radius_km: 200}}, no_leak]
  decide: {by: rules, reject: [localizable, near_truth, no_leak], review: []}
select:
  - near_duplicates: {max_hamming: 4}
  - split: {train: 0.6, validation: 0.2, test: 0.2, keep_together: [author]}
release: {shard_size: 100, formats: [webdataset, parquet]}
profiles:
  demo: {plan: {limit: 6}}
"""
CLUE_RECIPE = """\
name: t
generator: {name: mg_geo_clue, clues: CLUES}
source: {kind: table, path: photos.csv, images: images}
plan: {shard_size: 4}
teachers:
  - {name: a, backend: replay, path: chosen.jsonl, model: one}
verify:
  checks: [{clue_known: {clues: CLUES}}, {clue_faithful: {clues: CLUES}}, clue_no_leak]
  decide: {by: rules, reject: [clue_known, clue_no_leak], review: [clue_faithful]}
"""
"""MG-Geo Clue over a repository of clues, whose file stands for CLUES."""
SPOKEN_RECIPE = """\
name: t
generator: naviclues
source: {kind: transcripts, path: spoken/rounds.csv, transcripts: spoken, images: images}
plan: {shard_size: 4}
teachers:
  - {name: a, backend: replay, path: written.jsonl, model: one}
verify:
  checks: [round_score, points_fit_distance, spans_exist, spans_support, right_country, {clue_length: {min_chars: 5}},
           no_game_talk]
  decide: {by: rules, reject: [round_score, spans_exist, no_game_talk], review: [points_fit_distance, spans_support]}
"""
"""NAVICLUES over the rounds of `spoken`."""
BUILT_RECIPE = """\
name: t
generator: localizability
source: {kind: build, path: made, min_teachers: 1}
plan: {shard_size: 4}
"""
"""Localizability over the finished build."""
SOURCES = {
    "csv": "{kind: table, path: photos.csv, images: images}",
    "parquet": "{kind: table, path: photos.parquet}",
    "jsonl": "{kind: table, path: photos.jsonl, images: images}",
    "tar": "{kind: webdataset, path: photos.tar}",
    "folder": "{kind: folder, path: exif}",
    "transcripts": "{kind: transcripts, path: spoken/rounds.csv, transcripts: spoken, images: images}",
    "osv5m": "{kind: osv5m, path: osv5m/train.csv, images: osv5m, complete: false}",
    "gws15k": "{kind: gws15k, pool: table, path: pool/pool.csv, images: images, cities: pool/cities.csv, "
    "areas: pool/areas.csv, n: 3, fewer: true}",
    "landmarks": "{kind: landmarks, path: landmarks/train.csv, positions: landmarks/positions.csv, images: landmarks, "
    "clean: landmarks/clean.csv, attribution: landmarks/said.csv, categories: landmarks/kinds.csv}",
    "mp16": "{kind: mp16, path: listed/mp16.csv, images: images}",
    "urls": "{kind: urls, path: listed/urls.csv, sha256: sum}",
    "panoramax": "{kind: panoramax, path: listed/panoramax.json}",
    "inaturalist": "{kind: inaturalist, path: listed/inaturalist.csv}",
    "answers": "{kind: inaturalist, path: listed/answers.json}",
    "commons": "{kind: commons, path: listed/commons.json, positions: any}",
    "sidecars": "{kind: folder, path: sidecars, prefer: sidecar}",
}
LISTED = {
    "mp16": "mp16.csv",
    "urls": "urls.csv",
    "panoramax": "panoramax.json",
    "inaturalist": "inaturalist.csv",
    "answers": "answers.json",
    "commons": "commons.json",
}
"""Files of `listed`, by the source that reads them: they name pictures, and are planned, which fetches nothing."""
"""The source of a recipe over each of the files."""


def make(folder: Path) -> None:
    """Writes everything below `folder`, with a finished build."""
    folder.mkdir(parents=True)
    make_photos(folder, PHOTOS)
    table = pl.read_csv(folder / "photos.csv", infer_schema=False)
    rows = table.to_dicts()
    photos = [(folder / "images" / row["image"]).read_bytes() for row in rows]
    (folder / "photos.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    inside = [{"bytes": photo, "path": row["image"]} for photo, row in zip(photos, rows, strict=True)]
    table.with_columns(image=pl.Series(inside)).write_parquet(folder / "photos.parquet")
    with tarfile.open(folder / "photos.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for row in rows:
            (folder / "record.json").write_text(json.dumps({**row, "place": "caf\u00e9"}))
            tar.add(folder / "images" / row["image"], f"{row['id']}.jpg")
            tar.add(folder / "record.json", f"{row['id']}.json")
    _pictures(folder / "exif")
    _landmarks(folder / "landmarks", rows, photos)
    _spoken(folder / "spoken", rows)
    _zips(folder / "osv5m", rows, photos)
    _pool(folder / "pool", rows)
    _listed(folder / "listed", rows)
    _sidecars(folder / "sidecars", rows, photos)
    digests = [hashlib.sha256(photo).hexdigest() for photo in photos]
    answers = {row["id"]: plausible_answer(digest) for row, digest in zip(rows, digests, strict=True)}
    said = [{"id": name, "response": answer, "usage": {"prompt_tokens": 9}} for name, answer in answers.items()]
    (folder / "said.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))
    texts = [json.dumps(answer) for answer in answers.values()]
    pl.DataFrame({"id": list(answers), "response": texts}).write_parquet(folder / "said.parquet")
    _clues(folder, [row["id"] for row in rows])
    _written(folder, [row["id"] for row in rows])
    (folder / "r.yaml").write_text(RECIPE)
    done = factory("build", "r.yaml", "--workers", "1", cwd=folder)
    assert done.returncode in (0, 1), done
    made = only_build(folder / "builds")
    (folder / "made.id").write_text(made.name)
    shutil.copytree(made, folder / "made")
    _guide(folder, [row["id"] for row in rows])
    _reviewed(folder, made)
    shutil.move(made, folder / "reviewed")
    for recipe, name in (
        (CLUE_RECIPE.replace("CLUES", "clues.csv"), "clue"),
        (SPOKEN_RECIPE, "spoken_build"),
        (BUILT_RECIPE, "localizable"),
    ):
        (folder / "other.yaml").write_text(recipe)
        done = factory("build", "other.yaml", "--workers", "1", cwd=folder)
        assert done.returncode in (0, 1), done
        shutil.move(only_build(folder / "builds"), folder / name)
    shutil.rmtree(folder / "builds")


def _guide(folder: Path, ids: list[str]) -> None:
    """A guidebook in NAVIG's layout, line by line."""
    (folder / "guide.txt").write_text("".join(f"Signs of kind {number} are blue.\n" for number in range(len(ids))))
    names = ("France", "Japan", "Brazil", "Kenya", "Norway", "Mexico")
    (folder / "guide_images.txt").write_text("".join(f"plonkit/{name}_1.jpg\n" for name in names[: len(ids)]))


def _reviewed(folder: Path, made: Path) -> None:
    """What three people said of the rows of the build, decided and released."""
    build = open_build(made)
    verdicts = ("accept", "accept", "reject", "fix", "not_localizable", "accept")
    rows = [
        said(name, who, verdict, slot=str(slot), comment="a word", reasoning="I see a sign.", lat=1.5, lon=2.5,
             flags=["text_wrong"], boxes=[box()], **shown(build, name))
        for name, verdict in zip(build.plan["id"], verdicts, strict=False)
        for slot, who in enumerate(("ann", "ben", "cem"), start=1)
    ]  # fmt: skip
    write_annotations(build.paths, rows)
    done = factory("build", "r.yaml", "--workers", "1", cwd=folder)
    assert done.returncode in (0, 1) and build.paths.decisions.exists(), done


def _landmarks(folder: Path, rows: list[dict[str, Any]], photos: list[bytes]) -> None:
    """The photos as a set of landmarks, each of its own, with all the files that such a set may have."""
    folder.mkdir()
    ids = [hashlib.sha256(photo).hexdigest()[:16] for photo in photos]
    tables = {
        "train": ("id,url,landmark_id", [f"{one},https://photos.example/{one},{n}" for n, one in enumerate(ids)]),
        "clean": ("landmark_id,images", [f"{n},{one}" for n, one in enumerate(ids)]),
        "said": ("id,url,author,license,title", [f'{one},https://a.example,"A ""B""",CC0,"a, b"' for one in ids]),
        "kinds": (
            "landmark_id,category,natural_or_human_made",
            [f"{n},http://c.example,natural" for n in range(len(ids))],
        ),
        "positions": ("landmark_id,lat,lon,name", [f"{n},{row['lat']},{row['lon']},x" for n, row in enumerate(rows)]),
    }
    for name, (header, lines) in tables.items():
        (folder / f"{name}.csv").write_text("\n".join((header, *lines)) + "\n")
    with tarfile.open(folder / "images_000.tar", "w") as tar:
        for one, photo in zip(ids, photos, strict=True):
            info = tarfile.TarInfo(f"{one[0]}/{one[1]}/{one[2]}/{one}.jpg")
            info.size = len(photo)
            tar.addfile(info, io.BytesIO(photo))


def _zips(folder: Path, rows: list[dict[str, Any]], photos: list[bytes]) -> None:
    """The photos as OSV-5M has them, by turns in a zip of stored and one of deflated files."""
    folder.mkdir()
    lines = [f"{number},{row['lat']},{row['lon']},,,,a" for number, row in enumerate(rows)]
    header = "id,latitude,longitude,country,region,city,creator_username"
    (folder / "train.csv").write_text("\n".join((header, *lines)) + "\n")
    for turn, packing in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / f"{turn:02}.zip", "w", packing) as archive:
            for number in range(turn, len(photos), 2):
                archive.writestr(f"{turn:02}/{number}.jpg", photos[number])


def _spoken(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Rounds of a play-through, by turns in each kind of transcript."""
    folder.mkdir()
    again = "00:11.000 --> 00:12.000\num<00:11.500><c> red soil</c>\n"
    (folder / "0.vtt").write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\num<00:01.500><c> red soil</c>\n\n{again}")
    srt = "1\n00:00:01,000 --> 00:00:02,000\nokay, bollards\n\n2\n00:00:11,000 --> 00:00:12,000\nokay, bollards\n"
    (folder / "1.srt").write_text(srt)
    segments = [{"start": at, "end": at + 1, "text": "yellow plates"} for at in (1, 11)]
    (folder / "2.json").write_text(json.dumps(segments))
    names = ("0.vtt", "1.srt", "2.json")
    lines = [
        f"{row['id']},{names[n % 3]},{n // 3 * 10},0:{n // 3 * 10 + 9:02},{row['lat']},{row['lon']},{row['image']},4000"
        for n, row in enumerate(rows)
    ]
    (folder / "rounds.csv").write_text("\n".join(("id,transcript,start,end,lat,lon,image,points", *lines)) + "\n")


def _pool(folder: Path, rows: list[dict[str, Any]]) -> None:
    """The photos as a pool to draw from, each with a city of a country of its own beside it."""
    folder.mkdir()
    cities = [f"C{n},{row['lat']},{row['lon']},Town {n}" for n, row in enumerate(rows)]
    pool = [f"{row['id']},{row['image']},{row['lat']},{row['lon']}" for row in rows]
    areas = [f"C{n},{1000 * (n + 1)}" for n in range(len(rows))]
    (folder / "pool.csv").write_text("\n".join(("id,image,lat,lon", *pool)) + "\n")
    (folder / "cities.csv").write_text("\n".join(("country,lat,lon,name", *cities)) + "\n")
    (folder / "areas.csv").write_text("\n".join(("country,area_km2", *areas)) + "\n")


def _listed(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Tables and answers of APIs that name pictures at addresses."""
    folder.mkdir()
    places = [(f"http://p.invalid/{row['id']}.jpg", float(row["lat"]), float(row["lon"])) for row in rows]
    lines = ["IMG_ID,AUTHOR,LON,LAT,S3_Label", *(f"{row['image']},me,{row['lat']},{row['lon']},2" for row in rows)]
    (folder / "mp16.csv").write_text("\n".join(lines))
    lines = ["url,lat,lon,sum", *(f"{url},{lat},{lon},{'ab' * 32}" for url, lat, lon in places)]
    (folder / "urls.csv").write_text("\n".join(lines))
    lines = ["id,image_url,latitude,longitude,license,geoprivacy,positional_accuracy"]
    lines += [f"{n},{url},{lat},{lon},CC0,,10" for n, (url, lat, lon) in enumerate(places)]
    (folder / "inaturalist.csv").write_text("\n".join(lines))
    features = [
        {
            "id": url,
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "assets": {"sd": {"href": url}},
            "properties": {"license": "etalab-2.0", "pers:interior_orientation": {"field_of_view": 360}},
        }
        for url, lat, lon in places
    ]
    seen = [
        {"id": n, "location": f"{lat},{lon}", "photos": [{"id": n, "url": url}], "positional_accuracy": 10}
        for n, (url, lat, lon) in enumerate(places)
    ]
    files = [
        {
            "title": url,
            "imageinfo": [{"url": url, "extmetadata": {"Artist": {"value": "<a href='x'>me</a>"}}}],
            "coordinates": [{"lat": lat, "lon": lon, "type": "camera"}],
        }
        for url, lat, lon in places
    ]
    for name, value in (("panoramax", {"features": features}), ("answers", {"results": seen})):
        (folder / f"{name}.json").write_text(json.dumps(value))
    (folder / "commons.json").write_text(json.dumps({"query": {"pages": files}}))


def _sidecars(folder: Path, rows: list[dict[str, Any]], photos: list[bytes]) -> None:
    """Photos without a place, and what Takeout and XMP say of them."""
    folder.mkdir()
    for number, (row, photo) in enumerate(zip(rows, photos, strict=True)):
        (folder / row["image"]).write_bytes(photo)
        place = {"latitude": float(row["lat"]), "longitude": float(row["lon"])}
        taken = {"title": row["image"], "geoData": place, "photoTakenTime": {"timestamp": "1497944936"}}
        xmp = (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://ns.adobe.com/exif/1.0/">'
            '<rdf:Description e:GPSLatitude="48,51.4N"><e:GPSLongitude>2,21.1E</e:GPSLongitude></rdf:Description>'
            "</rdf:RDF>"
        )
        name, text = (".json", json.dumps(taken)) if number % 2 else (".xmp", xmp)
        (folder / f"{row['image']}{name}").write_text(text)


def _pictures(folder: Path) -> None:
    folder.mkdir()
    exif = exif_tiff(orientation=6)
    for kind, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("HEIF", "heic")):
        (folder / f"a.{suffix}").write_bytes(encode(picture(), kind, exif=exif))
    (folder / "progressive.jpg").write_bytes(encode(picture(), progressive=True, exif=exif))


def _clues(folder: Path, ids: list[str]) -> None:
    """One clue for each country of the world in three forms, and a choice from it about every photo."""
    codes = ("FR", "JP", "BR", "KE", "AU", "CA", "IN", "NA", "RU", "MX", "DE", "NO", "IT", "PL", "US")
    clues = [
        {"id": f"{code}-1", "text": f"Signs number {n} are blue.", "country": code, "kind": "sign", "source": "a trial",
         "licence": "CC0-1.0", "names": "Sign;Blue"}
        for n, code in enumerate(codes)
    ]  # fmt: skip
    pl.DataFrame(clues).write_csv(folder / "clues.csv")
    (folder / "clues.jsonl").write_text("".join(json.dumps(clue) + "\n" for clue in clues))
    (folder / "clues.yaml").write_text(json.dumps({"clues": clues[:8]}, indent=1))
    chosen = {"id": "FR-1", "seen": "A sign.", "text": "Blue signs number 0."}
    said = {"description": "A street.", "clues": [chosen]}
    (folder / "chosen.jsonl").write_text("".join(json.dumps({"id": name, "response": said}) + "\n" for name in ids))


def _written(folder: Path, ids: list[str]) -> None:
    """What a teacher made of each round of `spoken`, each kind of transcript by turns."""
    said = (
        ("um red soil", "The soil is red."),
        ("okay, bollards", "There are bollards."),
        ("yellow plates", "Plates."),
    )
    lines = []
    for number, name in enumerate(ids):
        quote, text = said[number % 3]
        answer = {"sentences": [{"quotes": [quote], "text": text}], "country": None}
        lines.append(json.dumps({"id": name, "response": answer}) + "\n")
    (folder / "written.jsonl").write_text("".join(lines))
