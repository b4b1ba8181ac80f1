"""A Ray cluster of several nodes on this machine, each a raylet with its own workers, and builds that run on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fake_endpoint import Running
from tests.real_build import KEY, factory_process, make_photos, only_build, release_digests, start_factory, write_recipe

SAMPLES, TEACHERS, IN_FLIGHT, SHARD = 320, 2, 32, 40
ANSWERS = SAMPLES * TEACHERS
MOST_IN_FLIGHT = TEACHERS * IN_FLIGHT
"""Over all machines together: the recipe's cap, once a teacher."""
_OBJECT_STORE = 80 * 1024 * 1024


@dataclass(slots=True)
class Machines:
    """The nodes of one cluster. The head has no cores: nothing but what is shared runs there."""

    cluster: Any
    nodes: list[Any]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self) -> None:
        """One more node, of one core."""
        self.nodes.append(self.cluster.add_node(num_cpus=1, object_store_memory=_OBJECT_STORE, num_gpus=0))

    def raylet(self, node: int) -> int:
        """The process of a node's raylet."""
        return int(self.nodes[node].all_processes["raylet"][0].process.pid)

    def workers(self, node: int) -> list[int]:
        """Processes of a node that run specs now."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                title = (path / "cmdline").read_bytes()
                if parent == self.raylet(node) and title.startswith(b"ray::run_with_staff"):
                    found.append(int(path.name))
        return found

    def busy(self, node: int = 0) -> int:
        """A worker that runs a spec, waited for."""
        return until(lambda: self.workers(node))[0]


def until(look: Callable[[], Any], seconds: float = 120) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)
    return found


@contextmanager
def machines(nodes: int) -> Iterator[Machines]:
    """A cluster of a head and so many nodes, gone at the end."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)  # a node has its keys from where it was started
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {"num_cpus": 0, "object_store_memory": _OBJECT_STORE, "include_dashboard": False}
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        found = Machines(cluster, [])
        try:
            for _ in range(nodes):
                found.join()
            yield found
        finally:
            cluster.shutdown()


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe over photos, and the release that the local engine makes of it."""

    folder: Path
    recipe: Path
    endpoint: Running
    release: dict[str, str]

    def start(self, where: Machines, *arguments: str) -> subprocess.Popen[str]:
        command = ["build", self.recipe, "--out", "there", "--engine", "ray", "--address", where.address, "--json"]
        return start_factory([*command, *arguments], cwd=self.folder)

    def ended(self, process: subprocess.Popen[str], *, deaths: int) -> dict[str, Any]:
        """Waits for a build to end well, and holds it to what was promised. Returns what it said."""
        out, talk = process.communicate(timeout=300)
        assert process.returncode == 0, talk
        there = only_build(self.folder / "there")
        assert release_digests(there) == self.release
        calls = self.endpoint.stats()["requests"]
        assert ANSWERS <= calls <= ANSWERS + deaths * MOST_IN_FLIGHT, (calls, deaths)
        assert self.endpoint.stats()["max_in_flight"] <= MOST_IN_FLIGHT
        assert factory_process("check", there, cwd=self.folder).returncode == 0
        assert not list(there.glob("shards/*/away"))
        print("calls", calls, "answers", ANSWERS, "bound", ANSWERS + deaths * MOST_IN_FLIGHT)
        said: dict[str, Any] = json.loads(out)
        return said


def make_trial(folder: Path, endpoint: Running) -> Trial:
    """The photos, the recipe and the local engine's build of it; the endpoint has counted nothing yet."""
    make_photos(folder, SAMPLES)
    recipe = write_recipe(folder, endpoint.url, teachers=TEACHERS)
    recipe.write_text(recipe.read_text().replace("shard_size: 250", f"shard_size: {SHARD}"))
    here = factory_process("build", recipe, "--out", "here", cwd=folder)
    assert here.returncode == 0, here.stderr
    endpoint.reset()
    return Trial(folder, recipe, endpoint, release_digests(only_build(folder / "here")))


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for a command with all that it started itself."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
