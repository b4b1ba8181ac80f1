"""Shards that are made without the build's disk: what travels is enough, what comes home is the local engine's release,
and whoever was given up brings nothing. A cluster of real nodes does the same in tests/live/test_ray.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.calls.budget import Budget
from factory.engines.local import local
from factory.errors import BudgetReached, BuildLocked, RecipeError
from factory.plugins import registry
from factory.plugins.contracts import Task
from factory.plugins.registry import register
from factory.plugins.shared import Limited
from factory.store.files import digest_of
from factory.store.layout import open_build
from schemas.settings import BudgetLimits, Prices
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import KEY, make_photos, only_build, release_digests, write_recipe

SAMPLES, SHARDS = 12, 3


class Alone:
    """What one process shares with itself."""

    @contextmanager
    def budget(self, path: Path, limits: Mapping[str, BudgetLimits], prices: Mapping[str, Prices]) -> Iterator[Budget]:
        with Budget(path, limits, prices) as budget:
            yield budget

    def share(self, endpoint: str, most: int, limiter: Limited) -> None:
        limiter.allow(most)


@pytest.fixture
def tries() -> Iterator[list[str]]:
    """What the engine `there` does with the next shards: `lost` makes one and loses the machine, `orphan` lends a shard
    again before the first has sent it home."""
    plan: list[str] = []

    @register("engine", "there")
    def there(task: Task[Any, Any, Any], specs: Sequence[Any], *, workers: int, address: str | None = None) -> Any:
        """Makes each spec in this process from nothing but what travels."""
        if task.elsewhere is None:
            yield from local(task, specs, workers=workers)
            return
        with ExitStack() as stack:
            staff: Any = None
            for spec in specs:
                lent = task.elsewhere.lend(spec, Alone())
                staff = staff or stack.enter_context(task.staff(lent))
                what = plan.pop(0) if plan else ""
                if what == "orphan":
                    old, lent = lent, task.elsewhere.lend(spec, Alone())
                    with pytest.raises(BuildLocked):
                        task.function(old, staff)
                report = task.function(lent, staff)
                if what == "lost":
                    old, lent = lent, task.elsewhere.lend(spec, Alone())
                    report = task.function(lent, staff)
                    with pytest.raises(BuildLocked):
                        task.elsewhere.home(old, report)
                    lent = task.elsewhere.lend(spec, Alone())
                    report = task.function(lent, staff)
                yield task.elsewhere.home(lent, report)

    yield plan
    registry._PLUGINS.pop(("engine", "there"))


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with running_endpoint(tmp_path / "endpoint") as running:
        yield running


def small(root: Path, url: str, extra: str = "") -> Path:
    make_photos(root, SAMPLES)
    recipe = write_recipe(root, url, teachers=1, teacher_keys=extra)
    recipe.write_text(recipe.read_text().replace("shard_size: 250", f"shard_size: {SAMPLES // SHARDS}"))
    return recipe


@pytest.mark.parametrize("storage", [None, "memory://home"])
def test_the_release_is_the_local_engines(
    tmp_path: Path, endpoint: Running, tries: list[str], storage: str | None
) -> None:
    recipe = small(tmp_path, endpoint.url)
    here = factory.build(recipe, out=tmp_path / "here")
    endpoint.reset()
    tries += ["orphan", "lost"]
    there = factory.build(recipe, out=tmp_path / "there", engine="there", storage=storage)
    assert endpoint.stats()["requests"] == SAMPLES, "what a lost machine was answered stands in the journal"
    assert release_digests(Path(there.directory)) == release_digests(Path(here.directory))
    assert not list(Path(there.directory).glob("shards/*/away"))
    again = factory.build(recipe, out=tmp_path / "there", engine="there", storage=storage)
    assert again.calls_now == 0 and endpoint.stats()["requests"] == SAMPLES


def test_the_local_engine_goes_on_with_what_was_answered_elsewhere(
    tmp_path: Path, endpoint: Running, tries: list[str]
) -> None:
    recipe = small(tmp_path, endpoint.url, ", budget: {calls: 5}")
    with pytest.raises(BudgetReached):
        factory.build(recipe, out=tmp_path / "there", engine="there")
    assert endpoint.stats()["requests"] == 5
    result = factory.build(recipe, out=tmp_path / "there", overrides=["teachers.0.budget.calls=100"])
    assert result.directory == str(only_build(tmp_path / "there"))
    assert endpoint.stats()["requests"] == SAMPLES
    assert open_build(result.directory).ledger.height == SAMPLES
    assert not list(Path(result.directory).glob("shards/*/away"))


def test_a_build_in_which_everything_is_known_elsewhere_asks_nothing(
    tmp_path: Path, endpoint: Running, tries: list[str]
) -> None:
    recipe = small(tmp_path, endpoint.url)
    first = factory.build(recipe, out=tmp_path / "there", engine="there")
    assert endpoint.stats()["requests"] == SAMPLES
    second = factory.build(
        recipe, out=tmp_path / "there", engine="there", storage="memory://priors", overrides=["plan.shard_size=6"]
    )
    assert second.directory != first.directory and second.calls_now == 0
    assert endpoint.stats()["requests"] == SAMPLES


def test_another_place_than_where_answers_lie_is_refused(tmp_path: Path, endpoint: Running, tries: list[str]) -> None:
    recipe = small(tmp_path, endpoint.url, ", budget: {calls: 3}")
    with pytest.raises(BudgetReached):
        factory.build(recipe, out=tmp_path / "there", engine="there", storage="memory://one")
    before = digest_of(only_build(tmp_path / "there") / "build.json")
    with pytest.raises(RecipeError, match="come home to memory://one"):
        factory.build(recipe, out=tmp_path / "there", engine="there", storage="memory://other")
    assert before


@pytest.mark.parametrize(("key", "said"), [("address", "--address"), ("storage", "--storage")])
def test_an_engine_without_machines_takes_neither_address_nor_storage(tmp_path: Path, key: str, said: str) -> None:
    recipe = small(tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(RecipeError, match=f"{said}: the engine `local` takes none"):
        factory.build(recipe, out=tmp_path, **{key: "somewhere"})
