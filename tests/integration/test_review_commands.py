"""`factory review push` and `pull` as commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import polars as pl
import pytest

from annotation.client import Client
from annotation.connection import Login
from annotation.pairs import PairFiles, sent_pairs
from annotation.pull import pull
from annotation.push import push, sent_rows
from annotation.qualify import Round
from factory.cli.review_tasks import wanted_tasks
from factory.errors import RecipeError
from factory.phases.decide import decide_build
from factory.store.files import digest_of
from factory.store.layout import Build
from factory.store.tables import read_table
from schemas import arrow
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.pair_releases import two_releases
from tests.plain_screen import PlainScreen
from tests.raw_endpoint import answering
from tests.real_build import Done, factory
from tests.studio import choice, number
from tests.studio_recorded import rated


@pytest.fixture
def server() -> Iterator[tuple[Studio, str]]:
    with running_studio() as running:
        yield running


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return make_build(tmp_path / "trial-00000000", samples=12, shard_size=4)


def run(build: Build, url: str, *arguments: str | Path, key: str = TOKEN) -> Done:
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": key}
    return factory("review", *arguments[:1], build.paths.root, *arguments[1:], cwd=build.paths.root, env=environment)


def test_disputes_an_audit_and_gold_are_sent_and_come_back(
    build: Build, server: tuple[Studio, str], tmp_path: Path
) -> None:
    studio, url = server
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"id": "s000", "verdict": "accept"}\n\n{"id": "s004", "verdict": "reject"}\n')
    sent = run(build, url, "push", "--gold", gold, "--reviewers", "2", "--json")
    assert sent.returncode == 0, sent.stderr
    tasks = read_table(build.paths.tasks, arrow.TASKS)
    kinds = {kind: sorted(ids) for kind, ids in tasks.group_by("kind").agg(pl.col("id").unique()).iter_rows()}
    assert kinds["gold"] == ["s000", "s004"] and kinds["dispute"] == ["s003", "s009"] and len(kinds["audit"]) == 1
    assert tasks.filter(pl.col("kind") == "gold").height == 4, "to both reviewers"
    assert json.loads(sent.stdout) == {"made": 7, "there": 0, "url": url}
    for task in list(studio.tasks):
        studio.answer(task, [choice("verdict", "accept")])
    back = run(build, url, "pull", "--json")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["people"]["annotations"] == 7
    assert run(build, url, "push", "--gold", gold, "--json").stdout.count('"made":0') == 1
    assert TOKEN not in sent.stdout + sent.stderr + back.stdout + back.stderr
    for path in build.paths.review.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 and (path.is_dir() or TOKEN.encode() not in path.read_bytes())


def test_a_budget_is_spent_on_what_gains_most(build: Build, server: tuple[Studio, str]) -> None:
    assert run(build, server[1], "push", "--budget", "1").returncode == 0
    assert read_table(build.paths.tasks, arrow.TASKS)["kind"].to_list() == ["dispute"]


def test_a_qualifying_round_is_gold_alone(build: Build, server: tuple[Studio, str], tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text('{"id": "s000", "verdict": "accept"}')
    assert run(build, server[1], "push", "--qualify", "--gold", tmp_path / "gold.jsonl").returncode == 0
    assert read_table(build.paths.tasks, arrow.TASKS)["kind"].to_list() == ["gold"]
    assert "name its file with --gold" in run(build, server[1], "push", "--qualify").stderr


def test_what_cannot_count_ends_the_pull_with_one_and_its_address(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    run(build, url, "push")
    task = min(studio.tasks)
    studio.answer(task, [choice("verdict", "fix"), number("lat", 200.0), number("lon", 0.0)])
    back = run(build, url, "pull")
    assert back.returncode == 1
    assert (
        f"{url}/projects/{studio.tasks[task]['project']}/data?task={task}: annotation 1 is refused: lat: 200"
        in back.stderr
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1]", "expected an object with the texts `id` and `verdict`"),
        ("{", "is no JSON"),
        ('{"id": "s000", "verdict": "acept"}', "did you mean `accept`"),
        ('{"id": "s0000", "verdict": "accept"}', "the build has no sample 's0000' (did you mean `s000`?)"),
    ],
)
def test_a_line_of_gold_that_is_none_is_named(
    build: Build, server: tuple[Studio, str], tmp_path: Path, line: str, told: str
) -> None:
    (tmp_path / "gold.jsonl").write_text(f'{{"id": "s001", "verdict": "reject"}}\n{line}\n')
    done = run(build, server[1], "push", "--gold", tmp_path / "gold.jsonl")
    assert done.returncode == 2
    assert f"gold.jsonl:2: {told}" in done.stderr or told in done.stderr
    assert server[0].seen == [], "nothing was sent"


def test_a_key_that_is_refused_ends_with_three_and_is_not_shown(build: Build, server: tuple[Studio, str]) -> None:
    done = run(build, server[1], "push", key="wrong-canary-key-000000000000")
    assert done.returncode == 3
    assert "refuses the key of LABEL_STUDIO_API_KEY" in done.stderr and "canary" not in done.stderr


def test_without_a_server_the_commands_say_how_to_get_one(build: Build) -> None:
    done = factory("review", "push", build.paths.root, cwd=build.paths.root, env={"LABEL_STUDIO_URL": ""})
    assert done.returncode == 3 and "factory review serve" in done.stderr


def test_nothing_sent_nothing_to_pull(build: Build, server: tuple[Studio, str]) -> None:
    done = run(build, server[1], "pull")
    assert done.returncode == 3 and "`factory review push` sends" in done.stderr


def test_more_reviewers_than_rows_need_and_not_fewer(build: Build, server: tuple[Studio, str]) -> None:
    lock = build.paths.recipe_lock
    lock.write_text(lock.read_text() + "review: {overlap: 2}\n")
    done = run(build, server[1], "push", "--reviewers", "1")
    assert done.returncode == 2 and "review.overlap" in done.stderr


def test_who_fails_on_gold_gets_no_more_and_counts_for_nothing_until_the_lead_vouches(
    build: Build, server: tuple[Studio, str], tmp_path: Path
) -> None:
    studio, url = server
    studio.users.append({"id": 2, "email": "hasty@example.com"})
    build.paths.recipe_lock.write_text(build.paths.recipe_lock.read_text() + "review: {gold_accuracy: 0.8}\n")
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"id": "s000", "verdict": "accept"}\n{"id": "s004", "verdict": "reject"}\n')
    with pytest.raises(RecipeError, match="0 of 2 reviewers passed on gold"):
        wanted_tasks(build, gold=gold, reviewers=2)
    with Client(Login(url=url, key=TOKEN, source="test")) as client:
        push(build, client, wanted_tasks(build, gold=gold, reviewers=2, qualify=True), PlainScreen())
        right = {"s000": "accept", "s004": "reject"}
        for row in sent_rows(build):
            verdict = right[row["id"]] if row["slot"] == "1" else "accept"
            studio.answer(row["task"], [choice("verdict", verdict)], by=int(row["slot"]))
        pull(build, client)
        push(build, client, wanted_tasks(build), PlainScreen())
        real = [row for row in sent_rows(build) if row["kind"] != "gold"]
        assert real and {row["slot"] for row in real} == {"1"}
        for row in real:  # whoever failed opens another's project
            studio.answer(row["task"], [choice("verdict", "reject")], by=2)
        pull(build, client)
    hasty = {"reviewer-2": Round(1, 2)}
    ids = {row["id"] for row in real}
    found = decide_build(build)
    assert found.barred == hasty and {row["id"] for row in found.queue} >= ids, "they wait for the lead"
    with pytest.raises(RecipeError, match="nobody called 'reviewer-9' has said anything yet"):
        decide_build(build, trust=["reviewer-9"], lead="lena")
    with pytest.raises(RecipeError, match="name the lead with --lead NAME"):
        decide_build(build, trust=["reviewer-2"])
    found = decide_build(build, trust=["reviewer-2"], lead="lena")
    assert found.barred == {} and not {row["id"] for row in found.queue} & ids
    assert decide_build(build).barred == {}, "it stays so"


def test_pull_and_decide_say_what_is_lacking_and_what_to_type_next(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    studio.users.append({"id": 2, "email": "second@example.com"})
    build.paths.recipe_lock.write_text(build.paths.recipe_lock.read_text() + "review: {overlap: 2, audit_share: 0.0}\n")
    root = build.paths.root
    with Client(Login(url=url, key=TOKEN, source="test")) as client:
        push(build, client, wanted_tasks(build), PlainScreen())
    rows = sent_rows(build)
    ids = sorted({row["id"] for row in rows})
    assert len(ids) == 2 and len(rows) == 4
    back = run(build, url, "pull", "--json")
    assert f"4 answers are lacking: `factory review pull {root}` takes them back when reviewers" in back.stderr
    for row in rows:
        if row["id"] == ids[0]:
            studio.answer(row["task"], [choice("verdict", "accept")], by=int(row["slot"]))
    (other, last) = [row["task"] for row in rows if row["id"] == ids[1]]
    studio.answer(other, [choice("verdict", "reject")], by=1)
    back = run(build, url, "pull", "--json")
    assert f"1 answer is lacking: `factory review decide {root}` writes down what is decided" in back.stderr
    assert back.stderr.count("1 for the lead") + back.stderr.count("people decided 1 sample") == 1, "each count once"
    asked = {"sent": 2, "decided": 1, "tied": 0, "lacking": 1, "answers": 1, "to_send": 0, "spent": [], "twice": []}
    assert json.loads(back.stdout)["asked"] == asked
    decided = run(build, url, "decide", "--json")
    assert f"1 answer is lacking: `factory review pull {root}` takes them back" in decided.stderr
    build_again = f"`factory build RECIPE --profile demo --out {root.parent}`"
    assert f"the release is without this until {build_again} runs again" in decided.stderr
    assert json.loads(decided.stdout)["asked"] == asked
    studio.answer(last, [choice("verdict", "accept")], by=2)
    assert f"\n`factory review decide {root}` writes down what is decided and lists" in run(build, url, "pull").stderr
    info = orjson.loads(build.paths.info.read_bytes())
    decide_build(build, lead="lena", said=[f"{ids[1]}=accept"])
    info["phases"] = {"release": {"decisions": digest_of(build.paths.decisions)}}
    build.paths.info.write_bytes(orjson.dumps(info))
    settled = run(build, url, "decide")
    assert settled.returncode == 0 and "lack" not in settled.stderr and "the release is without" not in settled.stderr


def test_one_account_in_both_projects_is_one_voice_and_what_to_do_is_said(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    build.paths.recipe_lock.write_text(build.paths.recipe_lock.read_text() + "review: {overlap: 2, audit_share: 0.0}\n")
    with Client(Login(url=url, key=TOKEN, source="test")) as client:
        push(build, client, wanted_tasks(build), PlainScreen())
    rows = sent_rows(build)
    name = rows[0]["id"]
    numbers = {
        row["slot"]: studio.answer(row["task"], [choice("verdict", "accept")]) for row in rows if row["id"] == name
    }
    back, decided = run(build, url, "pull", "--json"), run(build, url, "decide")
    told = (
        f"1 row ({name}) has an answer in every project and lacks one all the same: reviewer-1 has answered in several "
        "projects, and a person has one voice; delete one of the two answers in Label Studio and let another account "
        f"answer there, or decide as the lead, `factory review decide {build.paths.root} ID=VERDICT --lead NAME`"
    )
    assert told in back.stderr and told in decided.stderr
    asked = json.loads(back.stdout)["asked"]
    assert (asked["spent"], asked["twice"]) == ([name], ["reviewer-1"])
    page = run(build, url, "report")
    assert "reviewer-1 has answered in several projects" in Path(page.stdout.strip()).read_text()
    studio.users.append({"id": 2, "email": "second@example.com"})
    studio.remove(numbers["2"])
    again = next(row["task"] for row in rows if row["id"] == name and row["slot"] == "2")
    studio.answer(again, [choice("verdict", "accept")], by=2)
    back = run(build, url, "pull")
    assert "in several projects" not in back.stderr and "1 accepted" in back.stderr


def test_two_releases_are_compared_by_one_command_run_again(server: tuple[Studio, str], tmp_path: Path) -> None:
    studio, url = server
    sides = two_releases(tmp_path, samples=4)

    def compared(*more: str) -> Done:
        environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
        return factory("review", "pairs", *sides, "--reviewers", "1", *more, cwd=tmp_path, env=environment)

    sent = compared()
    assert sent.returncode == 0 and "tasks sent" in sent.stderr and "only in the first" in sent.stderr, sent.stderr
    (folder,) = tmp_path.glob("pairs-*")
    rows = sent_pairs(PairFiles(folder))
    for row in rows:
        studio.answer(row["task"], rated("right" if row["swapped"] else "left"))
    head, fluency, *_ = compared().stdout.splitlines()
    assert head.split()[:3] == ["criterion", "ratings", "win"]
    assert fluency.split()[:4] == ["fluency", str(len(rows)), "100.0", "%"]
    studio.answer(rows[0]["task"], rated("better"))
    refused = compared()
    assert refused.returncode == 1 and "'better' is none of left, equal, right" in refused.stderr
    assert "what the same person said of this pair before does not count either" in refused.stderr
    assert refused.stdout.splitlines()[1].split()[:2] == ["fluency", str(len(rows) - 1)]
    studio.answer(rows[0]["task"], rated("left"))
    mended = compared()
    assert mended.stdout.splitlines()[1].split()[:2] == ["fluency", str(len(rows))] and mended.returncode == 1
    assert compared("--language", "dee").returncode == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


def test_check_knows_the_files_of_review(build: Build, server: tuple[Studio, str]) -> None:
    run(build, server[1], "push")
    run(build, server[1], "pull")
    server[0].answer(min(server[0].tasks), [choice("verdict", "accept")])
    run(build, server[1], "pull")
    assert {path.name for path in build.paths.review.iterdir()} >= {
        "config.xml",
        "tasks.parquet",
        "pulls",
        "projects.json",
    }
    checked = factory("check", build.paths.root, cwd=build.paths.root).stdout
    assert not [line for line in checked.splitlines() if "review/" in line and "decisions.parquet" not in line]


@pytest.mark.parametrize("line", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])
def test_a_server_that_announces_an_answer_without_end_is_left(build: Build, line: bytes) -> None:
    url = answering(lambda _: line * 200_000).removesuffix("/v1")
    done = run(build, url, "push")
    assert done.returncode == 3 and "before an answer begins" in done.stderr and "Traceback" not in done.stderr, done
