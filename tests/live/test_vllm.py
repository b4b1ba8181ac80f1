"""Real vLLM on a CPU: served for a build and killed in the middle, asked as an endpoint, and in process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.generators.mp16_reason import response_schema
from factory.plugins.contracts import Backend, CallFailed, Question
from factory.store.progress import read_progress
from factory.teachers.serving import serving
from factory.teachers.vllm_teacher import vllm_teacher
from schemas import Picture, Reply, Request, Turn
from schemas.settings import Sampling, TeacherSettings
from tests.live.served_qwen import Vllm
from tests.real_build import make_photos, only_build, start_factory

PHOTOS = 64
ENGINE = {"TORCHDYNAMO_DISABLE": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
KNOBS: Mapping[str, Any] = {
    "max_model_len": 4096, "max_num_seqs": 64, "enforce_eager": True, "cpu_kv_cache_gb": 1, "start_s": 600.0,
}  # fmt: skip
WORD = {"type": "string", "pattern": "^[a-z ]{1,12}$"}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"country": WORD, "city": WORD, "sure": {"enum": ["yes", "no"]}},
    "required": ["country", "city", "sure"],
    "additionalProperties": False,
}
SHOWN = Turn("user", (Picture("photo"), "Where was this photo taken?"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _engine(vllm: Vllm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTORY_VLLM", str(vllm.home))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in ENGINE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[bytes]:
    """Prepared photos: real ones where they are at hand, else noise."""
    if shared := os.environ.get("FACTORY_SHARED"):
        return [path.read_bytes() for path in sorted((Path(shared) / "photos").rglob("*.jpg"))[:PHOTOS]]
    root = tmp_path_factory.mktemp("photos")
    make_photos(root, PHOTOS, side=224)
    return [path.read_bytes() for path in sorted((root / "images").iterdir())]


def settings(**sampling: Any) -> TeacherSettings:
    return TeacherSettings(name="tiny", backend="vllm", model="tiny-qwen", sampling=Sampling(**sampling))


@pytest.fixture(scope="module")
def port(vllm: Vllm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server for all tests that do it no harm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACTORY_VLLM", str(vllm.home))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        for name, value in ENGINE.items():
            patch.setenv(name, value)
        port = free_port()
        made = vllm_teacher(settings(), Path(), serve=True, weights=str(vllm.model), port=port, **KNOBS)
        assert made.server is not None
        with serving([made.server], tmp_path_factory.mktemp("logs"), print):
            yield port


def backend(vllm: Vllm, port: int, model: str = "tiny-qwen", **sampling: Any) -> Backend:
    asked = settings(**sampling).model_copy(update={"model": model})
    (one,) = vllm_teacher(asked, Path(), serve=True, weights=str(vllm.model), port=port, **KNOBS).endpoints
    return one


def answers(one: Backend, requests: Sequence[tuple[Request, Mapping[str, bytes]]]) -> list[Reply | BaseException]:
    async def all_of_them() -> list[Reply | BaseException]:
        async with one:  # type: ignore[attr-defined]
            questions = [
                (Question(key=str(number), request=request, sample_id=str(number)), images)
                for number, (request, images) in enumerate(requests)
            ]
            return await asyncio.gather(*(one.complete(*each) for each in questions), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_every_answer_to_64_photos_fits_the_schema(vllm: Vllm, port: int, jpegs: Sequence[bytes]) -> None:
    asked = [(Request("answer", (SHOWN,), SCHEMA), {"photo": jpeg}) for jpeg in jpegs]
    said = answers(backend(vllm, port, max_tokens=200), asked)
    assert len(said) == len(jpegs) > 0
    for reply in said:
        assert isinstance(reply, Reply), reply
        assert reply.finish_reason == "stop"
        value = json.loads(reply.text)
        assert value.keys() == {"country", "city", "sure"} and value["sure"] in ("yes", "no")
        assert reply.prompt_tokens and reply.completion_tokens


def test_a_second_turn_goes_on_in_the_same_conversation(vllm: Vllm, port: int, jpegs: Sequence[bytes]) -> None:
    first = Request("answer", (Turn("system", ("You are a geolocation expert.",)), SHOWN), SCHEMA)
    second = first.then(Turn("assistant", ('{"country":"kenya"}',)), Turn("user", ("And the city?",)))
    short, long = answers(backend(vllm, port, max_tokens=200), [(one, {"photo": jpegs[0]}) for one in (first, second)])
    assert isinstance(short, Reply) and isinstance(long, Reply), (short, long)
    assert (long.prompt_tokens or 0) > (short.prompt_tokens or 0)


def test_yes_and_no_have_log_probabilities_and_masked_tokens_none(
    vllm: Vllm, port: int, jpegs: Sequence[bytes]
) -> None:
    schema = {"enum": ["Yes", "No"]}
    asked = (Request("judge", (SHOWN,), schema), {"photo": jpegs[0]})
    one = backend(vllm, port, max_tokens=5, extra={"logprobs": True, "top_logprobs": 20})
    (reply,) = answers(one, [asked])
    assert isinstance(reply, Reply), reply
    possible = {token for token, score in reply.scores.items() if score > -9999.0}
    assert len(reply.scores) == 20 and possible, "no more than the engine gives"
    assert all('"Yes"'.startswith(token) or '"No"'.startswith(token) for token in possible), reply.scores


@pytest.mark.parametrize(
    ("turns", "schema", "images"),
    [
        ((Turn("user", ("word " * 9000,)),), None, False),
        ((Turn("user", tuple(Picture("photo") for _ in range(6))),), None, True),
        ((SHOWN,), {"type": "no such type"}, True),
        ((SHOWN,), None, None),
    ],
    ids=["too long", "too many pictures", "a bad schema", "no picture"],
)
def test_what_vllm_refuses_is_the_sample_s_own(
    vllm: Vllm, port: int, jpegs: Sequence[bytes], turns: Any, schema: Any, images: bool | None
) -> None:
    shown = {} if images is False else {"photo": b"not a JPEG" if images is None else jpegs[0]}
    (refused,) = answers(backend(vllm, port, max_tokens=20), [(Request("answer", turns, schema), shown)])
    assert isinstance(refused, CallFailed), refused
    assert not refused.fatal and not refused.down, refused


def test_a_model_that_is_not_served_stops_the_build(vllm: Vllm, port: int, jpegs: Sequence[bytes]) -> None:
    (refused,) = answers(backend(vllm, port, "other"), [(Request("answer", (SHOWN,)), {"photo": jpegs[0]})])
    assert isinstance(refused, CallFailed) and refused.kind == "model_unknown" and refused.fatal


def test_an_engine_killed_in_the_middle_costs_no_answer(vllm: Vllm, tmp_path: Path) -> None:
    make_photos(tmp_path, PHOTOS, side=224)
    (tmp_path / "recipe.yaml").write_text(
        f"""\
