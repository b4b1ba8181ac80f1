"""Tasks pushed to and pulled from a real Label Studio, beside what its bare API does in the same run; and their memory.

    python tests/benchmarks/bench_review.py [--tasks 5000] [--rounds 5]

The bare API is one connection that sends the same tasks and pictures in the same batches, and reads the same pages,
without looking at anything. Push goes in `--rounds` parts, each beside as many tasks sent bare, because shared machines
drift; medians are printed. Annotations are written into the server's database while it is stopped: through the API they
take hours.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import httpx2

from annotation.client import Client
from annotation.connection import Login, kept_login
from annotation.environment import DATABASE
from annotation.index import by_number
from annotation.projects import PICTURES, UPLOADS, Project, read_projects, write_projects
from annotation.pull import ASKED, pull
from annotation.push import push
from annotation.sending import BATCH
from annotation.server import serve, stop
from annotation.tasks import Wanted, task_body
from factory.store.cases import read_cases
from factory.store.layout import Build, open_build
from tests.build_fixture import make_build
from tests.plain_screen import PlainScreen
from tests.studio import choice, words

SCREEN = PlainScreen()


def wanted(build: Build, count: int) -> list[Wanted]:
    """The first samples that have a picture and an answer."""
    whole = build.verdicts.filter(build.verdicts["decision"] != "quarantine")["id"]
    plan = build.plan.select("id", "shard").filter(build.plan["id"].is_in(whole.implode())).head(count)
    return [Wanted(id=name, shard=shard, slot="1", kind="dispute", uncertainty=0.5) for name, shard in plan.iter_rows()]


class Bare:
    """The API and nothing else."""

    def __init__(self, login: Login) -> None:
        headers = {"Authorization": f"Token {login.key}"}
        self._http = httpx2.Client(base_url=login.url, headers=headers, timeout=600, trust_env=False)
        self._projects = [self._made(UPLOADS), self._made(SCREEN.config)]

    def _made(self, config: str) -> int:
        return int(self._http.post("/api/projects", json={"title": "bare", "label_config": config}).json()["id"])

    def send(self, build: Build, ones: list[Wanted]) -> float:
        """Seconds for pictures and tasks."""
        ids, shards = {one.id: one for one in ones}, sorted({one.shard for one in ones})
        started = time.perf_counter()
        for shard in shards:
            cases = [(n, case) for n, case in enumerate(read_cases(build.paths, shard)) if case.sample.id in ids]
            for at in range(0, len(cases), 50):
                jpegs = [(f"f{n}", (f"{n}.jpg", build.image(shard, n), "image/jpeg")) for n, _ in cases[at : at + 50]]
                path = f"/api/projects/{self._projects[0]}/import?commit_to_project=false"
                assert self._http.post(path, files=jpegs).status_code == 201
            for at in range(0, len(cases), BATCH):
                made = [SCREEN.task(case, {"photo": "/data/upload/1/x.jpg"}) for _, case in cases[at : at + BATCH]]
                bodies = [
                    task_body(ids[case.sample.id], one, "v") for one, (_, case) in zip(made, cases[at:], strict=False)
                ]
                path = f"/api/projects/{self._projects[1]}/import?return_task_ids=true"
                assert self._http.post(path, json=bodies).status_code == 201
        return time.perf_counter() - started

    def read(self, project: Project) -> tuple[float, int]:
        """Seconds for all pages of a project with what was said, and how much that was."""
        started, last, found = time.perf_counter(), 0, 0
        while True:
            page = self._http.get("/api/tasks", params=by_number(project, last, ASKED)).json()
            found += sum(len(task["annotations"]) for task in page["tasks"])
            if len(page["tasks"]) >= page["total"]:
                return time.perf_counter() - started, found
            last = page["tasks"][-1]["id"]


def child(what: str, build: Path, server: Path, count: int) -> tuple[float, int, float]:
    """Seconds, number and peak memory in MB of a push or pull in a process of its own."""
    run = [sys.executable, __file__, "--child", what, str(build), str(server), str(count)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    seconds, number, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, number, memory


def as_child(what: str, root: Path, server: Path, count: int) -> None:
    build = open_build(root)
    ones = wanted(build, count)
    with Client(kept_login(server / "server.json")) as client:
        started = time.perf_counter()
        number = push(build, client, ones, SCREEN).made if what == "push" else pull(build, client).annotations
        seconds = time.perf_counter() - started
    print(json.dumps([seconds, number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def answer_all(server: Path, build: Build) -> None:
    """An annotation for each task, by writing into the database of the stopped server."""
    result = json.dumps([choice("verdict", "accept"), words("comment", "as it is")])
    project = read_projects(build.paths.review_projects)["1"].id
    with sqlite3.connect(server / "data" / DATABASE) as database:
        tasks = [row[0] for row in database.execute("SELECT id FROM task WHERE project_id = ?", (project,))]
        columns = [row[1:4] for row in database.execute("PRAGMA table_info(task_completion)")]
        known = {
            "result": result,
            "completed_by_id": 1,
            "updated_by_id": 1,
            "was_cancelled": 0,
            "ground_truth": 0,
            "created_at": "2026-11-30 10:00:00",
            "updated_at": "2026-11-30 10:00:00",
            "lead_time": 20.0,
            "project_id": project,
            "result_count": 2,
            "bulk_created": 0,
        }
        names = [name for name, _kind, needed in columns if name in known or (needed and name != "id")]
        names = [*dict.fromkeys([*names, "task_id", "unique_id"])]
        rows = [
            [{**known, "task_id": task, "unique_id": uuid.uuid4().hex}.get(name, 0) for name in names] for task in tasks
        ]
        marks = ", ".join("?" * len(names))
        database.executemany(f"INSERT INTO task_completion ({', '.join(names)}) VALUES ({marks})", rows)
        database.execute("UPDATE task SET total_annotations = 1, is_labeled = 1 WHERE project_id = ?", (project,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, root, server, count = options.child
        as_child(what, Path(root), Path(server), int(count))
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Path(folder) / "server"
        try:
            measure(Path(folder), server, options.tasks, options.rounds)
        finally:
            stop(server)


def measure(folder: Path, server: Path, tasks: int, rounds: int) -> None:
    part = tasks // rounds
    tasks = part * rounds
    build = make_build(folder / "bench-00000000", samples=tasks * 6 // 5 + 6, shard_size=1000)
    login = serve(server, print).login
    bare, every = Bare(login), wanted(build, tasks)
    ratios, rates, peaks = [], [], []
    for number in range(rounds):
        raw = bare.send(build, every[number * part : (number + 1) * part])
        ours, made, memory = child("push", build.paths.root, server, (number + 1) * part)
        assert made == part, made
        ratios.append(raw / ours)
        rates.append(part / ours)
        peaks.append(memory)
    print(f"push: {statistics.median(rates):.0f} tasks/s, {statistics.median(ratios):.2f} of the bare API")
    print(f"memory: {peaks[0]:.0f} MB with {part:,} tasks, {peaks[-1]:.0f} MB with {tasks:,}")
    whole, made, memory = child("push", build.paths.root, server, tasks)
    assert made == 0
    print(f"push again: nothing sent, {whole:.1f} s, {memory:.0f} MB")
    stop(server)
    answer_all(server, build)
    bare = Bare(serve(server, print).login)
    kept = read_projects(build.paths.review_projects)
    ratios, rates = [], []
    for _ in range(rounds):
        write_projects(kept, build.paths.review_projects)  # as if nothing had been pulled
        raw, found = bare.read(kept["1"])
        ours, number, memory = child("pull", build.paths.root, server, tasks)
        assert found == number == tasks, (found, number)
        ratios.append(raw / ours)
        rates.append(tasks / ours)
    print(f"pull: {statistics.median(rates):.0f} annotations/s, {statistics.median(ratios):.2f} of the bare API")
    again, number, _ = child("pull", build.paths.root, server, tasks)
    print(f"memory: {memory:.0f} MB with {tasks:,} annotations; pull again: {again:.1f} s")
    assert PICTURES in kept


if __name__ == "__main__":
    main()
