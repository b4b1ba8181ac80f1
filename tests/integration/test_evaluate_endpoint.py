"""`factory eval` with a model, and a judge, behind real sockets."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import EnvironmentFault, FactoryError
from release.write import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.http_server import answering
from train.evaluate.judge import FLAGS

THINKS = "<think>Red soil in Germany.</think><answer>country: Germany\ncity: Leipzig</answer>"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    build = make_build(tmp_path / "b", 14, all_accepted=True)
    write_release(build, settings=ReleaseSettings(shard_size=10))
    return build.paths.release


def reply(text: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return orjson.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def test_a_model_is_asked_measured_kept_and_judged_and_the_judge_is_asked_once(released: Path, tmp_path: Path) -> None:
    """Ten rows, some of them in Leipzig; the judge is shown each photo and finds every country named."""
    asked: list[str] = []

    def answer(body: bytes) -> bytes:
        request = orjson.loads(body)
        asked.append("judge" if "You judge" in str(request["messages"][0]) else "model")
        shown = [part["type"] for part in request["messages"][-1]["content"]]
        assert shown.count("image_url") == 1
        return reply(
            orjson.dumps({**dict.fromkeys(FLAGS, 0), "country": 1}).decode() if asked[-1] == "judge" else THINKS
        )

    saved = tmp_path / "said.jsonl"
    with answering(answer) as url:
        command = ["eval", str(released), "--split", "train", "--preset", "globe", "--json"]
        command += ["--judge", url, "--judge-model", "m"]
        asks = ["--endpoint", url, "--model", "m", "--save", str(saved)]
        first, second = (CliRunner().invoke(app, [*command, *more]) for more in (asks, ["--predictions", str(saved)]))
    assert first.exit_code == 0 and second.exit_code == 0, (first.exception, second.exception)
    plain, again = orjson.loads(first.stdout), orjson.loads(second.stdout)
    table = {line["name"]: line["value"] for line in plain["table"]}
    assert plain["rows"] == 10 and plain["failures"] == {} and 0 < table["country DIRE"] < 100
    assert {line["name"]: line["value"] for line in plain["judge"]}["judge: country"] == 1.0
    assert len(saved.read_bytes().splitlines()) == 10
    assert {**plain, "predictions": ""} == {**again, "predictions": ""}
    assert asked[:10] == ["model"] * 10 and set(asked[10:]) == {"judge"} and len(asked) <= 20


def test_an_evaluation_that_was_stopped_goes_on_and_asks_nobody_twice(released: Path, tmp_path: Path) -> None:
    """The sixth answer is a page of a proxy's; the same command asks for what is missing, and no more."""
    asked, numbers = list[bytes](), count()

    def answer(body: bytes) -> bytes:
        asked.append(body)
        return b"<html>" if next(numbers) == 5 else reply(THINKS)

    saved = tmp_path / "said.jsonl"
    with answering(answer) as url:
        command = ["eval", str(released), "--split", "train", "--preset", "globe", "--endpoint", url, "--model", "m"]
        first, second = (CliRunner().invoke(app, [*command, "--save", str(saved)]) for _ in range(2))
    assert isinstance(first.exception, EnvironmentFault), first.output
    assert second.exit_code == 0, second.exception
    assert len(saved.read_bytes().splitlines()) == 10 and len(asked) == 11
    assert not saved.with_name("said.jsonl.part").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["--against", "nowhere.csv"],
        ["--question", "nowhere.csv"],
        ["--judge", "ftp://x", "--judge-model", "m"],
        ["--judge", "http://localhost:1/v1", "--judge-model", "m", "--judge-key", "NO_SUCH_KEY"],
    ],
)
def test_a_model_is_asked_once_all_else_is_read(released: Path, more: list[str]) -> None:
    asked = list[bytes]()
    with answering(lambda body: asked.append(body) or reply(THINKS)) as url:
        command = ["eval", str(released), "--split", "train", "--preset", "globe", "--endpoint", url, "--model", "m"]
        done = CliRunner().invoke(app, [*command, *more])
    assert isinstance(done.exception, FactoryError) and asked == []
