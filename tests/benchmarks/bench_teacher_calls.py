"""What one process reaches against a 50 ms endpoint: plain aiohttp, the bare openai client, and our whole path.

    python tests/benchmarks/bench_teacher_calls.py [--calls 2000] [--in-flight 64] [--rounds 3]

All send the same prompt and 20 KB images to the same server. The whole path is `ask` with a real ledger: key, look-up,
limiter, call, parse, durable commit. Rounds are interleaved and medians printed, because shared machines drift.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import orjson

from factory.calls.teacher import made_teachers
from factory.generators.mp16_reason import mp16_reason, render
from factory.plugins.blocks import Block
from schemas import ImageRef, Sample, Seen
from schemas.settings import TeacherSettings
from tests.asking import asker, open_desk
from tests.fake_endpoint import running_endpoint

REQUEST, _ = render(8, 150)
Run = Callable[[str, Sequence[bytes], int], Awaitable[None]]


def body_of(image: bytes) -> dict[str, object]:
    (system,), (user, _picture) = (turn.parts for turn in REQUEST.turns)
    data = base64.b64encode(image).decode()
    schema = {"name": REQUEST.purpose, "strict": True, "schema": REQUEST.schema}
    return {
        "model": "fake",
        "temperature": 0.6,
        "max_tokens": 1024,
        "seed": 0,
        "messages": [
            {"role": "system", "content": system},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": user},
                    {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}},
                ],
            },
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


async def in_parallel(images: Sequence[bytes], in_flight: int, call: Callable[[int], Awaitable[None]]) -> None:
    """`in_flight` workers over one list."""
    numbers = iter(range(len(images)))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(in_flight)))


async def plain_aiohttp(url: str, images: Sequence[bytes], in_flight: int) -> None:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(number: int) -> None:
            async with session.post(f"{url}/chat/completions", json=body_of(images[number])) as response:
                assert (await response.json())["choices"][0]["message"]["content"]

        await in_parallel(images, in_flight, call)


async def bare_openai(url: str, images: Sequence[bytes], in_flight: int) -> None:
    import openai

    http_client = openai.DefaultAioHttpClient()
    async with openai.AsyncOpenAI(base_url=url, api_key="x", http_client=http_client) as client:

        async def call(number: int) -> None:
            reply = await client.chat.completions.create(**body_of(images[number]))  # type: ignore[call-overload]
            assert reply.choices[0].message.content

        await in_parallel(images, in_flight, call)


async def whole_path(url: str, images: Sequence[bytes], in_flight: int) -> None:
    block = Block("teacher", key="backend", common=TeacherSettings)
    fields = {"name": "t", "backend": "openai", "model": "fake", "base_urls": [url], "max_in_flight": in_flight}
    made = made_teachers([block.validate(fields)], Path())
    family = mp16_reason()
    assert family.answer is not None
    answer = family.answer
    with tempfile.TemporaryDirectory(dir=".") as folder:
        async with open_desk(Path(folder), *made) as desk:

            async def call(number: int) -> None:
                sample = Sample(id=str(number), images=(ImageRef(locator=""),), lat=0.0, lon=0.0)
                keys = {"photo": str(number)}
                ask = asker(desk, sample, teacher="t", image_keys=keys, image=lambda _role: images[number])
                answered = ask.answered(await answer(Seen(id=sample.id, images=sample.roles), ask))
                assert answered.place is not None, answered

            await in_parallel(images, in_flight, call)


def measure(run: Run, url: str, images: Sequence[bytes], in_flight: int) -> tuple[float, float]:
    """(requests a second, CPU milliseconds a request)."""
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    asyncio.run(run(url, images, in_flight))  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    return len(images) / seconds, 1000 * used / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of a table")
    options = parser.parse_args()
    draw = random.Random(0)
    images = [b"\xff\xd8" + draw.randbytes(20_000) for _ in range(options.calls)]
    runs: dict[str, Run] = {"plain aiohttp": plain_aiohttp, "bare openai": bare_openai, "whole path": whole_path}
    rates: dict[str, list[float]] = {name: [] for name in runs}
    cpus: dict[str, list[float]] = {name: [] for name in runs}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_endpoint(Path(folder), latency_ms=options.latency_ms, quiet=True) as server,
    ):
        for run in runs.values():
            measure(run, server.url, images[:64], options.in_flight)
        for _ in range(options.rounds):
            for name, run in runs.items():
                rate, cpu = measure(run, server.url, images, options.in_flight)
                rates[name].append(rate)
                cpus[name].append(cpu)
        peak = server.stats()["max_in_flight"]
    ideal = options.in_flight / (options.latency_ms / 1000)
    bare = statistics.median(rates["bare openai"])
    medians = {name: statistics.median(values) for name, values in rates.items()}
    if options.json:
        print(orjson.dumps({**medians, "ideal": ideal, "ratio": medians["whole path"] / bare}).decode())
        return
    print(f"{options.calls} calls, {options.in_flight} in flight (most seen {peak}), {options.latency_ms:g} ms")
    for name, median in medians.items():
        cpu = statistics.median(cpus[name])
        each = " ".join(f"{rate:.0f}" for rate in rates[name])
        print(f"{name:14} {median:7.0f}/s  {median / bare:5.2f} of bare openai  {cpu:.2f} ms CPU a call  ({each})")
    print(f"{'ideal':14} {ideal:7.0f}/s  {ideal / bare:5.2f} of bare openai")


if __name__ == "__main__":
    main()
