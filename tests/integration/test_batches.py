"""`backend: batch`: questions in files, answers later, nothing paid twice, an outcome for every row."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from factory.teachers import batch_provider
from tests.batch_server import Batch, BatchServer, answered, batch_server, failed, plain, unanswered
from tests.real_build import KEY, factory, make_photos, only_build, start_factory, write_recipe

SAMPLES = 24


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with batch_server() as served:
        yield served


def recipe(tmp_path: Path, server: BatchServer, **keys: Any) -> Path:
    make_photos(tmp_path, SAMPLES)
    path = write_recipe(tmp_path, server.url)
    (line,) = [line for line in path.read_text().splitlines() if "backend: openai" in line]
    given = {"base_url": server.url, "api_key_env": "OPENAI_API_KEY", "attempts": 3, "rows": 10, **keys}
    teacher = {"name": "t", "backend": "batch", "model": "m", **given}
    path.write_text(path.read_text().replace(line, f"  - {orjson.dumps(teacher).decode()}").replace("250", "9"))
    return path


def build(tmp_path: Path) -> tuple[int, str]:
    done = factory("build", "recipe.yaml", "--out", "builds", "--workers", "1", cwd=tmp_path)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def ledger(tmp_path: Path) -> pl.DataFrame:
    return pl.concat(map(pl.read_parquet, (only_build(tmp_path / "builds") / "shards").glob("*/ledger.parquet")))


def test_a_build_sends_its_questions_ends_and_collects_when_it_is_run_again(
    tmp_path: Path, server: BatchServer
) -> None:
    recipe(tmp_path, server)
    server.looks = 4  # a run looks before its shards ask and after
    code, said = build(tmp_path)
    assert code == 5, said
    assert [len(one.rows) for one in server.batches.values()] == [10, 10, 4], "shards share files"
    assert f"{SAMPLES} questions in 3 batches" in said
    assert build(tmp_path)[0] == 5, "they are not ready"
    code, said = build(tmp_path)
    assert code == 0, said
    rows = ledger(tmp_path)
    assert set(rows["status"]) == {"ok"} and rows.height == SAMPLES
    assert set(rows["handle"]) == set(server.batches) and set(rows["http_calls"]) == {1}
    assert set(server.paid.values()) == {1} and len(server.paid) == SAMPLES
    assert server.keys == {f"Bearer {KEY}"}


def test_a_build_may_wait_for_its_batches(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, wait_s=60, poll_s=0.05)
    server.looks = 3
    code, said = build(tmp_path)
    assert code == 0, said
    assert set(server.paid.values()) == {1} and ledger(tmp_path).height == SAMPLES


def test_files_are_split_by_bytes_as_well(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, rows=1000, megabytes=0.02)
    assert build(tmp_path)[0] == 5
    sent = [content for content in server.files.values() if content.count(b"custom_id") > 0]
    assert len(sent) > 3 and all(len(content) <= 20_000 for content in sent)
    assert sum(content.count(b'"custom_id"') for content in sent) == SAMPLES


def strange(batch: Batch) -> None:
    """Another order, a row twice, one that nobody asked for, one that is no row."""
    plain(batch)
    key, body = batch.rows[0]
    twice = answered(key, body)
    twice["response"]["body"]["choices"][0]["message"]["content"] = "the second one"
    batch.output = [*reversed(batch.output), twice, answered("f" * 64, body), {"custom_id": 7}]


def test_order_does_not_matter_the_first_of_two_rows_counts_and_foreign_rows_are_told(
    tmp_path: Path, server: BatchServer
) -> None:
    recipe(tmp_path, server, rows=100)
    server.work = strange
    build(tmp_path)
    code, said = build(tmp_path)
    assert code == 0, said
    rows = ledger(tmp_path)
    assert rows.height == SAMPLES and "the second one" not in rows["response"].to_list()
    assert "1 rows of a question that had one, 1 rows of nobody's question, 1 rows that cannot be read" in said
    keys = {key for one in server.batches.values() for key, _ in one.rows}
    assert set(rows["key"]) == keys


def partly(row: Callable[[str], dict[str, Any] | None], *, status: str = "completed") -> Callable[[Batch], None]:
    """The first three rows of the first batch come so, all else is answered."""

    def work(batch: Batch) -> None:
        plain(batch)
        if batch.id == "batch_0":
            batch.status = status
            spoilt = [row(key) for key, _ in batch.rows[:3]]
            batch.output = batch.output[3:]
            batch.errors = [one for one in spoilt if one is not None]

    return work


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (lambda key: None, "completed"),
        (lambda key: unanswered(key, "batch_expired"), "expired"),
        (lambda key: unanswered(key, "batch_cancelled"), "cancelled"),
        (lambda key: None, "cancelled"),
        (lambda key: failed(key, 500, "internal error"), "completed"),
        (lambda key: failed(key, 429, "rate limit"), "completed"),
    ],
    ids=["missing", "expired", "cancelled", "cancelled without rows", "an error 500", "rate limited"],
)
def test_rows_without_an_answer_go_into_another_batch(
    tmp_path: Path, server: BatchServer, row: Callable[[str], dict[str, Any] | None], status: str
) -> None:
    recipe(tmp_path, server, wait_s=60, poll_s=0.05)
    server.work = partly(row, status=status)
    code, said = build(tmp_path)
    assert code == 0, said
    rows = ledger(tmp_path)
    assert rows.height == SAMPLES and set(rows["status"]) == {"ok"}
    assert Counter(rows["http_calls"]) == {1: SAMPLES - 3, 2: 3}
    assert [len(one.rows) for one in server.batches.values()] == [10, 10, 4, 3]


def test_a_row_that_never_comes_is_given_up_after_so_many_batches_and_asked_by_the_next_run(
    tmp_path: Path, server: BatchServer
) -> None:
    recipe(tmp_path, server, wait_s=60, poll_s=0.05, rows=100)
    lost: set[str] = set()

    def work(batch: Batch) -> None:
        lost.update([min(key for key, _ in batch.rows)] if not lost else [])
        batch.output = [answered(key, body) for key, body in batch.rows if key not in lost]

    server.work = work
    build(tmp_path)
    rows = ledger(tmp_path)
    (row,) = rows.filter(pl.col("status") != "ok").to_dicts()
    assert (row["status"], row["error_kind"], row["http_calls"]) == ("exhausted", "batch_missing", 3)
    assert {row["key"]} == lost and server.paid[row["key"]] == 3
    server.work = plain
    done = factory("build", "recipe.yaml", "--out", "builds", "--retry", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(ledger(tmp_path)["status"]) == {"ok"} and server.paid[row["key"]] == 4


def test_a_refused_row_is_the_sample_s_own(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, wait_s=60, poll_s=0.05)
    server.work = partly(lambda key: failed(key, 400, f"cannot identify image file {key}"))
    build(tmp_path)
    rows = ledger(tmp_path)
    assert Counter(rows["status"]) == {"ok": SAMPLES - 3, "exhausted": 3}
    assert set(rows.filter(pl.col("status") != "ok")["error_kind"]) == {"http_400"}
    assert len(server.batches) == 3, "nobody asks it again in this run"


def test_a_batch_that_is_refused_stops_the_build_and_is_made_anew_by_the_next(
    tmp_path: Path, server: BatchServer
) -> None:
    recipe(tmp_path, server, rows=100)

    def refused(batch: Batch) -> None:
        batch.status, batch.why = "failed", [{"code": "model_not_found", "message": "no model m", "line": 1}]

    server.work = refused
    build(tmp_path)
    code, said = build(tmp_path)
    assert code == 3 and "model_not_found" in said and "no model m" in said and "line 1" in said
    server.work = plain
    assert build(tmp_path)[0] == 5
    assert build(tmp_path)[0] == 0
    assert set(server.paid.values()) == {1} and set(ledger(tmp_path)["http_calls"]) == {1}


def test_a_full_queue_is_waited_for(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, wait_s=60, poll_s=0.05, rows=12)

    def work(batch: Batch) -> None:
        if batch.id == "batch_1":
            batch.status, batch.why = "failed", [{"code": "token_limit_exceeded", "message": "Enqueued token limit"}]
        else:
            plain(batch)

    server.work = work
    code, said = build(tmp_path)
    assert code == 0 and "sent again later" in said, said
    assert set(server.paid.values()) == {1}


def test_a_batch_whose_making_was_not_answered_is_found_again_and_not_paid_twice(
    tmp_path: Path, server: BatchServer
) -> None:
    recipe(tmp_path, server, rows=8)
    server.lose.add("/batches")
    code, said = build(tmp_path)
    assert code == 5 and "is not known" in said, said
    assert len(server.batches) == 1, "others wait until that is known"
    code, said = build(tmp_path)
    assert code == 5 and "found again" in said, said
    while code == 5:
        code, said = build(tmp_path)
    assert code == 0 and set(server.paid.values()) == {1} and len(server.paid) == SAMPLES


def test_a_batch_that_was_never_made_is_made_after_a_second_look(
    tmp_path: Path, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe(tmp_path, server, rows=100)
    monkeypatch.setattr(batch_provider.Provider, "lost_s", 0.05)
    server.refuse["/batches"] = (500, "internal error")
    code, said = build(tmp_path)
    assert code == 5 and "is not known" in said and not server.batches, said
    assert build(tmp_path)[0] == 5
    assert build(tmp_path)[0] == 0
    assert set(server.paid.values()) == {1} and len(server.paid) == SAMPLES


@pytest.mark.parametrize("path", ["/files", "/batches"])
def test_a_refused_key_stops_the_build_names_its_variable_and_loses_nothing(
    tmp_path: Path, server: BatchServer, path: str
) -> None:
    recipe(tmp_path, server, rows=100)
    server.refuse[path] = (401, f"Incorrect API key {KEY}")
    code, said = build(tmp_path)
    assert code == 3 and "OPENAI_API_KEY" in said and KEY not in said, said
    assert build(tmp_path)[0] == 5
    assert build(tmp_path)[0] == 0
    assert set(server.paid.values()) == {1}


def test_a_download_that_breaks_off_collects_nothing_by_halves(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, rows=100)
    build(tmp_path)
    server.cut_files = 1
    code, said = build(tmp_path)
    assert code == 3 and "in the middle of a file" in said, said
    assert build(tmp_path)[0] == 0
    assert set(server.paid.values()) == {1} and set(ledger(tmp_path)["status"]) == {"ok"}


def test_a_key_that_a_provider_sends_back_is_kept_nowhere(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, rows=100)

    def tells(batch: Batch) -> None:
        plain(batch)
        batch.output[0]["response"]["body"]["choices"][0]["message"]["content"] = f"the key is {KEY}"
        batch.output[1] = failed(batch.rows[1][0], 400, f"the key is {KEY}")

    server.work = tells
    build(tmp_path)
    build(tmp_path)
    held = [path for path in (tmp_path / "builds").rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == []


def test_a_question_that_an_earlier_build_has_in_a_batch_is_not_sent_twice(tmp_path: Path, server: BatchServer) -> None:
    path = recipe(tmp_path, server, rows=100)
    build(tmp_path)
    path.write_text(path.read_text().replace("min_confidence: 0.1", "min_confidence: 0.2"))
    code, said = build(tmp_path)
    assert code == 3 and "earlier build" in said, said
    path.write_text(path.read_text().replace("min_confidence: 0.2", "min_confidence: 0.1"))
    assert build(tmp_path)[0] == 0
    path.write_text(path.read_text().replace("min_confidence: 0.1", "min_confidence: 0.2"))
    assert build(tmp_path)[0] == 0
    assert set(server.paid.values()) == {1} and server.posts["/batches"] == 1


def test_a_driver_killed_between_submit_and_collect_collects_once(tmp_path: Path, server: BatchServer) -> None:
    recipe(tmp_path, server, wait_s=600, poll_s=0.1, rows=10)
    server.looks = 10**9
    process = start_factory(["build", "recipe.yaml", "--out", "builds"], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while sum(one.looked for one in server.batches.values()) < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    server.looks = 1
    code, said = build(tmp_path)
    assert code == 0, said
    assert set(server.paid.values()) == {1} and len(server.paid) == SAMPLES
    rows = ledger(tmp_path)
    assert rows.height == SAMPLES and set(rows["status"]) == {"ok"} and set(rows["http_calls"]) == {1}


def test_run_batch_answers_within_the_build_and_runs_again_what_was_killed(
    tmp_path: Path, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recipe(tmp_path, server)
    home = tmp_path / "vllm"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "vllm"
    root = Path(__file__).parents[2]
    program.write_text(
        f"""#!{sys.executable}
