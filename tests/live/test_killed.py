"""The server is killed in the middle of a push and of a pull, and a token is revoked: nothing twice, nothing lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from annotation import sending
from annotation.claim import read_note
from annotation.client import Client
from annotation.connection import Login
from annotation.pull import pull
from annotation.push import push
from annotation.replies import Anything, UserReply
from annotation.server import Served, is_running, serve, stop
from annotation.tasks import Made, Wanted, asked
from factory.errors import EnvironmentFault
from factory.store.layout import Build
from factory.store.tables import read_table
from schemas import Case, arrow
from tests.build_fixture import make_build
from tests.live.test_whole_way import there
from tests.plain_screen import PlainScreen
from tests.studio import choice, sign_up

SAMPLES = 60


class Own:
    """A server that may be killed."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder, self._home = folder, home

    def up(self) -> Served:
        return serve(self._folder, print, home=self._home)

    def kill(self) -> None:
        noted = read_note(self._folder)
        assert noted is not None
        os.killpg(noted["process"]["pid"], signal.SIGKILL)
        while is_running(self._folder):
            pass


@pytest.fixture(scope="module")
def own(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("own") / "server"
    try:
        yield Own(folder, home)
    finally:
        stop(folder)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return make_build(tmp_path_factory.mktemp("builds") / "trial-00000000", samples=SAMPLES, shard_size=20)


def wanted(build: Build) -> list[Wanted]:
    whole = build.verdicts.filter(build.verdicts["decision"] != "quarantine")["id"]
    plan = build.plan.select("id", "shard").filter(build.plan["id"].is_in(whole.implode()))
    ones = [Wanted(id=name, shard=shard, slot="", kind="dispute", uncertainty=0.5) for name, shard in plan.iter_rows()]
    return list(asked(ones, reviewers=3, overlap=2))


class Interrupted(PlainScreen):
    """Does something when the n-th sample is shown."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self._left, self._act = at, act

    def task(self, case: Case, pictures: Mapping[str, str]) -> Made:
        self._left -= 1
        if self._left == 0:
            self._act()
        return super().task(case, pictures)


class Counting(Client):
    """Does something before the n-th page of tasks is asked for."""

    left, act = 0, staticmethod(lambda: None)

    def get(self, path: str, *arguments: Any) -> Any:
        if path == "/api/tasks":
            self.left -= 1
            if self.left == 0:
                self.act()
        return super().get(path, *arguments)


def opened(login: Login, kind: type[Client] = Client) -> Any:
    return kind(login, sleep=lambda _: None)


def test_killed_in_the_middle_of_a_push_and_of_a_pull(own: Own, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BATCH", 10)
    tasks = wanted(build)
    with opened(own.up().login) as client, pytest.raises(EnvironmentFault, match=r"Connection refused.*goes on"):
        push(build, client, tasks, Interrupted(SAMPLES // 2, own.kill))
    made = read_table(build.paths.tasks, arrow.TASKS)["external"].sort().to_list()
    assert 0 < len(made) < len(tasks)
    login = own.up().login
    assert there(login, build) == made, "what was acknowledged is there, and nothing else"
    with opened(login) as client:
        done = push(build, client, tasks, PlainScreen())
    assert (done.made, done.there) == (len(tasks) - len(made), len(made))
    assert there(login, build) == sorted(one.external for one in tasks)

    annotator = sign_up(login, "annotator@example.com")
    rows = read_table(build.paths.tasks, arrow.TASKS)
    for task in rows["task"].to_list()[::6]:
        annotator.answer(task, [choice("verdict", "accept")])
    with opened(login, Counting) as client, pytest.raises(EnvironmentFault, match=r"Connection refused.*goes on"):
        client.left, client.act = 2, own.kill
        pull(build, client)
    with opened(own.up().login) as client:
        pull(build, client)
        again = pull(build, client)
    assert (again.new, again.changed, again.annotations) == (0, 0, len(rows["task"].to_list()[::6]))
    said = read_table(build.paths.annotations, arrow.ANNOTATIONS)
    assert sorted(said["external"]) == sorted(rows["external"].to_list()[::6])


def test_a_token_that_is_revoked_meanwhile_and_a_personal_one(own: Own, tmp_path: Path) -> None:
    build = make_build(tmp_path / "other-00000000", samples=12, shard_size=4)
    login = own.up().login
    person = sign_up(login, "second-lead@example.com")
    mine = Login(url=login.url, key=person.token, source="LABEL_STUDIO_API_KEY")

    def revoke() -> None:
        person.call("POST", "/api/current-user/reset-token", {})

    with (
        opened(mine) as client,
        pytest.raises(EnvironmentFault, match=r"refuses the key of LABEL_STUDIO_API_KEY \(HTTP 401"),
    ):
        push(build, client, wanted(build), Interrupted(4, revoke))
    with opened(login) as client:
        personal = client.make("/api/token/", Anything, {}).root["token"]
    with opened(Login(url=login.url, key=str(personal), source="test")) as client:
        assert client.get("/api/current-user/whoami", UserReply).email == own.up().account
        push(build, client, wanted(build), PlainScreen())
    mine_alone = {one.external for one in wanted(build)}  # the other build has the same name and so the same projects
    assert [name for name in there(login, build) if name in mine_alone] == sorted(mine_alone)
