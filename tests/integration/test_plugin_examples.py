"""Every example of docs/plugins.md is formatted, typed, registered and used in a small build, with its recipe."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image, ImageEnhance

from factory.plugins.registry import Kind
from factory.store.layout import Build, open_build
from factory.store.yaml_lines import dump_yaml, plain_yaml
from release.read import open_release
from tests.build_fixture import draw_jpeg
from tests.pages import REPOSITORY, blocks, page, sections
from tests.real_build import only_build

SECTIONS = sections(page("docs/plugins.md"))
PHOTOS = 6
NIGHT = 4
"""The photo that is dark."""


def example(kind: str) -> tuple[str, str, str]:
    """Of a kind: the module's name, its code, and the keys that its recipe has."""
    text = next(text for heading, text in SECTIONS.items() if re.match(rf"An? {kind}\b", heading))
    (code,), keys = blocks(text, "python"), blocks(text, "yaml")
    name = re.match(r"# (\w+)\.py\n", code)
    assert name is not None
    return name[1], code, keys[0] if keys else ""


NAMES = (*(example(kind)[0] for kind in get_args(Kind)), "signed")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every example as a module, the README's check too, and the script that builds with two of them."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in get_args(Kind):
        name, code, _ = example(kind)
        (folder / f"{name}.py").write_text(code)
    (script,) = blocks(SECTIONS[""], "python")
    (folder / "build.py").write_text(script)
    (check,) = [block for block in blocks(page("README.md"), "python") if "@register" in block]
    (folder / "signed.py").write_text(check)
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """A recipe over six drawn photos in six cities with two recorded teachers, as plain data."""
    places = [("France", 48.86, 2.35), ("Japan", 35.01, 135.77), ("Peru", -12.05, -77.04)]
    answers = []
    with (tmp_path / "photos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "image", "lat", "lon", "author", "licence"])
        for number in range(PHOTOS):
            country, lat, lon = places[number % 3]
            jpeg = draw_jpeg(number)
            if number == NIGHT:
                dark = io.BytesIO()
                ImageEnhance.Brightness(Image.open(io.BytesIO(jpeg))).enhance(0.1).save(dark, "JPEG")
                jpeg = dark.getvalue()
            (tmp_path / f"{number}.jpg").write_bytes(jpeg)
            table.writerow(
                [f"p{number}", f"{number}.jpg", lat, lon, "ann" if number < 3 else f"author {number}", "CC0"]
            )
            place = {"localizable": True, "confidence": 0.5 + number / 20, "country": country}
            place |= {"latitude": lat + number / 1000, "longitude": lon, "reasoning": f"It looks like {country}."}
            place["clues"] = [{"kind": "signage", "text": f"a board with the number {number}", "supports": country}]
            answers.append({"id": f"p{number}", "response": place})
    for name in ("first", "second"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return {
        "name": "trial",
        "generator": "mp16_reason",
        "source": {"kind": "table", "path": "photos.csv"},
        "plan": {"shard_size": 3},
        "teachers": [{"name": n, "backend": "replay", "path": f"{n}.jsonl"} for n in ("first", "second")],
        "verify": {
            "checks": [{"near_truth": {"tier": "region"}}],
            "decide": {"reject": ["near_truth"], "review": []},
        },
    }


def built(kind: str, recipe: Mapping[str, Any], tmp_path: Path, modules: Path, **options: Any) -> Build:
    """Builds the recipe with the keys that the page gives for a kind, by the page's own script; where it imports other
    plug-ins, with the line that imports this one."""
    name, _, keys = example(kind)
    name = options.pop("module", name)
    (tmp_path / "keys.yaml").write_text(keys or "{}\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_yaml({**recipe, **plain_yaml(tmp_path / "keys.yaml")}))
    script = (modules / "build.py").read_text()
    if name not in script:
        script = re.sub(r"import by_day.*\n", f"import {name}\n", script)
    given = "".join(f", {key}={value!r}" for key, value in ({"workers": 1} | options).items())
    script = script.replace("out=out", f"out=out{given}")
    (modules / f"build_{kind}.py").write_text(script)
    command = [sys.executable, str(modules / f"build_{kind}.py"), str(path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=tmp_path, check=False)
    build = open_build(only_build(tmp_path / "out"))
    assert done.returncode == (0 if build.info["counts"]["kept"] else 1), done.stderr
    return build


def decided(build: Build) -> dict[str, str]:
    return dict(build.verdicts.select("id", "decision").iter_rows())


ALL = {f"p{number}": "accept" for number in range(PHOTOS)}


def test_every_kind_has_one_example() -> None:
    names = [example(kind)[0] for kind in get_args(Kind)]
    assert len(set(names)) == len(get_args(Kind))
    for kind in get_args(Kind):
        assert f'@register("{kind}", "{example(kind)[0]}")' in example(kind)[1]


def test_examples_are_formatted_and_sound(modules: Path) -> None:
    for command in (["format", "--diff"], ["check"]):
        configured = [
            "--config",
            str(REPOSITORY / "pyproject.toml"),
            "--config",
            f"src = ['{REPOSITORY}']",
            "--no-cache",
        ]
        files = [str(modules / f"{name}.py") for name in NAMES]
        asked = [sys.executable, "-m", "ruff", *command, *configured, *files]
        done = subprocess.run(asked, capture_output=True, text=True, cwd=modules, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_examples_are_typed(modules: Path) -> None:
    files = [str(modules / f"{name}.py") for name in (*NAMES, "build")]
    options = ["--config-file", str(REPOSITORY / "pyproject.toml"), "--cache-dir", str(REPOSITORY / ".mypy_cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_source_puts_photos_on_the_map(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    with (tmp_path / "photos.csv").open() as file:
        rows = list(csv.DictReader(file))
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [float(row["lon"]), float(row["lat"])]},
            "properties": {"id": row["id"], "photo": row["image"], "author": row["author"]},
        }
        for row in rows
    ]
    features[0]["geometry"]["coordinates"] = [200, 10]
    (tmp_path / "photos.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    build = built("source", recipe, tmp_path, modules)
    assert decided(build) == {name: what for name, what in ALL.items() if name != "p0"}
    assert build.dropped.select("id", "reason").rows() == [("p0", "lon_out_of_range")]
    assert build.plan["licence"].to_list() == ["CC0-1.0"] * 5


def test_the_generator_releases_its_own_rows(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    build = built("generator", recipe, tmp_path, modules)
    release = open_release(build.paths.release)
    rows = list(release.rows("train"))
    assert (release.schema.family, len(rows)) == ("one_clue", PHOTOS)
    assert rows[0]["clue"] == "a board with the number 0"
    assert rows[0]["messages"][-1]["content"][0]["text"] == "France: a board with the number 0"


def test_the_teacher_answers_and_is_asked_once(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    known = [json.loads(line)["response"] for line in (tmp_path / "first.jsonl").read_text().splitlines()]
    (tmp_path / "model.py").write_text(
        "import base64, json, sys\n"
        "asked = json.load(sys.stdin)\nassert asked['turns'][-1]['parts'][-1] == {'picture': 'photo'}\n"
        "assert base64.b64decode(asked['images']['photo'])[:2] == b'\\xff\\xd8'\n"
        "open('calls', 'a').write('x')\n"
        f"print(json.dumps({known[0]!r}))\n"
    )
    recipe["plan"]["limit"] = 2
    build = built("teacher", recipe, tmp_path, modules)
    assert (tmp_path / "calls").read_text() == "xx"
    assert build.ledger.select("teacher", "model", "status", "origin").unique().rows() == [
        ("local", "my-model", "ok", "call")
    ]


def test_the_witness_and_the_check_send_the_night_to_people(
    recipe: dict[str, Any], tmp_path: Path, modules: Path
) -> None:
    build = built("witness", recipe, tmp_path, modules)
    assert decided(build) == ALL | {f"p{NIGHT}": "review"}
    assert build.info["counts"]["reasons"] == {"by_day:night": 1}
    found = {row["id"]: row["evidence"][0]["findings"][0]["text"] for row in build.answers.to_dicts()}
    assert found == {f"p{number}": "night" if number == NIGHT else "day" for number in range(PHOTOS)}


def test_the_check_of_the_readme_counts_signs(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    recipe["verify"]["checks"].append({"signed": {"min_signs": 3}})
    recipe["verify"]["decide"]["review"] = ["signed"]
    build = built("engine", recipe, tmp_path, modules, module="signed", workers=1)
    assert set(decided(build).values()) == {"review"}
    assert build.info["counts"]["reasons"] == {"signed:signs_read": PHOTOS}


def test_the_check_takes_its_setting_from_the_recipe(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    build = built("check", recipe, tmp_path, modules)
    assert decided(build) == ALL
    checks = [check for row in build.verdicts["checks"].to_list() for check in row if check["check"] == "by_day"]
    assert {(check["outcome"], check["reason"]) for check in checks} == {("pass", "day")}


def test_the_decider_fits_on_the_whole_set(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    build = built("decider", recipe, tmp_path, modules)
    assert json.loads(build.paths.model.read_bytes()) == {"cut": 0.6, "samples": PHOTOS}
    assert decided(build) == ALL | {"p0": "review", "p1": "review"}


def test_the_selector_says_why_rows_leave(recipe: dict[str, Any], tmp_path: Path, modules: Path) -> None:
    build = built("selector", recipe, tmp_path, modules)
    gone = build.selection.filter(~build.selection["kept"]).select("id", "removed_by", "reason", "detail")
    assert gone.rows() == [("p2", "per_author", "author_quota", "more than 2 rows of ann")]


def test_the_engine_runs_every_shard_in_processes_that_know_the_plugins(
    recipe: dict[str, Any], tmp_path: Path, modules: Path
) -> None:
    recipe["witnesses"] = ["daylight"]
    build = built("engine", recipe, tmp_path, modules, engine="fresh", workers=2)
    assert decided(build) == ALL
    assert build.info["counts"]["shards"] == 2
    assert build.answers["evidence"].list.len().to_list() == [1] * PHOTOS