import json, os, sys
sys.path.insert(0, {str(root)!r})
import orjson
from tests.batch_server import answered
given = sys.argv[1:]
with open({str(home)!r} + "/runs.jsonl", "a") as file:
    file.write(json.dumps([*given, *(name for name in os.environ if name == "OPENAI_API_KEY")]) + "\\n")
rows = [json.loads(line) for line in open(given[given.index("-i") + 1])]
out = open(given[given.index("-o") + 1], "w")
for number, row in enumerate(rows):
    if number == 2 and not os.path.exists({str(home)!r} + "/well"):
        print("no GPU here")
        sys.exit(3)
    if number == 3:
        error = {{"error": {{"message": "too long", "type": "BadRequestError", "code": 400}}}}
        said = {{"custom_id": row["custom_id"], "response": {{"status_code": 400, "body": None}}, "error": error}}
    else:
        said = answered(row["custom_id"], orjson.dumps(row["body"]))
    out.write(json.dumps(said) + "\\n")
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("FACTORY_VLLM", str(home))
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-service")
    text = path.read_text()
    (line,) = [line for line in text.splitlines() if '"backend":"batch"' in line]
    path.write_text(text.replace(line, "  - {name: t, backend: vllm, model: m, run_batch: true, max_model_len: 4096}"))
    code, said = build(tmp_path)
    assert code == 3 and "exit code 3" in said and "no GPU here" in said, said
    (home / "well").write_text("")
    build(tmp_path)
    rows = ledger(tmp_path)
    assert Counter(rows["status"]) == {"ok": SAMPLES - 1, "exhausted": 1}
    assert rows.filter(pl.col("status") != "ok")["error_kind"].to_list() == ["http_400"]
    assert set(rows["http_calls"]) == {1}
    runs = [orjson.loads(line) for line in (home / "runs.jsonl").read_bytes().splitlines()]
    assert len(runs) == 2 and runs[0] == runs[1]
    assert runs[0][0] == "run-batch" and runs[0][5:7] == ["--model", "m"] and "--max-model-len" in runs[0]
    assert "OPENAI_API_KEY" not in runs[0], "keys of other services stay here"
