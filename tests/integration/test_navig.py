"""NAVIG through a real endpoint with planted evidence: what a part finds moves the guess, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import BudgetReached, RecipeError, SourceError
from tests.fake_endpoint import completion
from tests.http_server import answering, listening
from tests.planted_model import write_lists
from train.asking import openai_model
from train.navig import ablation, maps
from train.navig.guidebook import open_guidebook
from train.navig.questions import DETAIL, DETECT, GUESS, LOOK, READ, REASON
from train.navig.run import GUESSER, PARTS, PHOTOS_AT_ONCE, Part, Tools, photos_of

RUN = CliRunner()
PLACES = {
    "plain": ("France", "Paris", 48.86, 2.35),
    "reasoner": ("Japan", "Tokyo", 35.68, 139.69),
    "guidebook": ("Kenya", "Nairobi", -1.29, 36.82),
    "map": ("Russia", "Kazan", 55.79, 49.12),
    "details": ("Germany", "Leipzig", 51.34, 12.37),
}
PLANTED = {"reasoner": "Lanterns, so it is Japan", "guidebook": "Kenya", "map": "Kazan", "details": "a Saxon roof"}
"""What each part's evidence holds, in the order in which the guesser believes it: the last one most."""
BOXES = [{"label": "building sign", "box": [0, 0, 500, 500]}, {"label": "house", "box": [500, 0, 1000, 1000]}]
SAYS = {
    REASON: PLANTED["reasoner"],
    LOOK: "striped zebra crossings",
    DETECT: orjson.dumps({"boxes": BOXES}).decode(),
    READ: "Kazan",
    DETAIL: PLANTED["details"],
}
CLUES = "id,text,country,kind,source,licence\na,Zebra crossings are striped here.,KE,road,ours,CC0-1.0\n"
TRUTH = [("a", -6.16, 39.19, "Tanzania", "Zanzibar"), ("b", 48.85, 2.35, "France", "Paris")]


class Planted:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.silent: set[str] = set()
        self.url = ""

    def reply(self, body: bytes) -> bytes:
        self.bodies.append(body)
        (turn,) = orjson.loads(body)["messages"]
        text = turn["content"][-1]["text"]
        if text in SAYS:
            return completion(
                "" if text in self.silent else SAYS[text], "content_filter" if text in self.silent else "stop"
            )
        assert text.endswith(GUESS)
        believed = [part for part, words in PLANTED.items() if words in text]
        country, city, lat, lon = PLACES[believed[-1] if believed else "plain"]
        return completion(orjson.dumps({"country": country, "city": city, "latitude": lat, "longitude": lon}).decode())

    @property
    def asked(self) -> list[str]:
        return [orjson.loads(body)["messages"][0]["content"][-1]["text"] for body in self.bodies]


