"""Specs on the machines of a Ray cluster: the same functions, one spec a task.

    factory build RECIPE --engine ray --address auto

What is shared lives in actors beside this process (`factory.engines.cluster`); what a spec makes comes home through the
task's `elsewhere`. Nothing of a build lives in Ray: when this process dies, Ray ends its tasks, and the same command
goes on. Tasks that have nothing to bring home run here, as the local engine runs them.

A spec whose machine or process dies is lent again, to whoever is free; its answers are in its journal.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from factory.engines.cluster import Bank, ByActors, actor
from factory.engines.local import local, run_with_staff
from factory.errors import EnvironmentFault, FactoryError
from factory.plugins.contracts import Elsewhere, Task
from factory.plugins.registry import register

SpecT = TypeVar("SpecT")
StaffT = TypeVar("StaffT")
ReportT = TypeVar("ReportT")

MOST_DEATHS: Final = 5
"""Of one spec; the local engine allows one, but machines of a cluster are taken away for reasons of their own."""
LOOK_EVERY_S: Final = 1.0
"""How soon a machine that joined gets something to do."""
AHEAD: Final = 1
"""Specs beyond those there is room for, so that a machine that ends one need not wait for this process."""


@register("engine", "ray")
def ray_engine(
    task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT], *, workers: int = 0, address: str | None = None
) -> Iterator[ReportT]:
    """Runs a task over specs on a Ray cluster and yields the reports as they come home.

    Args:
        workers: at the same time; 0 for as many as there is room for, also on machines that join later.
        address: of the cluster (`auto` on one of its machines); without, one is started on this machine.

    Raises EnvironmentFault where Ray is missing or cannot be reached, or a spec's machines died `MOST_DEATHS` times;
    the first error of the task as the local engine does.
    """
    if task.elsewhere is None or not specs:
        yield from local(task, specs, workers=max(1, workers))
        return
    with _connected(address) as ray:
        node = ray.get_runtime_context().get_node_id()
        shared = ByActors(actor(Bank, node, f"budget of {secrets.token_hex(4)}").remote())
        options = {"num_cpus": task.elsewhere.cpus, "num_gpus": task.elsewhere.gpus, "max_retries": 0}
        run = ray.remote(run_with_staff).options(**options)
        waiting, running = deque(range(len(specs))), dict[Any, tuple[int, SpecT]]()
        deaths, failure = [0] * len(specs), None
        while running or (waiting and failure is None):
            room = workers or _room(ray, task.elsewhere)
            while waiting and failure is None and len(running) < room:
                index = waiting.popleft()
                lent = task.elsewhere.lend(specs[index], shared)
                running[run.remote(task, lent)] = index, lent
            ended, _ = ray.wait(list(running), num_returns=1, timeout=LOOK_EVERY_S)
            for one in ended:
                index, lent = running.pop(one)
                try:
                    report = ray.get(one)
                except ray.exceptions.RayTaskError as error:
                    cause = error.cause if isinstance(error.cause, FactoryError) else error
                    failure = failure or cause
                except ray.exceptions.RayError as died:
                    deaths[index] += 1
                    waiting.appendleft(index)
                    if deaths[index] >= MOST_DEATHS:
                        failure = failure or _died(specs[index], index, died)
                else:
                    yield task.elsewhere.home(lent, report)
    if failure is not None:
        raise failure


def _room(ray: Any, elsewhere: Elsewhere[Any, Any]) -> int:
    """Specs that the cluster's machines take now, and some more."""
    has = ray.cluster_resources()
    room = int(has.get("CPU", 0) // max(1, elsewhere.cpus))
    if elsewhere.gpus:
        room = min(room, int(has.get("GPU", 0) / elsewhere.gpus))
    return max(1, room) + AHEAD


def _died(spec: Any, index: int, error: Exception) -> EnvironmentFault:
    number, said = getattr(spec, "number", index), str(error).splitlines()[:1]
    return EnvironmentFault(
        f"the machines or processes that ran shard {number} died {MOST_DEATHS} times ({''.join(said)[:200]}; out of "
        "memory?); what was answered is kept: give each shard more with build.cpus_per_shard, and run the same "
        "command again"
    )


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected; what it started ends with the block. Nothing is told to anybody about it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise EnvironmentFault(
            "--engine ray: Ray is not installed: pip install 'geo-reasoning-factory[ray]', on every machine"
        ) from None
    own: dict[str, Any] = {} if address is not None else {"include_dashboard": False}
    try:
        _hush(ray)
        ray.init(address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **own)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise EnvironmentFault(f"--address {address}: no Ray cluster can be reached ({error})") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _hush(ray: Any) -> None:
    """Keeps what machines say of dying processes off this command's output, which Ray would write there unescaped, in
    between lines of JSON; what matters of it is raised. There is no public switch for it (2.60)."""
    worker: Any = getattr(getattr(ray, "_private", None), "worker", None)
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None
