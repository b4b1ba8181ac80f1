"""The SQLite files of a build that somebody else made: a changed one is named, and none is a program."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from factory.calls.ledger import Ledger
from factory.calls.row import values_sha256
from tests.fake_endpoint import running_endpoint
from tests.real_build import Done, factory, factory_process, make_photos, only_build, write_recipe

LOOKING = ("check", "status", "report")
STAYING = ("answered.sqlite", "budget.sqlite")
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a finished build of two shards whose calls have a limit; its endpoint still answers."""
    folder = tmp_path_factory.mktemp("databases")
    make_photos(folder, 8)
    with running_endpoint(folder / "endpoint") as endpoint:
        recipe = write_recipe(folder, endpoint.url, teacher_keys=", budget: {calls: 1000}")
        recipe.write_text(recipe.read_text().replace("shard_size: 250", "shard_size: 4"))
        done = factory("build", recipe, "--workers", "1", cwd=folder)
        assert done.returncode == 0, done
        yield folder


@pytest.fixture
def build(made: Path, tmp_path: Path) -> Path:
    """The build in a copy of that folder, to prepare."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return only_build(tmp_path / "builds")


def again(build: Path, *options: str) -> Done:
    """The same command on it, as a process: a statement of SQLite's without an end cannot be interrupted in ours."""
    return factory_process("build", "recipe.yaml", "--workers", "1", *options, cwd=build.parents[1])


def opened_again(build: Path) -> Path:
    """The build with its second shard still to be made; where its live ledger lies."""
    shard = build / "shards" / "00001"
    for path in shard.iterdir():
        path.unlink()
    return shard / "ledger.sqlite"


@pytest.mark.parametrize("name", STAYING)
def test_check_names_a_database_that_was_changed(build: Path, name: str) -> None:
    path, rng = build / name, random.Random(name)
    assert factory("check", build, cwd=build).returncode == 0
    whole = path.read_bytes()
    for _ in range(12):
        changed = bytearray(whole)
        for _ in range(rng.choice((1, 3))):
            changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        done = factory("check", build, cwd=build)
        assert (done.returncode == 0) == (changed == whole), done
        assert changed == whole or name in done.stdout
        for command in LOOKING:
            done = factory(command, build, cwd=build)
            assert done.returncode in (0, 1) and "Traceback" not in done.stderr, (command, done)
    path.write_bytes(whole)
    assert factory("check", build, cwd=build).returncode == 0


@pytest.mark.parametrize("name", STAYING)
@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_check_names_a_log_beside_a_database_that_is_whole(build: Path, name: str, end: str) -> None:
    (build / f"{name}{end}").write_bytes(b"x" * 32)
    done = factory("check", build, cwd=build)
    assert done.returncode == 1 and f"{name}: has a log beside it" in done.stdout, done


def test_what_a_dead_process_left_locked_holds_nothing(build: Path) -> None:
    lock = build / f"budget.sqlite-{'0' * 16}"
    lock.write_bytes(b"")
    assert factory("check", build, cwd=build).returncode == 0
    lock.write_bytes(b"hidden")
    assert lock.name in factory("check", build, cwd=build).stdout


@pytest.mark.parametrize("change", ["flipped", "log", "lost", "no database"])
def test_a_changed_database_is_made_again_and_the_build_is_sound(build: Path, change: str) -> None:
    for name in STAYING:
        path = build / name
        match change:
            case "flipped":
                data = bytearray(path.read_bytes())
                data[-1] ^= 1
                path.write_bytes(data)
            case "log":
                (build / f"{name}-wal").write_bytes(b"x" * 32)
            case "lost":
                path.unlink()
            case _:
                path.write_bytes(b"nothing of the sort")
    assert factory("check", build, cwd=build).returncode == 1
    done = again(build)
    assert done.returncode == 0 and all(name in done.stderr for name in STAYING), done
    checked = factory("check", build, cwd=build)
    assert checked.returncode == 0, checked


