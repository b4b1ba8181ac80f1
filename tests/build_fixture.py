"""A small finished build on disk, made through the schemas: for tests of what reads builds (release, report, explain).

Nothing here runs the engine. `make_build` writes plan, answers, verdicts, image tars, ledgers, selection, dropped rows,
the recipe lock and build.json as the phases would, with drawn JPEGs, every decision and hostile teacher text.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
from PIL import Image, ImageDraw

from factory.store.cases import AnsweredSample, answers_table, case_of, verdicts_table
from factory.store.files import file_digest
from factory.store.images import ImageStore
from factory.store.layout import Build, BuildPaths, open_build, sample_from_row
from factory.store.tables import write_table
from schemas import (
    Answered,
    Case,
    CheckResult,
    Clue,
    GeoAnswer,
    LocatedAnswer,
    Outcome,
    Photo,
    Sample,
    Verdict,
    arrow,
)

FINGERPRINT = hashlib.sha256(b"fixture").hexdigest()

HOSTILE_TEXT = "Sign reads <script>alert('x')</script> & \"Bäckerei\" | pipe `tick` ![x](http://evil.example/p.png)"

PLACES: tuple[tuple[str, str, str, float, float, str], ...] = (
    ("DE", "Saxony", "Leipzig", 51.3397, 12.3731, "urban"),
    ("JP", "Kyoto", "Kyoto", 35.0116, 135.7681, "urban"),
    ("NA", "Khomas", "Windhoek", -22.5594, 17.0832, "natural"),
    ("BR", "Amazonas", "Manaus", -3.1190, -60.0217, "natural"),
    ("RU", "Tatarstan", "Kazan", 55.7963, 49.1088, "urban"),
    ("NZ", "Otago", "Dunedin", -45.8788, 170.5028, "indoor"),
    ("US", "Washington", "Seattle", 47.6062, -122.3321, "urban"),
)

DECISIONS = ("accept", "accept", "accept", "review", "reject", "quarantine")
"""Decision of sample i is DECISIONS[i % 6], so any six samples hold every kind."""

RECIPE_LOCK = """\
name: mp16_reason
generator: {name: mp16_reason, answer: nearest}
source: {kind: table, path: scenes.csv, images: images}
geo: {worldview: default}
images: {max_side: 1024, quality: 90, max_file_mb: 64, max_megapixels: 100}
teachers:
  - {name: first, backend: replay, path: first.jsonl, model: recorded-first}
  - {name: second, backend: replay, path: second.jsonl, model: recorded-second}
verify:
  checks:
    - localizable: {min_confidence: 0.5, teachers: all}
    - near_truth: {tier: city, radius_km: 25.0}
    - teachers_agree: {radius_km: 25.0}
    - no_leak: {}
  decide: {by: rules, review: [teachers_agree], reject: [localizable, near_truth, no_leak]}
select:
  - near_duplicates: {max_hamming: 6}
  - split: {train: 0.5, validation: 0.25, test: 0.25, keep_together: [author], seed: 7}
