"""A small build sent to a stand-in for Label Studio and taken back: what tests of push and pull share."""

from __future__ import annotations

from typing import Any

import polars as pl

from annotation.client import Client
from annotation.connection import Login
from annotation.pull import Pulled, pull
from annotation.push import Pushed, push
from annotation.tasks import Wanted, asked
from factory.store.layout import Build
from factory.store.tables import read_table
from schemas import arrow
from tests.fake_studio import TOKEN, Studio
from tests.plain_screen import PlainScreen
from tests.studio import box, choice, number, words

SAMPLES = 6


def wanted(build: Build) -> list[Wanted]:
    """All samples that have a picture and an answer, two reviewers each of three."""
    whole = build.verdicts.filter(pl.col("decision") != "quarantine")["id"].to_list()
    plan = build.plan.filter(pl.col("id").is_in(whole)).select("id", "shard")
    ones = [Wanted(id=name, shard=shard, slot="", kind="dispute", uncertainty=0.25) for name, shard in plan.iter_rows()]
    return list(asked(ones, reviewers=3, overlap=2))


def opened(url: str, *, call_s: float = 20.0, key: str = TOKEN) -> Client:
    return Client(Login(url=url, key=key, source="LABEL_STUDIO_API_KEY"), call_s=call_s, sleep=lambda _: None)


def pushed(build: Build, url: str, **options: Any) -> Pushed:
    with opened(url, **options) as client:
        return push(build, client, wanted(build), PlainScreen())


def pulled(build: Build, url: str, **options: Any) -> Pulled:
    with opened(url, **options) as client:
        return pull(build, client)


def tasks(build: Build) -> pl.DataFrame:
    return read_table(build.paths.tasks, arrow.TASKS)


def names(build: Build) -> list[str]:
    return sorted(one.external for one in wanted(build))


def assert_each_once(build: Build, studio: Studio) -> None:
    """Every wanted task is on the server once, and noted with its number; every picture once."""
    assert studio.names() == names(build)
    noted = {row["external"]: row["task"] for row in tasks(build).iter_rows(named=True)}
    assert noted == {task["data"]["ext_id"]: number for number, task in studio.tasks.items()}
    shown = {task["data"]["image"] for task in studio.tasks.values()}
    assert shown <= {f"/data/{file}" for _, file, _ in studio.uploads.values()}


def said(build: Build, studio: Studio) -> None:
    """Three reviewers answer some tasks, one in each way that counts."""
    numbers = {task["data"]["ext_id"]: number for number, task in studio.tasks.items()}
    first, second, third, *_ = sorted(numbers)
    studio.users = [{"id": n, "email": f"r{n}@example.com", "username": ""} for n in (1, 2, 3)]
    studio.answer(numbers[first], [choice("verdict", "accept")], by=2)
    fixed = [choice("verdict", "fix"), choice("flags", "privacy", "unsure"), words("reasoning", "The sign says so.")]
    fixed += [number("lat", 51.5), number("lon", -0.1), box("privacy", 10, 20, 30, 40), words("comment", "see box")]
    studio.answer(numbers[second], fixed, by=3, was_cancelled=False)
    studio.answer(numbers[third], [], by=3, was_cancelled=True)


def annotations(build: Build) -> pl.DataFrame:
    return read_table(build.paths.annotations, arrow.ANNOTATIONS)
