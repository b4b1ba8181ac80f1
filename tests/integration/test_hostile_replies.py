"""Replies that are to stall or to end a build: each becomes a named reason in bounded time, and the build goes on."""

from __future__ import annotations

import json
import sys
import threading
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from factory.calls.call import redacted_reply
from factory.generators.repair import repaired
from tests.fake_endpoint import completion, running_endpoint
from tests.http_server import answering
from tests.measured import measured
from tests.real_build import KEY, factory, make_photos, write_recipe

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


LONG = {
    "repaired": (REPLIES["round brackets left open"], repaired),
    "redacted": (f"{KEY} said {place()} " + "x" * 60_000, redacted_reply),
}
"""Replies of a slow teacher, and the function in which each takes its time."""


@pytest.mark.parametrize("kind", LONG)
def test_another_teachers_calls_go_on_while_a_reply_is_read_beside_them(tmp_path: Path, kind: str) -> None:
    """The thread in which the first long reply is read is kept there until the other teacher has been answered every
    question, one after the other, the first of them when it is there: a loop that reads for itself sends no second."""
    slow, function = LONG[kind]
    photos, others = 3, count(1)
    reading, all_answered, order = threading.Event(), threading.Event(), list[str]()

    def reply(body: bytes) -> bytes:
        if b'"model-0"' in body:
            return completion(slow)
        reading.wait(120)
        order.append("the other is answered")
        if next(others) == photos:
            all_answered.set()
        return completion(place())

    def kept(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is function.__code__:
            sys.setprofile(None)
            if not reading.is_set():
                reading.set()
                all_answered.wait(120)
                order.append("read")

    make_photos(tmp_path, photos)
    with answering(reply) as url:
        keys = ", bad_answer: {retries: 0}, api_key_env: OPENAI_API_KEY"
        recipe = write_recipe(tmp_path, url, teachers=2, teacher_keys=keys)
        threading.setprofile(kept)  # threads that begin from now on, which the main one of the event loop is not
        try:
            done = factory("build", recipe, "--json", "-s", "teachers.1.max_in_flight=1", cwd=tmp_path)
        finally:
            threading.setprofile(None)
    counts = json.loads(done.stdout.partition("\n")[0])["counts"]
    assert counts["answers"]["t1"] == {"ok": photos}, done
    assert order == [*["the other is answered"] * photos, "read"]