release: {shard_size: 1000, formats: [webdataset, parquet]}
"""


def draw_jpeg(index: int, *, width: int = 160, height: int = 120) -> bytes:
    """A JPEG that differs from every other index: sky, ground, a road and a board with its number."""
    image = Image.new("RGB", (width, height), (110 + 7 * index % 120, 160, 210))
    draw = ImageDraw.Draw(image)
    horizon = height // 3 + (index * 11) % (height // 3)
    draw.rectangle((0, horizon, width, height), fill=(60 + 13 * index % 150, 130, 70))
    draw.polygon(((width // 2, horizon), (width // 4, height), (3 * width // 4, height)), fill=(90, 90, 95))
    left = (index * 29) % (width - 40)
    draw.rectangle((left, horizon - 18, left + 36, horizon + 6), fill=(240, 240, 230), outline=(20, 20, 20))
    draw.text((left + 4, horizon - 14), str(index), fill=(10, 10, 10))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def make_build(
    root: Path,
    samples: int = 6,
    *,
    shard_size: int = 4,
    all_accepted: bool = False,
    photos: Sequence[bytes] = (),
    roles: Sequence[str] = ("photo",),
    texts: Mapping[str, str] | None = None,
) -> Build:
    """Writes a finished build under `root` and opens it.

    Args:
        root: build directory, created; usually `tmp_path / "builds" / "mp16_reason-fixture0"`.
        samples: planned samples; decisions repeat as in `DECISIONS`. Sample ids are `s000`, `s001`, ...
        shard_size: samples a shard.
        all_accepted: every sample is accepted and kept (for tests of size).
        photos: JPEGs to use in turn instead of drawn ones (for bytes that must not depend on Pillow).
        roles: the pictures of every sample, all different; the n-th of sample i is the photo `i + 100 * n`.
        texts: the texts of every sample.
    """
    paths = BuildPaths(root)
    root.mkdir(parents=True, exist_ok=True)
    named = [{"name": name, "text": text} for name, text in (texts or {}).items()]
    plan = [_plan_row(index, shard_size) | _shown(index, roles) | {"texts": named} for index in range(samples)]
    decisions = ["accept" if all_accepted else DECISIONS[index % len(DECISIONS)] for index in range(samples)]
    write_table(pa.Table.from_pylist(plan, schema=arrow.PLAN), paths.plan)
    write_table(pa.Table.from_pylist(_dropped_rows(samples), schema=arrow.DROPPED), paths.dropped)
    for shard in range((samples + shard_size - 1) // shard_size):
        members = [i for i in range(samples) if i // shard_size == shard]
        _write_shard(paths, shard, [plan[i] for i in members], [decisions[i] for i in members], photos)
    selection = _selection_rows([row for row, decision in zip(plan, decisions, strict=True) if decision == "accept"])
    if all_accepted:
        selection = [{**row, "kept": True, "split": row["split"] or "train", "removed_by": None} for row in selection]
        selection = [{**row, "reason": None, "detail": None} for row in selection]
    write_table(pa.Table.from_pylist(selection, schema=arrow.SELECTION), paths.selection)
    paths.recipe_lock.write_text(RECIPE_LOCK, encoding="utf-8")
    counts = {kind: decisions.count(kind) for kind in ("accept", "review", "reject", "quarantine")}
    info = {
        "recipe": "mp16_reason",
        "profile": "demo",
        "fingerprint": FINGERPRINT,
        "stage_fingerprints": {},
        "identity": {},
        "started_at": "2026-01-01T00:00:00+00:00",
        "state": "done",
        "layout": arrow.BUILD_SCHEMA_VERSION,
        "factory_version": "0.1.0",
        "gazetteer_version": "geonames-fixture-2026-01-01",
        "counts": {"planned": samples, "dropped": 2, **counts, "kept": sum(row["kept"] for row in selection)},
        "seconds": 1.0,
    }
    paths.info.write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))
    return open_build(root)


def _plan_row(index: int, shard_size: int) -> dict[str, Any]:
    code, region, city, lat, lon, scene = PLACES[index % len(PLACES)]
    return {
        "shard": index // shard_size,
        "position": index % shard_size,
        "id": f"s{index:03d}",
        "lat": lat + 0.01 * (index // len(PLACES)),
        "lon": lon,
        "uncertainty_km": 0.0,
        "country_code": code,
        "region": region,
        "city": city,
        "scene": scene,
        "author": None if index % 3 == 2 else f"author <b>{index % 3}</b>",
        "licence": ("CC BY 4.0", "CC0", "CC BY-SA 4.0")[index % 3],
        "captured_at": None if index % 2 else "2024-05-01",
        "source_url": f"https://photos.example/{index}",
        "source_row": index,
    }


def _shown(index: int, roles: Sequence[str]) -> dict[str, Any]:
    """The column `images` of a plan's row."""
    known = {"lat": None, "lon": None, "metres_per_pixel": None, "embed": True}
    locators = [f"images/s{index:03d}{f'.{number}' if number else ''}.jpg" for number in range(len(roles))]
    pairs = zip(roles, locators, strict=True)
    return {"images": [{"role": role, "locator": locator, **known} for role, locator in pairs]}