name: served
generator: mp16_reason
source: {{kind: table, path: photos.csv, images: images}}
teachers:
  - name: tiny
    backend: vllm
    model: tiny-qwen
    weights: {vllm.model}
    serve: true
    port: {free_port()}
    max_model_len: 4096
    enforce_eager: true
    cpu_kv_cache_gb: 1
    max_in_flight: 4
    recovery_s: 900
    bad_answer: {{retries: 0}}
    sampling: {{max_tokens: 300}}
verify:
  checks: [{{localizable: {{min_confidence: 0.1}}}}, {{near_truth: {{tier: region}}}}, no_leak]
  decide: {{reject: [localizable, near_truth, no_leak], review: []}}
"""
    )
    others = engines()
    process = start_factory(["build", "recipe.yaml", "--out", "builds", "--json"], cwd=tmp_path)
    while not (killed := engines_after_some_answers(tmp_path / "builds") - others):
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    out, talk = process.communicate(timeout=900)
    assert "is started again" in talk
    counts = json.loads(out)["counts"]
    assert counts["planned"] == PHOTOS and sum(counts["answers"]["tiny"].values()) == PHOTOS, counts
    ledger = pl.concat(map(pl.read_parquet, (only_build(tmp_path / "builds") / "shards").glob("*/ledger.parquet")))
    assert ledger["key"].n_unique() == ledger.height == PHOTOS
    assert set(ledger["finish_reason"]) <= {"stop", "length"}
    assert engines() == others


def engines() -> set[int]:
    """Processes of vLLM's engine, whoever started them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"VLLM::EngineCore" in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def engines_after_some_answers(builds: Path) -> set[int]:
    told = [read_progress(path) for path in builds.glob("*/shards/*/progress")]
    return engines() if any(one is not None and one.done >= 5 for one in told) else set()


