"""A key that an endpoint is sent stands in nothing that is kept or shown, whatever the endpoint makes of it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import sqlite3
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from factory.errors import EXIT_ROWS_FAILED
from tests.evil_endpoint import CANARY, ERRORS, REPLIES, escaped, running_evil
from tests.fake_studio import TOKEN, running_studio
from tests.real_build import Done, factory, make_photos, only_build, write_recipe
from tests.studio import choice, words

PIECE = 12
"""Characters in a row that must not be there either: a third of a key is more than nothing."""
ENV = {"CANARY_KEY": CANARY}


def writings(key: str) -> list[str]:
    """What must be nowhere: each piece of the key, and the whole in other writings."""
    pieces = [key[at : at + PIECE] for at in range(len(key) - PIECE + 1)]
    packed = [base64.b64encode(b"x" * n + key.encode()).decode()[4:-4] for n in range(3)]
    quoted = [urllib.parse.quote(key, safe=""), escaped(key), key.replace("/", "\\/"), key[::-1]]
    return [*pieces, *packed, *(text.translate({43: 45, 47: 95}) for text in packed), *quoted]


def contents(path: Path) -> Iterator[str]:
    """A file's bytes as text, and what its format packs or encodes."""
    data = path.read_bytes()
    yield data.decode("latin-1")
    if path.suffix == ".json":
        yield json.dumps(json.loads(data), ensure_ascii=False)
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        yield json.dumps(table.to_pylist(), ensure_ascii=False, default=str)
        yield str(table.schema.metadata)
    if data.startswith(b"SQLite format 3"):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        yield from (str(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names)
        connection.close()
    if path.suffix == ".tar":
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                yield member.name
                yield file.read().decode("utf-8", "replace") if file else ""
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data).decode("latin-1")


def found_in(text: str) -> list[str]:
    return [writing for key in (CANARY, TOKEN) for writing in writings(key) if writing in text]


