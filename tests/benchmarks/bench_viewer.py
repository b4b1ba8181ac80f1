"""The viewer of a large release: bytes, time to write, time to open and to filter in a browser.

    python tests/benchmarks/bench_viewer.py [--rows 100000] [--side 200] [--keep FOLDER]

Rows are made of one small release's, each at another city, with another id, author and distances; pictures of `side`
pixels are drawn. The browser is the system's Chromium, headless, without a graphics card.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson
import polars as pl

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from factory.geo.names import country_name  # noqa: E402 - a script finds its neighbours only so
from release import write_release  # noqa: E402
from release.manifest import read_manifest  # noqa: E402
from release.rows import Released, Row  # noqa: E402
from release.viewer import Viewer  # noqa: E402
from release.viewer_pages import read_page  # noqa: E402
from schemas.rows.mp16_reason import ROW  # noqa: E402
from tests.browsing import CHROMIUM, launched  # noqa: E402
from tests.build_fixture import draw_jpeg, make_build  # noqa: E402

FILTERS = ({"country": "France"}, {"country": ""}, {"order": "far"}, {"text": "pari"}, {"text": ""}, {"km": "25"})
SET = """async (choices) => {
    const form = document.querySelector('.filters'), started = performance.now();
    for (const [name, value] of Object.entries(choices)) form.elements[name].value = value;
    form.dispatchEvent(new Event('input'));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - started;
}"""


def write(root: Path, rows: int, side: int) -> Path:
    """Writes a viewer of so many rows and prints what it took."""
    build = make_build(root / "small", 40)
    write_release(build)
    small = [json.loads(line) for line in read_page(build.paths.release, "rows-00000")]
    cities = pl.read_parquet(REPOSITORY / "factory/geo/data/cities.parquet")
    places = cities.sample(rows, seed=1, with_replacement=True).select("name", "country", "lat", "lon")
    pictures, rng, out = (
        [draw_jpeg(n, width=side, height=side * 3 // 4) for n in range(64)],
        random.Random(1),
        root / "v",
    )
    out.mkdir()
    started, cpu = time.perf_counter(), time.process_time()
    with Viewer(out, ROW, lambda jpeg: jpeg, pictures=True) as viewer:
        for number, (name, code, lat, lon) in enumerate(places.iter_rows()):
            scale = 1e-5 if isinstance(lat, int) else 1.0
            row = small[number % len(small)]
            where = {"lat": lat * scale, "lon": lon * scale, "city": str(name), "country": country_name(code) or code}
            answers = [{**one, "distance_km": 10 ** rng.uniform(-1, 3.9)} for one in row["answers"]]
            own = {"id": f"{number:07d}", "author": f"author {rng.randrange(20_000)}", "answers": answers}
            text = orjson.dumps(ROW.json_row({**row, **where, **own}))
            jpegs = (pictures[number % len(pictures)],)
            viewer.add(Released(own["id"], row["split"], (Row({**row, **own}, text),), jpegs))
        viewer.close()
    facts = read_manifest(build.paths.release)
    facts["counts"] = {**facts["counts"], "rows": rows}
    files = [*viewer.finish(facts)]
    sizes: dict[str, int] = {}
    for file in files:
        kind = file.name.split("-")[0]
        sizes[kind] = sizes.get(kind, 0) + file.stat().st_size
    took, worked = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{rows:,} rows written in {took:.1f} s ({worked:.1f} s of CPU), {len(files):,} files, peak {peak:,.0f} MB")
    print(", ".join(f"{kind} {size / 1e6:,.1f} MB" for kind, size in sizes.items()))
    return out / "viewer.html"


def look(page: Path) -> None:
    """Opens it twice and changes filters."""
    with launched() as browser:
        for _ in range(2):
            tab = browser.new_page(viewport={"width": 1366, "height": 768})
            started = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="load")
            tab.wait_for_selector("html[data-ready=yes]", timeout=120_000)
            opened = time.perf_counter() - started
            tab.locator(".card img").nth(40).wait_for(timeout=120_000)
            seen = time.perf_counter() - started
            took = [tab.evaluate(SET, choices) for choices in FILTERS]
            nodes = tab.evaluate("document.querySelectorAll('*').length")
            print(f"opened in {opened:.2f} s, pictures after {seen:.2f} s, {nodes:,} elements")
            print(f"a filter changed and drawn in {min(took):.0f} to {max(took):.0f} ms")
            tab.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.keep or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        page = write(root, asked.rows, asked.side)
        if CHROMIUM is not None:
            look(page)


if __name__ == "__main__":
    main()
