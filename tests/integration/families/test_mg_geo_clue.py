"""MG-Geo Clue end to end: the demo's stories, a clue corrected, a build killed, a repository that cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release.read import open_release
from tests.fake_endpoint import running_endpoint
from tests.golden_digests import held_to
from tests.published import mg_geo_clue as published
from tests.real_build import factory as command
from tests.real_build import make_photos, only_build

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "mg_geo_clue.yaml"
GOLDEN = REPOSITORY / "tests" / "golden" / "mg_geo_clue.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def test_every_kind_of_story_is_told(demo: BuildResult) -> None:
    counts = demo.counts
    assert (counts["planned"], counts["calls"], counts["replayed"]) == (49, 0, 49)
    assert counts["decisions"] == {"accept": 32, "quarantine": 1, "reject": 9, "review": 7}
    assert counts["removed"] == {"near_duplicates": 2}
    assert set(counts["splits"]) == {"train", "validation", "test"}
    told = {row["id"]: row["reasons"] for row in open_build(demo.directory).verdicts.to_dicts()}
    assert told["s29-snowfield"] == ["clue_known:nothing_chosen"]
    assert told["s18-kehl-border"] == ["clue_known:other_country"]
    assert told["s19-amsterdam-quay"][0] == "clue_known:unknown_clue"
    assert told["s38-alice-springs-road-b"] == ["clue_known:chosen_twice"]
    assert told["s45-rio-copacabana"] == ["clue_no_leak:quotes_coordinates"]
    assert told["s37-taipei-ximen-platform"] == ["clue_no_leak:quotes_metadata"]
    faithful = {
        "s06-lagos-danfo": "lost_claim",
        "s10-ajo-desert-road": "new_number",
        "s20-paris-texas": "new_name",
        "s48-ayutthaya-ruins": "new_claim",
    }
    assert {name: told[name] for name in faithful} == {
        name: [f"clue_faithful:{reason}"] for name, reason in faithful.items()
    }


def test_rows_are_as_the_paper_says_in_both_formats(demo: BuildResult) -> None:
    release = Path(demo.directory) / "release"
    for read in (published.parquet_rows, published.tar_rows):
        rows = list(read(release))
        assert len(rows) == demo.counts["kept"] == 30
        assert [fault for row in rows for fault in published.faults(row)] == []


def test_every_row_says_that_its_writer_knew_the_country(demo: BuildResult) -> None:
    release = open_release(Path(demo.directory) / "release")
    assert release.schema.truth_in_messages == "none"
    rows = [row for split in ("train", "validation", "test") for row in release.rows(split)]
    assert {row["saw_truth"] for row in rows} == {"country"}
    assert {call["purpose"] for call in open_build(demo.directory).ledger.to_dicts()} == {"choose+saw_country"}


def test_a_flagged_pair_leads_back_to_its_clue_and_its_source(demo: BuildResult, tmp_path: Path) -> None:
    done = command("explain", demo.directory, "s12-el-calafate-road", cwd=tmp_path)
    assert done.returncode == 0
    assert "waits for review: clue_faithful:new_claim" in done.stdout
    assert (
        "chosen: id AR-centre-line · clue The line in the middle of two-way roads in Argentina is yellow."
        in done.stdout
    )
    assert "source StreetComplete countrymetadata 9db3d1f (CC0-1.0)" in done.stdout
    assert "new name: AR-centre-line says “Chile”" in done.stdout


def test_the_release_is_the_same_bytes_on_every_machine(demo: BuildResult) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    held_to(GOLDEN, demo)


CLUES = """\
id,text,country,region,kind,source,licence,names
KE-side,In Kenya vehicles drive on the left.,KE,,road,a table,CC0-1.0,Kenyan
FR-side,In France vehicles drive on the right.,FR,,road,a table,CC0-1.0,French
"""
CHOICE = {
    "description": "A road.",
    "clues": [{"id": "KE-side", "seen": "A bus is on the left.", "text": "Kenyan vehicles drive on the left."}],
}
SAYS = [{"kind": "text", "text": json.dumps(CHOICE)}]
PLACES = [(-1.29, 36.82), (48.86, 2.35), (-0.42, 36.95), (45.76, 4.84), (-4.04, 39.66), (35.68, 139.76)]


def written(root: Path, url: str, *, keys: str = "") -> Path:
    """Three photos of Kenya, two of France, one of Japan, of which the repository knows nothing."""
    table = pl.read_csv(make_photos(root, len(PLACES)))
    table = table.with_columns(lat=pl.Series([lat for lat, _ in PLACES]), lon=pl.Series([lon for _, lon in PLACES]))
    table.write_csv(root / "photos.csv")
    (root / "clues.csv").write_text(CLUES)
    path = root / "clue.yaml"
    path.write_text(
        f"""\