def require_clean(folder: Path, *runs: Done) -> int:
    """Looks through every file below a folder and all that commands said; gives the number of files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        assert not found_in(path.name)
        for text in contents(path):
            assert not found_in(text), (path, found_in(text)[0])
    for done in runs:
        assert not found_in(done.stdout + done.stderr), done
        assert "Traceback" not in done.stderr
    return len(files)


def test_a_key_that_an_endpoint_gives_back_is_kept_and_shown_nowhere(tmp_path: Path) -> None:
    cases = len(REPLIES) + len(ERRORS)
    make_photos(tmp_path, cases + 3)
    with running_evil() as (url, evil):
        recipe = write_recipe(tmp_path, url, teacher_keys=", api_key_env: CANARY_KEY")
        patience = ("-s", "teachers.0.attempts=2", "-s", "teachers.0.stop_after=100")
        more = ("-s", "verify.decide={reject: [localizable], review: [near_truth, no_leak]}")
        build = ("build", recipe, *patience, *more)
        evil.plan["refuse"] = 401
        refused = factory(*build, cwd=tmp_path, env=ENV)
        assert refused.returncode == 3 and "CANARY_KEY" in refused.stderr
        assert require_clean(tmp_path / "builds", refused)
        del evil.plan["refuse"]
        done = factory(*build, cwd=tmp_path, env=ENV)
        assert done.returncode == EXIT_ROWS_FAILED and len(evil.cases) == cases + 3, done.stderr
    made = only_build(tmp_path / "builds")
    told = [
        factory(*command, cwd=tmp_path, env=ENV)
        for command in (
            *(("status", made), ("status", made, "--json"), ("check", made), ("report", made), ("plan", recipe)),
            *(("explain", made, f"p{n:05d}") for n in range(0, cases, 4)),
            *(("explain", made, f"p{n:05d}", "--json") for n in range(cases)),
        )
    ]
    assert all(run.returncode == 0 for run in told), [run for run in told if run.returncode]
    reviewed = review(made, recipe, build)
    assert require_clean(made, refused, done, *told, *reviewed) > 20
    said = "".join(text for path in made.rglob("ledger.parquet") for text in contents(path))
    assert said.count("[redacted]") >= cases - 1, "the endpoint gave no key back, or something else took it out"


def review(made: Path, recipe: Path, build: tuple[str | Path, ...]) -> list[Done]:
    """Sends the build's rows to reviewers who write both keys, the teacher's and that of their server, wherever they
    can, on a server that writes them, too; builds the release that follows. Gives what the commands said."""
    hidden = "\u200b".join(CANARY)
    keys = f"{CANARY} and {hidden}, {TOKEN}"
    with running_studio() as (studio, url):
        env = {**ENV, "LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
        pushed = factory("review", "push", made, "--recipe", recipe, cwd=made, env=env)
        assert pushed.returncode == 0 and studio.tasks, pushed
        studio.users[0] |= {"email": f"{TOKEN}@example.org", "first_name": CANARY}
        for number, task in enumerate(sorted(studio.tasks)):
            written = [words("comment", keys), words("reasoning", f"It says {keys} on the wall.")]
            verdict = choice("verdict", "accept" if number else "fix") | {"id": CANARY, TOKEN: CANARY}
            studio.answer(task, [verdict, *written])
            studio.tasks[task]["data"] |= {"own": keys, CANARY: TOKEN}
        pulled = factory("review", "pull", made, cwd=made, env=env)
        assert pulled.returncode in (0, 1) and any((made / "review" / "pulls").iterdir()), pulled
    again = factory(*build, cwd=made.parents[1], env=env)
    assert again.returncode in (0, EXIT_ROWS_FAILED) and "people decided 1 sample" in again.stderr, again
    said = pq.read_table(made / "review" / "annotations.parquet")["comment"].to_pylist()
    assert said and all(comment.startswith("[redacted] and [redacted], [redacted]") for comment in said), said
    released = "".join(text for path in (made / "release").rglob("*.parquet") for text in contents(path))
    assert "It says [redacted] and [redacted], [redacted]" in released, "what they wrote is released, without the keys"
    return [pushed, pulled, again, factory("review", "report", made, cwd=made, env=env)]


@pytest.mark.parametrize("place", ["a row", "the card"])
def test_a_release_with_a_secret_of_the_recipe_in_it_is_refused(tmp_path: Path, place: str) -> None:
    table = make_photos(tmp_path, 3)
    if place == "a row":
        table.write_text(re.sub(r",a(\d),", rf",a\1 {CANARY},", table.read_text()))
    with running_evil() as (url, _):
        recipe = write_recipe(tmp_path, url, teacher_keys=", api_key_env: CANARY_KEY")
        title = ("-s", f"release.title=Mine {CANARY}") if place == "the card" else ()
        first = factory("build", recipe, *title, cwd=tmp_path, env=ENV)
        assert first.returncode == 3 and "CANARY_KEY" in first.stderr, first
        assert "holds the value of the environment variable CANARY_KEY" in first.stderr
        assert not found_in(first.stderr), first
        assert not (only_build(tmp_path / "builds") / "release").exists()


def test_check_looks_for_the_secrets_of_today(tmp_path: Path) -> None:
    table = make_photos(tmp_path, 3)
    table.write_text(re.sub(r",a(\d),", rf",a\1 {CANARY},", table.read_text()))
    with running_evil() as (url, _):
        recipe = write_recipe(tmp_path, url, teacher_keys=", api_key_env: CANARY_KEY")
        done = factory("build", recipe, cwd=tmp_path, env={"CANARY_KEY": "another-key"})
        assert done.returncode == EXIT_ROWS_FAILED, done
    made = only_build(tmp_path / "builds")
    assert factory("check", made, cwd=tmp_path, env={"CANARY_KEY": "another-key"}).returncode == 0
    checked = factory("check", made, cwd=tmp_path, env=ENV)
    assert checked.returncode == 1 and "CANARY_KEY" in checked.stdout and not found_in(checked.stdout)
