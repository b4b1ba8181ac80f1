"""An OpenAI-compatible server for tests and benchmarks: quick, deterministic, and faulty on request.

    python tests/fake_endpoint.py --port 0 --latency-ms 50 --plan plan.json --log requests.jsonl

It prints its port, then serves until it is killed. Answers follow from the sha256 of the image in the request, or come
from `--answers` (JSONL of {"image_sha256", "response"}). A plan is a list of faults, the first that applies wins:

    [{"kind": "rate_limited", "first": 10, "count": 20, "retry_after_s": 0.2},   requests 10 to 29
     {"kind": "truncated", "every": 7},                                          each seventh request
     {"kind": "bad_request", "image": "3f9c"},                                   images whose sha256 starts so
     {"kind": "error_500", "per_image": 2},                                      the first two requests of each image
     {"kind": "usage", "usage": null, "billed": 1000},                           what it states, and what it bills
     {"kind": "text", "text": "{{{{"}]                                           what it answers, word by word

Every request is one line of the log, written before the reply is sent: time, number, image, status, fault, seed,
whether it had a response_format, and its headers. GET /stats has counts and the most requests ever in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

PLACES = [
    ("France", "Île-de-France", "Paris", 48.8566, 2.3522),
    ("Japan", "Tokyo", "Tokyo", 35.6762, 139.6503),
    ("Brazil", "São Paulo", "São Paulo", -23.5505, -46.6333),
    ("Kenya", "Nairobi County", "Nairobi", -1.2921, 36.8219),
    ("Australia", "New South Wales", "Sydney", -33.8688, 151.2093),
    ("Canada", "Ontario", "Toronto", 43.6532, -79.3832),
    ("India", "Maharashtra", "Mumbai", 19.076, 72.8777),
    ("Namibia", "Khomas", "Windhoek", -22.5597, 17.0832),
    ("Russia", "Tatarstan", "Kazan", 55.7887, 49.1221),
    ("Mexico", "Jalisco", "Guadalajara", 20.6597, -103.3496),
    ("Germany", "Saxony", "Leipzig", 51.3397, 12.3731),
    ("Norway", "Vestland", "Bergen", 60.3913, 5.3221),
]
CLUES = [
    ("signage", "a street sign in the local language"),
    ("vehicle", "cars with long white plates"),
    ("vegetation", "broad-leaved trees along the pavement"),
    ("architecture", "four-storey houses with iron balconies"),
    ("road", "a dashed white centre line"),
    ("terrain", "low hills behind the town"),
]
WHO = b'"url":"data:image/jpeg;base64,'


@dataclass
class Served:
    """What the server has done so far."""

    requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_image: Counter[str] = field(default_factory=Counter)
    billed: int = 0
    """Tokens on the bill of the faults that name them."""

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "images": len(self.by_image),
            "billed": self.billed,
            "most_for_one_image": max(self.by_image.values(), default=0),
        }


def plausible_answer(image_sha256: str, flavour: str = "") -> dict[str, Any]:
    """An answer about one image: always the same for the same image and flavour; flavours mostly agree."""
    shared = int(image_sha256[:16], 16)
    own = int(hashlib.sha256((image_sha256 + flavour).encode()).hexdigest()[:16], 16)
    agrees = own % 10 > 0
    country, region, city, lat, lon = PLACES[(shared if agrees else own // 10) % len(PLACES)]
    first = shared // 100 % len(CLUES)
    seen = [CLUES[(first + step) % len(CLUES)] for step in range(3)]
    offset = (own // 1000 % 1000 - 500) / 10_000
    return {
        "scene": ("indoor", "natural", "urban")[shared // 1000 % 3],
        "clues": [{"kind": kind, "text": text, "supports": country} for kind, text in seen],
        "reasoning": f"I see {', '.join(text for _, text in seen)}. Together they speak for {city} in {country}.",
        "localizable": True,
        "confidence": 0.5 + own // 1_000_000 % 50 / 100,
        "country": country,
        "region": region,
        "city": city,
        "latitude": round(lat + offset, 4),
        "longitude": round(lon - offset, 4),
    }


def completion(text: str, finish_reason: str = "stop", model: str = "fake", **message: Any) -> bytes:
    """The body of a chat completion."""
    return orjson.dumps(
        {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish_reason,
                    "message": {"role": "assistant", "content": text, **message},
                }
            ],
            "usage": {"prompt_tokens": 900, "completion_tokens": max(1, len(text) // 4), "total_tokens": 0},
        }
    )


def with_usage(body: bytes, usage: Any) -> bytes:
    """The same completion with another `usage`; None leaves it out."""
    stated = {} if usage is None else {"usage": usage}
    return orjson.dumps({name: value for name, value in orjson.loads(body).items() if name != "usage"} | stated)


def round_figures(body: bytes) -> bytes:
    """The same completion for 1,000 tokens."""
    return with_usage(body, {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000})


def error_body(message: str, code: int | None = None) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": "fake", "code": code}})


class FakeEndpoint:
    """The request handler and its state."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.latency_s = options.latency_ms / 1000
        self.plan: list[dict[str, Any]] = orjson.loads(Path(options.plan).read_bytes()) if options.plan else []
        self.answers: dict[str, Any] = {}
        if options.answers:
            for line in Path(options.answers).read_bytes().splitlines():
                record = orjson.loads(line)
                self.answers[record["image_sha256"]] = record["response"]
        self.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if options.log else None
        self.model = f'"model":"{options.model}"'.encode() if options.model else None
        self.served = Served()
        self.bodies: dict[str, bytes] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST" and request.path.endswith("/chat/completions"):
            return await self.complete(request)
        if request.path == "/stats":
            return json_response(200, orjson.dumps(self.served.as_json()))
        if request.path == "/reset":
            self.served = Served(in_flight=self.served.in_flight)
            return json_response(200, b"{}")
        if request.path == "/plan":
            self.plan = orjson.loads(await request.read())
            self.served = Served(in_flight=self.served.in_flight)
            return json_response(200, b"{}")
        if request.path == "/health":
            return web.Response()
        if request.path.endswith("/models"):
            return json_response(200, orjson.dumps({"data": [{"id": self.options.model or "fake"}]}))
        return json_response(404, error_body("no such page"))

    async def complete(self, request: web.BaseRequest) -> web.StreamResponse:
        served = self.served
        served.requests += 1
        served.in_flight += 1
        served.max_in_flight = max(served.max_in_flight, served.in_flight)
        number = served.requests
        try:
            body = await request.read()
            image = image_sha256(body)
            served.by_image[image] += 1
            fault = self.fault(number, image, body)
            kind = fault["kind"] if fault else ""
            await asyncio.sleep(fault.get("latency_ms", self.latency_s * 1000) / 1000 if fault else self.latency_s)
            status = FAULTS[kind].status if kind else 200
            served.by_status[status] += 1
            served.billed += fault.get("billed", 0) if fault else 0
            if self.log is not None:
                self.write_log(request, number, image, status, kind, body)
            if not kind:
                return json_response(200, self.answer(image))
            return await FAULTS[kind].respond(self, request, image, fault)
        finally:
            served.in_flight -= 1

    def fault(self, number: int, image: str, body: bytes) -> dict[str, Any] | None:
        if self.model is not None and self.model not in body:
            return {"kind": "unknown_model"}
        for fault in self.plan:
            if fault["kind"] == "no_schema" and b'"response_format"' not in body:
                continue
            first = fault.get("first", 1)
            applies = (
                first <= number < first + fault.get("count", 1 << 62)
                and number % fault.get("every", 1) == 0
                and image.startswith(fault.get("image", ""))
                and self.served.by_image[image] <= fault.get("per_image", 1 << 62)
            )
            if applies:
                return fault
        return None

    def answer_text(self, image: str) -> str:
        return orjson.dumps(self.answers.get(image) or plausible_answer(image, self.options.flavour)).decode()

    def answer(self, image: str) -> bytes:
        body = self.bodies.get(image)
        if body is None:
            body = self.bodies[image] = completion(self.answer_text(image))
        return body

    def write_log(
        self, request: web.BaseRequest, number: int, image: str, status: int, fault: str, body: bytes
    ) -> None:
        assert self.log is not None
        line = {
            "t": time.time(),
            "n": number,
            "image": image,
            "status": status,
            "fault": fault,
            "seed": seed_of(body),
            "response_format": b'"response_format"' in body,
            "turns": body.count(b'"role":'),
            "headers": {str(k).lower(): v for k, v in request.headers.items()} if self.options.log_headers else {},
        }
        os.write(self.log, orjson.dumps(line) + b"\n")


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json", **(headers or {})})