name: clue
generator: {{name: mg_geo_clue, clues: clues.csv}}
source: {{kind: table, path: photos.csv, images: images}}
teachers:
  - {{name: t, backend: openai, model: m, base_urls: ['{url}'], max_in_flight: 1{keys}}}
verify:
  checks: [{{clue_known: {{clues: clues.csv}}}}, {{clue_faithful: {{clues: clues.csv}}}}, clue_no_leak]
  decide: {{by: rules, reject: [clue_known, clue_no_leak], review: [clue_faithful]}}
"""
    )
    return path


def test_a_clue_of_another_country_is_refused_and_nobody_is_asked_without_clues(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "endpoint", SAYS) as endpoint:
        done = command("build", written(tmp_path, endpoint.url), "--out", tmp_path / "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert endpoint.stats()["requests"] == 5
    told = {row["id"]: row["reasons"] for row in open_build(only_build(tmp_path / "out")).verdicts.to_dicts()}
    assert list(told.values()) == [
        [], ["clue_known:other_country"], [], ["clue_known:other_country"], [], ["clue_known:nothing_offered"],
    ]  # fmt: skip


def test_a_corrected_clue_is_asked_again_where_it_was_offered_and_all_are_judged_anew(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "endpoint", SAYS) as endpoint:
        recipe = written(tmp_path, endpoint.url)
        build = ("build", recipe, "--out", tmp_path / "out")
        assert command(*build, cwd=tmp_path).returncode == 0
        (tmp_path / "clues.csv").write_text(CLUES.replace("In France vehicles", "In France most vehicles"))
        assert command(*build, cwd=tmp_path).returncode == 0
        assert endpoint.stats()["requests"] == 5 + 2, "photos of Kenya were asked about again"
        (tmp_path / "clues.csv").write_text(CLUES.replace(",Kenyan", ","))
        assert command(*build, cwd=tmp_path).returncode == 1
        assert endpoint.stats()["requests"] == 5 + 2, "what was asked before was asked again"
    decisions = [
        sorted(open_build(made).verdicts["decision"].to_list()) for made in sorted((tmp_path / "out").iterdir())
    ]
    accepted, disputed = ["accept"] * 3 + ["reject"] * 3, ["reject"] * 3 + ["review"] * 3
    assert sorted(decisions) == sorted([accepted, accepted, disputed])


@pytest.mark.parametrize("file", ["clues.csv", "other.csv"])
def test_a_repository_that_cannot_be_used_is_refused_before_anybody_is_paid(tmp_path: Path, file: str) -> None:
    with running_endpoint(tmp_path / "endpoint", SAYS) as endpoint:
        recipe = written(tmp_path, endpoint.url)
        recipe.write_text(
            recipe.read_text().replace("clue_faithful: {clues: clues.csv", f"clue_faithful: {{clues: {file}")
        )
        (tmp_path / file).write_text(CLUES.replace(",KE,", ",Kenyya,").replace(",road,", ",raod,"))
        for words in (("build", recipe, "--out", tmp_path / "out"), ("plan", recipe, "--out", tmp_path / "out")):
            done = command(*words, cwd=tmp_path)
            assert done.returncode == 2
            assert len([line for line in done.stderr.splitlines() if f"{file}:2: " in line]) == 2, "a line each"
            assert f"{file}:2: kind: unknown `raod` (did you mean `road`?)" in done.stderr
            assert f"{file}:2: country: unknown `Kenyya` (did you mean `Kenya`?)" in done.stderr
            assert "Traceback" not in done.stderr
        assert endpoint.stats()["requests"] == 0


def test_killed_between_its_photos_it_asks_about_none_twice(tmp_path: Path) -> None:
    stalled = [{"kind": "slow", "first": 4, "count": 1, "latency_ms": 600_000}, *SAYS]
    with running_endpoint(tmp_path / "endpoint", stalled) as endpoint:
        recipe = written(tmp_path, endpoint.url, keys=", timeout_s: 900")
        words = [
            sys.executable,
            "-m",
            "factory",
            "build",
            str(recipe),
            "--out",
            str(tmp_path / "out"),
            "--workers",
            "1",
        ]
        process = subprocess.Popen(
            words, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        endpoint.wait_for(4)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert command(*words[3:], cwd=tmp_path).returncode == 0
        assert endpoint.stats()["requests"] == 4 + 2, "an acknowledged call was repeated"
    made = open_build(only_build(tmp_path / "out"))
    assert made.ledger["key"].n_unique() == len(made.ledger) == 5
    rows = list(open_release(made.paths.release).rows("train"))
    assert [row["clues"][0]["id"] for row in rows] == ["KE-side"] * 3