def change_plan(build: Build, **columns: pl.Expr) -> Build:
    """The build with these columns of its plan replaced on disk, opened anew."""
    table = build.plan.with_columns(**columns).to_arrow().cast(arrow.PLAN)
    write_table(table, build.paths.plan)
    return open_build(build.paths.root)


def _dropped_rows(samples: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"d{n}",
            "source_row": samples + n,
            "phase": "plan",
            "rule": "coordinates",
            "reason": reason,
            "detail": "lat 0.0, lon 0.0",
        }
        for n, reason in enumerate(("null_island", "latitude_out_of_range"))
    ]


def _answer(sample: Sample, teacher: str, *, wrong: bool) -> LocatedAnswer:
    nearer = teacher == "second"
    city = "Leipzig" if wrong else sample.city
    code = str(sample.country_code)
    place = GeoAnswer(
        localizable=True,
        confidence=0.9 if teacher == "first" else 0.7,
        scene=sample.scene,
        clues=(
            Clue(kind="signage", text=HOSTILE_TEXT, supports=code),
            Clue(kind="road", text=f"grey road number {sample.source_row}"),
        ),
        reasoning=f"{teacher}: {HOSTILE_TEXT}. The road and the board speak for {city}.",
        country={"DE": "Germany", "JP": "Japan"}.get(code, code),
        region=sample.region,
        city=city,
        lat=sample.lat + (5.0 if wrong else 0.01 if nearer else 0.05),
        lon=sample.lon,
    )
    return LocatedAnswer(
        answered=Answered(teacher=teacher, model=f"recorded-{teacher}", keys=(_key(sample.id, teacher),), place=place),
        country_code="DE" if wrong else code,
        named_lat=sample.lat,
        named_lon=sample.lon,
        named_level="city",
        country_correct=not wrong,
        distance_km=556.0 if wrong else 1.1 if nearer else 5.6,
        named_distance_km=556.0 if wrong else 0.0,
        near=not wrong,
    )


def _failed_answer(sample: Sample, teacher: str) -> LocatedAnswer:
    keys = (_key(sample.id, teacher),)
    failed = Answered(
        teacher=teacher,
        model=f"recorded-{teacher}",
        keys=keys,
        failure="not_json",
        detail=HOSTILE_TEXT,
    )
    return LocatedAnswer(answered=failed)


def _key(sample: str, teacher: str) -> str:
    return hashlib.sha256(f"{sample}:{teacher}".encode()).hexdigest()


def _check(name: str, outcome: Outcome, reason: str, score: float | None, threshold: float | None) -> CheckResult:
    detail = f"{name} compared {HOSTILE_TEXT}"
    return CheckResult(check=name, outcome=outcome, reason=reason, score=score, threshold=threshold, detail=detail)


def _case(sample: Sample, decision: str, jpegs: Sequence[bytes]) -> tuple[AnsweredSample, Case]:
    far, split_teachers = decision == "reject", decision == "review"
    answers = [
        _answer(sample, "first", wrong=far),
        _failed_answer(sample, "second") if split_teachers else _answer(sample, "second", wrong=False),
    ]
    checks = (
        _check("localizable", "pass", "confident", 0.7, 0.5),
        _check("near_truth", "fail", "too_far", 556.0, 25.0)
        if far
        else _check("near_truth", "pass", "near", 1.1, 25.0),
        _check("teachers_agree", "abstain", "one_answer", None, 25.0)
        if split_teachers
        else _check("teachers_agree", "pass", "same_place", 4.5, 25.0),
        _check("no_leak", "pass", "clean", None, None),
    )
    reasons = {"reject": ("near_truth:too_far",), "review": ("teachers_agree:one_answer",)}.get(decision, ())
    photos = tuple(_photo(image.role, jpeg) for image, jpeg in zip(sample.images, jpegs, strict=True))
    found = AnsweredSample(photos=photos, answers=tuple(one.answered for one in answers))
    verdict = Verdict(decision=decision, reasons=reasons, checks=checks)  # type: ignore[arg-type]
    return found, case_of(sample, found, answers, verdict)