IN_PROCESS = """
import asyncio, json, sys
from pathlib import Path
from factory.plugins.contracts import Question
from factory.teachers.vllm_teacher import vllm_teacher
from schemas import Picture, Request, Turn
from schemas.settings import Sampling, TeacherSettings

async def main(model, photo, schema):
    sampling = Sampling(max_tokens=200, extra={"logprobs": True, "top_logprobs": 5})
    settings = TeacherSettings(name="tiny", backend="vllm", model="tiny-qwen", sampling=sampling)
    made = vllm_teacher(
        settings, Path(), weights=model, max_model_len=2048, max_num_seqs=16, enforce_eager=True, cpu_kv_cache_gb=1
    )
    jpeg = Path(photo).read_bytes()
    turns = [(Turn("user", (Picture("photo"), f"Where? {number}")),) for number in range(16)]
    turns[5] = (Turn("user", (Picture("photo"), "word " * 6000)),)
    turns[6] = (*turns[6], Turn("assistant", ("kenya",)), Turn("user", ("And the city?",)))
    (one,) = made.endpoints
    async with one:
        asked = (
            one.complete(Question(key=str(n), request=Request("answer", t, schema), sample_id=str(n)), {"photo": jpeg})
            for n, t in enumerate(turns)
        )
        said = await asyncio.gather(*asked, return_exceptions=True)
    print("SAID", json.dumps([
        [type(reply).__name__, getattr(reply, "text", str(reply)), getattr(reply, "prompt_tokens", 0),
         getattr(reply, "finish_reason", ""), len(getattr(reply, "scores", ())), getattr(reply, "kind", "")]
        for reply in said
    ]))

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
"""


def test_in_process_the_question_that_is_too_long_fails_alone(
    vllm: Vllm, tmp_path: Path, jpegs: Sequence[bytes]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpegs[0])
    (tmp_path / "ask.py").write_text(IN_PROCESS)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [vllm.home / "bin" / "python", tmp_path / "ask.py", vllm.model, tmp_path / "photo.jpg", json.dumps(SCHEMA)],
        env={**os.environ, **ENGINE, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SAID ")] or [done.stderr[-3000:]]
    said = json.loads(line.removeprefix("SAID "))
    assert [said[5][0], said[5][5]] == ["CallFailed", "bad_request"], said[5]
    for name, text, _, ended, scores, _ in said[:5] + said[6:]:
        assert (name, ended, scores >= 5) == ("Reply", "stop", True), (name, text, ended, scores)
        assert json.loads(text).keys() == {"country", "city", "sure"}
    assert said[6][2] > said[4][2], "a later turn carries what was said before"


def test_the_family_s_schema_is_one_that_vllm_takes(vllm: Vllm, port: int, jpegs: Sequence[bytes]) -> None:
    asked = [(Request("answer", (SHOWN,), response_schema()), {"photo": jpeg}) for jpeg in jpegs[:8]]
    for reply in answers(backend(vllm, port, max_tokens=2000), asked):
        assert isinstance(reply, Reply), reply
        if reply.finish_reason == "stop":
            assert json.loads(reply.text).keys() == response_schema()["properties"].keys()
        else:
            assert reply.finish_reason == "length", "random words may go on for ever, and are known as cut"