def image_sha256(body: bytes) -> str:
    """The digest of the first image in a request, found without parsing it; of its text where it shows none."""
    start = body.find(WHO)
    if start < 0 and b"base64," not in body:
        return hashlib.sha256(body).hexdigest()
    if start < 0:
        start = body.find(b"base64,") + len(b"base64,") - len(WHO)
    start += len(WHO)
    end = body.find(b'"', start)
    return hashlib.sha256(base64.b64decode(body[start:end])).hexdigest()


def seed_of(body: bytes) -> int | None:
    at = body.rfind(b'"seed":')
    digits = body[at + 7 : at + 27].split(b",")[0].split(b"}")[0].strip() if at >= 0 else b""
    return int(digits) if digits.lstrip(b"-").isdigit() else None


Respond = Callable[["FakeEndpoint", web.BaseRequest, str, dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Fault:
    status: int
    respond: Respond


def says(status: int, make: Callable[[FakeEndpoint, str, dict[str, Any]], bytes]) -> Fault:
    """A fault that is an ordinary response; Retry-After and other headers come from the plan."""

    async def respond(server: FakeEndpoint, _: web.BaseRequest, image: str, fault: dict[str, Any]) -> web.Response:
        headers = dict(fault.get("headers", {}))
        if "retry_after_s" in fault:
            headers["Retry-After"] = str(fault["retry_after_s"])
        return json_response(fault.get("status", status), make(server, image, fault), headers)

    return Fault(status, respond)


def message(default: str) -> Callable[[FakeEndpoint, str, dict[str, Any]], bytes]:
    return lambda _server, _image, fault: error_body(fault.get("message", default))


async def drop(server: FakeEndpoint, request: web.BaseRequest, image: str, _: dict[str, Any]) -> web.StreamResponse:
    """Half a body, then a reset."""
    body = server.answer(image)
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.abort()
    return response


async def drip(_: FakeEndpoint, request: web.BaseRequest, _image: str, fault: dict[str, Any]) -> web.StreamResponse:
    """One byte at a time, for ever: socket timeouts never fire."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(fault.get("interval_ms", 50) / 1000)
    return response


async def flood(_: FakeEndpoint, request: web.BaseRequest, _image: str, fault: dict[str, Any]) -> web.StreamResponse:
    """A body without end."""
    response = web.StreamResponse(status=fault.get("status", 200), headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _n in range(fault.get("megabytes", 64)):
            await response.write(b" " * 2**20)
    return response


async def die(_: FakeEndpoint, _request: web.BaseRequest, _image: str, _fault: dict[str, Any]) -> web.StreamResponse:
    """vLLM with a dead engine: a last 503, and the process is gone."""
    asyncio.get_running_loop().call_later(0.05, os._exit, 1)
    return json_response(503, error_body("EngineCore encountered an issue"))


FAULTS: dict[str, Fault] = {
    "slow": says(200, lambda server, image, _: server.answer(image)),
    "rate_limited": says(429, message("Too many requests")),
    "quota": says(429, message("insufficient_quota: check your plan")),
    "error_500": says(500, message("internal error")),
    "engine_dead": says(500, message("EngineCore encountered an issue")),
    "unavailable": says(503, message("unavailable")),
    "die": Fault(503, die),
    "bad_request": says(400, message("cannot identify image file")),
    "no_schema": says(400, message("response_format of type json_schema is not supported")),
    "unauthorized": says(401, message("Incorrect API key provided")),
    "unknown_model": says(404, message("The model does not exist")),
    "redirect": Fault(
        307, lambda *_: answered(web.Response(status=307, headers={"Location": "http://localhost:9/v1"}))
    ),
    "error_in_200": says(200, lambda _server, _image, fault: error_body("overloaded", fault.get("code", 503))),
    "html": says(200, lambda *_: b"<html>502 Bad Gateway</html>"),
    "truncated": says(200, lambda server, image, _: completion(server.answer_text(image)[:120], "length")),
    "control_characters": says(
        200, lambda server, image, _: completion(server.answer_text(image).replace("Together", "\n\t\x01Together"))
    ),
    "not_json": says(200, lambda *_: completion("It looks like a nice street somewhere.")),
    "empty": says(200, lambda *_: completion("")),
    "text": says(200, lambda _server, _image, fault: completion(fault["text"])),
    "body": says(200, lambda _server, _image, fault: fault["body"].encode() * fault.get("times", 1)),
    "refused": says(200, lambda *_: completion("", refusal="I'm sorry, but I can't help with that.")),
    "thinking": says(
        200, lambda server, image, _: completion(server.answer_text(image), reasoning_content="Let me look.")
    ),
    "only_thought": says(
        200, lambda server, image, _: round_figures(completion("", reasoning_content=server.answer_text(image)))
    ),
    "tool_call": says(
        200,
        lambda server, image, _: round_figures(
            completion("", "tool_calls", tool_calls=[{"function": {"arguments": server.answer_text(image)}}])
        ),
    ),
    "drafts": says(
        200,
        lambda server, image, _: round_figures(
            completion(f"[THINK]{orjson.dumps(plausible_answer('0' * 64)).decode()}[/THINK]{server.answer_text(image)}")
        ),
    ),
    "long_thought": says(
        200,
        lambda server, image, _: round_figures(
            completion(server.answer_text(image), reasoning_content="It may be {x}. " * 17_000)
        ),
    ),
    "odd_json": says(
        200,
        lambda server, image, _: (
            b"\xef\xbb\xbf"
            + round_figures(server.answer(image))[:-1].replace(b"Together", b"\\ud800Together")
            + b', "logprob": -Infinity}'
        ),
    ),
    "error_in_choice": says(
        200,
        lambda *_: orjson.dumps(
            {"choices": [{"error": {"code": 502, "message": "upstream"}, "message": {"content": ""}}]}
        ),
    ),
    "no_output": says(
        200, lambda *_: with_usage(completion(""), {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
    ),
    "usage": says(200, lambda server, image, fault: with_usage(server.answer(image), fault["usage"])),
    "dropped": Fault(200, drop),
    "dripping": Fault(200, drip),
    "flood": Fault(200, flood),
}


async def answered(response: web.StreamResponse) -> web.StreamResponse:
    return response


async def serve(options: argparse.Namespace) -> None:
    endpoint = FakeEndpoint(options)
    runner = web.ServerRunner(web.Server(endpoint.handle, access_log=None, keepalive_timeout=75))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024, reuse_address=True)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()


@dataclass(frozen=True)
class Running:
    """A fake endpoint in its own process."""

    port: int
    pid: int
    log: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        return orjson.loads(self._get("/stats"))

    def reset(self) -> None:
        self._get("/reset")

    def follow(self, plan: Sequence[dict[str, Any]]) -> None:
        """Another plan, with counts from 0: the endpoint breaks, or is mended."""
        address = f"http://127.0.0.1:{self.port}/plan"
        with urllib.request.urlopen(address, data=orjson.dumps(list(plan)), timeout=10) as response:
            response.read()

    def wait_for(self, requests: int) -> None:
        """Until so many have arrived, however long that takes: a test's own limit of time ends it."""
        while self.stats()["requests"] < requests:
            time.sleep(0.02)

    def requests(self) -> list[dict[str, Any]]:
        """The log's whole lines; one may be in the middle of being written."""
        assert self.log is not None
        return [orjson.loads(line) for line in self.log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return response.read()


@contextlib.contextmanager
def running_endpoint(
    folder: Path, plan: Sequence[dict[str, Any]] = (), *, latency_ms: float = 0, quiet: bool = False, **options: Any
) -> Iterator[Running]:
    """Starts the server as a process and stops it on exit. `options` are its flags: `model`, `answers`, `port`, ...

    Args:
        quiet: Write no log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_bytes(orjson.dumps(list(plan)))
    log = folder / "requests.jsonl"
    command = [sys.executable, __file__, "--latency-ms", str(latency_ms), "--plan", str(folder / "plan.json")]
    command += [] if quiet else ["--log", str(log), "--log-headers"]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the fake endpoint did not start")
        yield Running(int(line), process.pid, log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--plan", help="JSON file with a list of faults")
    parser.add_argument("--log", help="JSONL file, one line a request")
    parser.add_argument("--log-headers", action="store_true", help="log the request's headers too")
    parser.add_argument("--answers", help="JSONL file with answers by image sha256")
    parser.add_argument("--flavour", default="", help="another teacher: mostly the same answers")
    parser.add_argument("--model", help="answer 404 for any other model")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