@pytest.fixture
def model() -> Iterator[Planted]:
    planted = Planted()
    with answering(planted.reply) as planted.url:
        yield planted


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A table with its truth, and the pictures."""
    for number, (key, *_) in enumerate(TRUTH):
        Image.new("RGB", (200, 100), (90 * number, 40, 40)).save(tmp_path / f"{key}.jpg")
    rows = [dict(zip(("id", "lat", "lon", "country", "city"), row, strict=True)) for row in TRUTH]
    (tmp_path / "clues.csv").write_text(CLUES)
    return write_lists(tmp_path / "set.jsonl", *rows)


async def runs(photos: Path, model: Planted, plans: dict[str, frozenset[Part]], *more: Any, **settings: Any) -> Any:
    folder = photos.parent
    tools = Tools(open_guidebook(folder / "clues.csv"))
    guesser = openai_model(model.url, "m", name=GUESSER, attempts=1, **settings)
    return await ablation.run(
        lambda: photos_of(photos, folder=folder), plans, [guesser, *more], folder / "calls", tools
    )


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_is_on_moves_the_guess_as_planted(part: Part, photos: Path, model: Planted) -> None:
    found = await runs(photos, model, {"on": frozenset({part}), "off": frozenset(PARTS) - {part}})
    assert all(f'"{PLACES[part][1]}"' in row["text"] and not row["searched"]["failures"] for row in found["on"])
    most_believed = "map" if part == "details" else "details"
    assert all(f'"{PLACES[most_believed][1]}"' in row["text"] for row in found["off"])


async def test_with_all_parts_off_it_is_the_plain_model(photos: Path, model: Planted) -> None:
    """The same question and answer, one call a photo, no evidence."""
    found = await runs(photos, model, {"none": frozenset()})
    assert model.asked == [GUESS, GUESS]
    assert [row["text"] for row in found["none"]] == [
        '{"country":"France","city":"Paris","latitude":48.86,"longitude":2.35}'
    ] * 2
    assert all(row["searched"]["found"] == {} for row in found["none"])


async def test_the_truth_is_in_no_question(photos: Path, model: Planted) -> None:
    await runs(photos, model, {"all": frozenset(PARTS)})
    everything = b"".join(model.bodies)
    for name in (b"Zanzibar", b"Tanzania", b"39.19", b"-6.16"):
        assert name not in everything


async def test_what_two_runs_ask_alike_is_asked_once_and_a_stopped_run_repeats_nothing(
    photos: Path, model: Planted
) -> None:
    plans = ablation.plans(frozenset(PARTS))
    with pytest.raises(BudgetReached):
        await runs(photos, model, plans, budget={"calls": 9})
    assert len(model.bodies) == 9
    found = await runs(photos, model, plans)
    assert list(found) == list(plans) and len(model.bodies) == len(set(model.bodies))
    once = len(model.bodies)
    assert await runs(photos, model, plans) == found and len(model.bodies) == once


async def test_a_part_that_fails_gives_no_evidence_and_says_so(photos: Path, model: Planted) -> None:
    model.silent = {REASON, DETECT}
    found = await runs(photos, model, {"all": frozenset(PARTS)})
    for row in found["all"]:
        assert list(row["searched"]["found"]) == ["Guidebook"] and '"Nairobi"' in row["text"] and "reasoning" not in row
        assert row["searched"]["failures"] == {"detect: truncated": 1, "reason: refused": 1}


def test_an_id_leads_to_no_file_outside_of_the_folder(photos: Path) -> None:
    for row in ({"id": "../a"}, {"id": "a", "image": "/etc/hosts.jpg"}, {"id": "x\0"}):
        outside = write_lists(photos.parent / "other.jsonl", row)
        with pytest.raises(SourceError, match="no name of a file"):
            list(photos_of(outside, folder=photos.parent / "photos"))
    named = write_lists(photos.parent / "other.jsonl", {"id": "1", "image": "b.jpg"})
    assert list(photos_of(named, folder=photos.parent)) == [("1", (photos.parent / "b.jpg").read_bytes())]


async def test_a_picture_that_is_none_is_a_failed_answer(photos: Path, model: Planted) -> None:
    (photos.parent / "a.jpg").write_bytes(b"\xff\xd8 no picture")
    found = await runs(photos, model, {"none": frozenset()})
    first, second = found["none"]
    assert first["text"] == "" and first["failure"].startswith("picture: ") and second["text"]


async def test_a_photo_is_taken_when_there_is_room_for_it(photos: Path, model: Planted) -> None:
    taken, most = 0, 0
    picture = (photos.parent / "a.jpg").read_bytes()

    def coming() -> Iterator[tuple[str, bytes]]:
        nonlocal taken, most
        for number in range(20):
            taken, most = number + 1, max(most, number + 1 - len(model.bodies))
            yield str(number), picture + bytes([number])

    guesser = openai_model(model.url, "m", name=GUESSER, attempts=1)
    plan: dict[str, frozenset[Part]] = {"none": frozenset()}
    found = await ablation.run(coming, plan, [guesser], photos.parent / "calls", Tools())
    assert taken == len(found["none"]) == 20 and most <= PHOTOS_AT_ONCE + 1


async def test_a_nominatim_is_asked_once_for_each_name_and_its_answers_are_kept(photos: Path, model: Planted) -> None:
    queries: list[tuple[str, str]] = []

    class Map(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            queries.append((parse_qs(urlsplit(self.path).query)["q"][0], str(self.headers["User-Agent"])))
            body = orjson.dumps([{"lat": "55.79", "lon": "49.12", "display_name": "Kazan the cafe, Leipzig"}])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return None

    with listening(Map) as url:
        plan: dict[str, frozenset[Part]] = {"map": frozenset({"map"})}
        found = await runs(photos, model, plan, maps.nominatim(url))
        assert await runs(photos, model, plan, maps.nominatim(url)) == found
    assert queries == [("Kazan", "geo-reasoning-factory")], "two photos with one sign"
    assert "Kazan the cafe, Leipzig (55.7900, 49.1200)" in found["map"][0]["searched"]["found"]["Map"]


def test_the_command_compares_its_parts_in_one_table(photos: Path, model: Planted) -> None:
    out, clues = photos.parent / "out", photos.parent / "clues.csv"
    command = [
        "navig",
        str(photos),
        "--url",
        model.url,
        "--model",
        "m",
        "--out",
        str(out),
        "--photos",
        str(photos.parent),
    ]
    command += ["--clues", str(clues)]
    done = RUN.invoke(app, [*command, "--ablation"])
    assert done.exit_code == 0, done.output
    lines = {line[:18].strip(): line for line in done.stdout.splitlines()}
    assert {"all parts", "plain model", *(f"without {part}" for part in PARTS)} <= set(lines)
    assert lines["all parts"].split()[2] == "0.0", "Leipzig, twice"
    assert lines["plain model"].split()[2:4] == ["50.0", "(+50.0)"], "Paris is right once"
    told = orjson.loads(RUN.invoke(app, [*command[:-2], "--parts", "map", "--json"]).stdout)
    answers = Path(told["runs"]["answers"]["file"])
    done = RUN.invoke(app, ["eval", str(photos), "--predictions", str(answers), "--preset", "navig"])
    assert done.exit_code == 0 and "answered  2 of 2" in done.stdout


def test_a_set_without_names_has_no_measure_of_them(photos: Path, model: Planted) -> None:
    bare = write_lists(photos.parent / "bare.jsonl", {"id": "a", "lat": 1.0, "lon": "-170"}, {"id": "b"})
    command = ["navig", str(bare), "--url", model.url, "--model", "m", "--out", str(photos.parent / "out")]
    done = RUN.invoke(app, [*command, "--photos", str(photos.parent), "--parts", "none", "--ablation"])
    assert done.exit_code == 0, done.output
    assert "country DIRE" in done.stdout and "–" in done.stdout


def test_a_wrong_command_is_named(photos: Path) -> None:
    command = [
        "navig",
        str(photos),
        "--url",
        "http://localhost:9/v1",
        "--model",
        "m",
        "--out",
        str(photos.parent / "out"),
    ]
    for more, wanted in (
        ((), "with --clues"),
        (("--parts", "maps"), "did you mean `map`"),
        (("--parts", "none"), "--photos FOLDER"),
        (("--parts", "reasoner", "--reasoner-url", "http://x/v1"), "--reasoner NAME"),
        (("--parts", "reasoner", "--reasoner", "r", "--reasoner-key", "K"), "--reasoner-url, which is missing"),
        (("--parts", "map", "--nominatim", "ftp://x"), "http"),
        (("--parts", "none", "--ablation", "--preset", "navi"), "did you mean `navig`"),
    ):
        done = RUN.invoke(app, [*command, *more])
        assert isinstance(done.exception, RecipeError) and wanted in str(done.exception), more


def test_a_file_is_no_folder_for_answers(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    words = ["navig", str(photos), "--url", "http://localhost:9/v1", "--model", "m", "--parts", "none"]
    done = RUN.invoke(app, [*words, "--photos", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, RecipeError) and "out: is a file; --out wants a folder" in str(done.exception)