PROGRAMS = {
    "answered.sqlite": [
        f"CREATE VIEW answered AS {ENDLESS} SELECT x AS head, x AS shard FROM n; CREATE TABLE entered (shard INTEGER)",
        "CREATE TABLE answered (head INTEGER PRIMARY KEY, shard INTEGER NOT NULL); "
        "CREATE TABLE entered (shard INTEGER PRIMARY KEY); CREATE TRIGGER t AFTER INSERT ON answered "
        f"BEGIN INSERT INTO entered {ENDLESS} SELECT x FROM n; END",
        "CREATE TABLE answered (head INTEGER, shard INTEGER AS (length(hex(zeroblob(900000000)))))",
    ],
    "budget.sqlite": [
        f"CREATE VIEW spent AS {ENDLESS} SELECT x AS teacher FROM n; PRAGMA user_version = 2",
        f"CREATE VIEW spent AS {ENDLESS} SELECT x AS teacher FROM n",
    ],
    "ledger.sqlite": [
        f"CREATE VIEW calls AS {ENDLESS} SELECT x AS key, 'ok' AS status FROM n; PRAGMA user_version = 2",
        f"CREATE VIEW calls AS {ENDLESS} SELECT x AS key, 'ok' AS status FROM n",
    ],
}
"""Files whose reading or writing has no end, or takes a gigabyte."""


@pytest.mark.parametrize(
    ("name", "program"), [(name, program) for name, programs in PROGRAMS.items() for program in programs]
)
def test_a_database_that_computes_is_refused_before_it_is_asked_anything(build: Path, name: str, program: str) -> None:
    path = opened_again(build)
    if name != path.name:
        path = build / name
        info = build / "build.json"
        info.write_bytes(info.read_bytes().replace(b'"%s"' % name.encode(), b'"gone"'))  # as after a kill: not noted
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(program)
    for command in ("check", "status"):
        done = factory_process(command, build, cwd=build)
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done
    done = again(build)
    assert done.returncode == 3 and name in done.stderr and "Traceback" not in done.stderr, done


def test_values_of_another_kind_in_a_database_are_named(build: Path) -> None:
    opened_again(build)
    info = (build / "build.json").read_bytes()
    for name, statement in (
        ("budget.sqlite", "UPDATE spent SET calls = 'many'"),
        ("budget.sqlite", "UPDATE spent SET tokens = x'00'"),
        ("answered.sqlite", "UPDATE answered SET shard = '../../../etc'"),
        ("answered.sqlite", "UPDATE answered SET shard = -1"),
    ):
        whole = (build / name).read_bytes()
        with closing(sqlite3.connect(build / name)) as connection, connection:
            connection.execute(statement)
        (build / "build.json").write_bytes(info.replace(b'"%s"' % name.encode(), b'"gone"'))
        done = again(build)
        assert done.returncode in (0, 3) and "Traceback" not in done.stderr, (statement, done)
        assert done.returncode == 0 or name in done.stderr, (statement, done)
        opened_again(build)
        (build / name).write_bytes(whole)


def test_a_row_with_values_of_another_kind_is_named(build: Path) -> None:
    live = opened_again(build)
    Ledger(live).close()
    about = ("k", "p00004", "t0", "answer", 0, 0, 0, "m", "call", "ok", None, "{}", None, None, None, None)
    row = (*about, 1, 1, 1, "no number", 0, "")
    with closing(sqlite3.connect(live)) as connection, connection:
        marks = ", ".join("?" * 23)
        connection.execute(f"INSERT INTO calls VALUES ({marks})", (*row, values_sha256(row)))
        stored = connection.execute("SELECT * FROM calls").fetchone()
        digest = values_sha256(stored[:-1])  # as SQLite gives it back: the forger knows how it is made
        connection.execute("UPDATE calls SET row_sha256 = ?", (digest,))
    for done in (factory("status", build, cwd=build), again(build)):
        assert done.returncode in (0, 1, 3) and "Traceback" not in done.stderr, done