def _photo(role: str, jpeg: bytes) -> Photo:
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
    digest = hashlib.sha256(b"source of " + jpeg).hexdigest()
    return Photo(role=role, sha256=digest, phash=int(digest[:16], 16), width=width, height=height, bytes=len(jpeg))


def _quarantined(sample: Sample) -> tuple[AnsweredSample, Case]:
    photos = tuple(Photo(role=role, sha256=None, refused="truncated") for role in sample.roles)
    found = AnsweredSample(photos=photos)
    verdict = Verdict(decision="quarantine", reasons=("images:truncated",), checks=())
    return found, case_of(sample, found, (), verdict)


def _write_shard(
    paths: BuildPaths, shard: int, plan: list[dict[str, Any]], decisions: list[str], photos: Sequence[bytes]
) -> None:
    files = paths.shard(shard)
    files.root.mkdir(parents=True, exist_ok=True)
    pairs, ledger = [], []
    with ImageStore.create(files.images) as store:
        for row, decision in zip(plan, decisions, strict=True):
            sample = sample_from_row({key: row[key] for key in row if key not in ("shard", "position")})
            if decision == "quarantine":
                pairs.append(_quarantined(sample))
                continue
            numbers = [sample.source_row + 100 * index for index in range(len(sample.images))]
            jpegs = [photos[number % len(photos)] if photos else draw_jpeg(number) for number in numbers]
            for index, jpeg in enumerate(jpegs):
                store.add(row["position"], jpeg, index)
            pairs.append(_case(sample, decision, jpegs))
            ledger += [_ledger_row(sample.id, answered) for answered in pairs[-1][0].answers]
        store.finish()
    ids = [row["id"] for row in plan]
    write_table(answers_table(ids, [found for found, _ in pairs]), files.answers)
    write_table(verdicts_table(ids, [case for _, case in pairs]), files.verdicts)
    write_table(pa.Table.from_pylist(ledger, schema=arrow.LEDGER), files.ledger)
    digests = {path.name: file_digest(path) for path in (files.answers, files.images, files.ledger)}
    report = {"number": shard, "samples": len(plan), "seconds": 0.1, "files": digests}
    files.report.write_bytes(orjson.dumps(report))


def _ledger_row(sample: str, answered: Answered) -> dict[str, Any]:
    (key,) = answered.keys
    said = answered.place
    return {
        "key": key,
        "sample_id": sample,
        "teacher": answered.teacher,
        "purpose": "answer",
        "draw": 0,
        "turn": 0,
        "attempt": 0,
        "model": answered.model,
        "origin": "replay",
        "status": "ok",
        "handle": None,
        "response": "not json <script>" if said is None else orjson.dumps({"city": said.city}).decode(),
        "scores": None,
        "finish_reason": "stop",
        "error_kind": None,
        "error_detail": None,
        "http_calls": 0,
        "prompt_tokens": 900,
        "completion_tokens": 120,
        "cost": 0.0,
        "latency_s": 0.0,
        "created_at": "2026-01-01T00:00:00Z",
        "row_sha256": hashlib.sha256(key.encode()).hexdigest(),
    }


def _selection_rows(accepted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows alternate train, train, test; the last accepted row of a build with three or more is a near-duplicate."""
    rows = []
    for number, row in enumerate(accepted):
        removed = len(accepted) >= 3 and number == len(accepted) - 1
        rows.append(
            {
                "id": row["id"],
                "shard": row["shard"],
                "position": row["position"],
                "kept": not removed,
                "split": None if removed else ("train", "train", "test")[number % 3],
                "group": accepted[0]["id"] if removed else row["id"],
                "removed_by": "near_duplicates" if removed else None,
                "reason": "perceptual_duplicate" if removed else None,
                "detail": f"3 bits from {accepted[0]['id']}, which is kept" if removed else None,
            }
        )
    return rows
