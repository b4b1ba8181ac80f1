"""Replies that are to stall or to end a build: each becomes a named reason in bounded time, and the build goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_endpoint import running_endpoint
from tests.measured import measured
from tests.real_build import make_photos, write_recipe

MEMORY_MB = 1_500
"""60 replies of 7 MB took 3 GB: of each there were several copies when the ledger was sealed."""
CPU_S = 60.0
"""A build of so few photos takes 6 s on a quiet machine; one reply of 32 kB of braces took 27 s of the event loop."""


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + closing * depth


def place(**fields: str) -> str:
    """An answer with some values written as they stand."""
    written = {"localizable": "true", "country": '"France"', **fields}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in written.items()) + "}"


REPLIES = {
    "braces": "{a:" + nested("{", "}", 15_900) + "}",
    "brackets": "{'a':" + nested("[", "]", 15_900) + "}",
    "lists of objects": "{'a':" + nested("[{", "}]", 7_900) + "}",
    "round brackets": "{'a':" + nested("(", ")", 15_900) + "}",
    "round brackets left open": "{'a':" + "(" * 31_800 + "}",
    "quotes": "{'a':" + "'" * 31_800 + "}",
    "many objects to repair": ("{'a':" + nested("(", ")", 60) + "}\n") * 64,
    "answers within answers": "<answer>{'a':" + nested("{", "}", 60) + "}</answer>\n" * 1_000,
    "deep where a point stands": place(coordinates=nested("[", "]", 800)),
    "deep where a name stands": place(city=nested('{"a":', "}", 800).replace(":}", ":1}", 1)),
    "deep where clues stand": place(clues=nested("[", "]", 800)),
    "deep and broken off": place(coordinates="[" * 150_000),
}


def test_replies_of_megabytes_are_not_kept(tmp_path: Path) -> None:
    make_photos(tmp_path, 60)
    shape = '{"choices": [{"message": {"content": "x"}}], "a": [' + "[]," * 2_000_000 + "1]}"
    plan = [{"kind": "text", "text": "x " * 3_500_000, "every": 2}, {"kind": "body", "body": shape}]
    with running_endpoint(tmp_path / "endpoint", plan=plan) as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        once = ("-s", "teachers.0.attempts=1", "-s", "teachers.0.recovery_s=0")
        found = measured("build", recipe, "--json", *once, cwd=tmp_path)
    assert found.done.returncode == 1 and "Traceback" not in found.done.stderr, found.done
    counts = json.loads(found.done.stdout.partition("\n")[0])["counts"]
    assert counts["failures"] == {"teachers:exhausted": 60}, counts
    assert found.peak_mb < MEMORY_MB and sum(file.stat().st_size for file in tmp_path.rglob("*.parquet")) < 1_000_000


@pytest.mark.parametrize("recorded", [False, True], ids=["endpoint", "recording"])
def test_no_reply_stalls_or_ends_a_build(tmp_path: Path, recorded: bool) -> None:
    make_photos(tmp_path, len(REPLIES) + 2)
    texts = [*REPLIES.values(), *[place()] * 2]
    plan = [{"kind": "text", "text": text, "first": number, "count": 1} for number, text in enumerate(texts, 1)]
    lines = [json.dumps({"id": f"p{number:05d}", "response": text}) for number, text in enumerate(texts)]
    (tmp_path / "said.jsonl").write_text("\n".join(lines) + "\n")
    with running_endpoint(tmp_path / "endpoint", plan=plan) as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url, teacher_keys=", bad_answer: {retries: 0}")
        replayed = ("-s", "teachers=[{name: t0, backend: replay, path: said.jsonl}]") if recorded else ()
        found = measured("build", recipe, "--json", *replayed, cwd=tmp_path)
    assert found.done.returncode == 1, found.done  # some samples were not answered
    counts = json.loads(found.done.stdout.partition("\n")[0])["counts"]
    assert counts["answers"]["t0"] == {"not_json": len(REPLIES) - 1, "bad_schema": 1, "ok": 2}
    assert found.cpu_s < CPU_S
