"""The cases: each makes one hostile thing of the sound material and says which commands meet it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.store.layout import open_build
from release import write_release
from release.manifest import MANIFEST, digest_of, manifest_bytes
from release.withheld import WITHHELD, read_withheld, write_withheld
from schemas.settings import ReleaseSettings
from tests.fake_endpoint import completion
from tests.faults.material import BUILT_RECIPE, CLUE_RECIPE, LISTED, RECIPE, SOURCES, SPOKEN_RECIPE
from tests.faults.mutate import mutated
from tests.hostile_logprobs import HOSTILE, fair
from tests.made_onnx import red_finder
from tests.raw_endpoint import answering
from tests.row_files import CLUES, SHAREGPT, TRL, with_pictures, written
from tests.row_files import converted as convert_rows

Command = Sequence[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A folder that is prepared, and the commands that are run in it one after the other."""

    commands: tuple[Command, ...]
    changed: str
    """What was made hostile, below the folder."""
    must_be_found: bool = False
    """Whether `factory check` among the commands must say that something is wrong."""


RUNS = Path(__file__).resolve().parents[2] / "recipes" / "train"
BUILD = ("build", "r.yaml", "--workers", "1")
Make = Callable[[Path, Random], Case]


def _mutate(path: Path, rng: Random) -> bool:
    """Changes a file; whether its bytes are others now."""
    before = path.read_bytes()
    path.write_bytes(mutated(before, rng))
    return path.read_bytes() != before


def _source(kind: str, file: str) -> Make:
    def make(folder: Path, rng: Random) -> Case:
        line = next(line for line in RECIPE.splitlines() if line.startswith("source:"))
        (folder / "r.yaml").write_text(RECIPE.replace(line, f"source: {SOURCES[kind]}"))
        changed = rng.choice(sorted((folder / file).iterdir())) if (folder / file).is_dir() else folder / file
        _mutate(changed, rng)
        return Case((BUILD,), str(changed.relative_to(folder)))

    return make


def listed(folder: Path, rng: Random) -> Case:
    """A table or an answer of an API that names pictures is changed, and planned."""
    kind = rng.choice(sorted(LISTED))
    line = next(line for line in RECIPE.splitlines() if line.startswith("source:"))
    (folder / "r.yaml").write_text(RECIPE.replace(line, f"source: {SOURCES[kind]}"))
    _mutate(folder / "listed" / LISTED[kind], rng)
    return Case((("plan", "r.yaml"),), f"listed/{LISTED[kind]}")


def cross_view(folder: Path, rng: Random) -> Case:
    """A list, an annotation or a recording of the demo of a cross-view family is changed, and built."""
    recipe, kind = rng.choice((("vigor_pairs", "vigor"), ("cvg_text", "cvg_text"), ("geotext", "geotext")))
    shutil.copytree(RUNS.parent / "demo" / "cross_view", folder / "demo" / "cross_view")
    shutil.copy(RUNS.parent / f"{recipe}.yaml", folder / "r.yaml")
    demo = folder / "demo" / "cross_view"
    files = [path for path in (demo / kind).rglob("*") if path.suffix in (".txt", ".json", ".csv")]
    changed = rng.choice(sorted([*files, *demo.glob("*.jsonl")]))
    _mutate(changed, rng)
    return Case((BUILD,), str(changed.relative_to(folder)))


def _recording(file: str) -> Make:
    def make(folder: Path, rng: Random) -> Case:
        (folder / "r.yaml").write_text(RECIPE.replace("said.jsonl", file))
        _mutate(folder / file, rng)
        return Case((BUILD,), file)

    return make


def replies(folder: Path, rng: Random) -> Case:
    """Every recorded answer is text that a teacher could have written, changed."""
    lines = []
    for line in (folder / "said.jsonl").read_text().splitlines():
        record = json.loads(line)
        text = mutated(json.dumps(record["response"]).encode(), rng).decode("utf-8", "replace")[:300_000]
        lines.append(json.dumps({"id": record["id"], "response": text}))
    (folder / "said.jsonl").write_text("\n".join(lines) + "\n")
    return Case((BUILD,), "said.jsonl")


def responses(folder: Path, rng: Random) -> Case:
    """What an endpoint sends is changed: the head, the body, or both, with the length that belongs to it or without."""
    sent = []
    for line in (folder / "said.jsonl").read_text().splitlines():
        body = completion(json.dumps(json.loads(line)["response"]))
        body = mutated(body, rng) if rng.random() < 0.5 else body
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d" % len(body)
        sent.append((mutated(head, rng) if rng.random() < 0.7 else head) + b"\r\n\r\n" + body)
    teacher = f"backend: openai, base_urls: ['{answering(sent)}'], attempts: 1, timeout_s: 5, recovery_s: 1"
    (folder / "r.yaml").write_text(RECIPE.replace("backend: replay, path: said.jsonl", teacher))
    return Case((BUILD,), "what the endpoint sends")


def benchmark(folder: Path, rng: Random) -> Case:
    """The table of a set that a selection keeps clear of."""
    file = rng.choice(("photos.csv", "photos.jsonl", "photos.parquet"))
    shutil.copyfile(folder / file, folder / f"set-{file}")
    _mutate(folder / f"set-{file}", rng)
    step = f"select:\n  - decontaminate: {{benchmarks: [{{name: b, table: set-{file}}}]}}\n"
    (folder / "r.yaml").write_text(RECIPE.replace("select:\n", step))
    return Case((BUILD,), f"set-{file}")


def weights(folder: Path, rng: Random) -> Case:
    """The weights of a detector of plates."""
    (folder / "plates.onnx").write_bytes(red_finder(head=rng.choice(("raw", "corners"))))
    _mutate(folder / "plates.onnx", rng)
    return _releasing(folder, "plates: plates.onnx", "plates.onnx")


def withdrawn(folder: Path, rng: Random) -> Case:
    """The list of what is released no more."""
    head, since = "id,sha256,author,reason,since\n", "asked,2026-05-01\n"
    lines = (f"p000,,,{since}", f",{'ab' * 32},,{since}", f",,Jane Doe,{since}")
    (folder / "list.csv").write_text(head + "".join(lines))
    _mutate(folder / "list.csv", rng)
    made = _releasing(folder, "withdrawn: list.csv", "list.csv")
    return Case((*made.commands, ("check", "made", "--withdrawn", "list.csv")), made.changed)


def _releasing(folder: Path, key: str, changed: str) -> Case:
    (folder / "r.yaml").write_text(RECIPE.replace("release: {", f"release: {{{key}, "))
    return Case((BUILD,), changed)


def release(folder: Path, rng: Random) -> Case:
    """A file of a release is changed by somebody who makes its manifest fit, or the manifest is."""
    return _forged_release(folder / "made" / "release", rng)


def families(folder: Path, rng: Random) -> Case:
    """The same with releases of other families, and of rows that people decided."""
    return _forged_release(folder / rng.choice(("clue", "spoken_build", "localizable", "reviewed")) / "release", rng)


def _forged_release(root: Path, rng: Random) -> Case:
    manifest = json.loads((root / MANIFEST).read_bytes())
    entry = rng.choice(manifest["files"])
    path = root / entry["path"]
    changed = _change_cells(path, rng) if path.suffix == ".parquet" and rng.random() < 0.5 else _mutate(path, rng)
    assert changed or path.is_file()
    entry |= {"bytes": path.stat().st_size, "sha256": digest_of(path)}
    if rng.random() < 0.3:
        manifest[rng.choice(sorted(manifest))] = rng.choice((None, [], {}, -1, "x", ["x"], {"x": "y"}))
    (root / MANIFEST).write_bytes(manifest_bytes(manifest))
    folder = root.parents[1]
    named = str(root.relative_to(folder))
    compared = ("review", "pairs", named, "made")
    return Case((("check", named), ("read_release", named), compared), str(path.relative_to(folder)))


def converted(folder: Path, rng: Random) -> Case:
    """Rows in one of the formats of `factory convert`, with their sidecar and what lists them, one of these changed."""
    file = written(
        with_pictures(folder / "rows"), *rng.choice((("clues.jsonl", CLUES), ("s.json", SHAREGPT), ("t.jsonl", TRL)))
    )
    through = rng.choice(("sharegpt", "trl", "parquet", "webdataset"))
    convert_rows(file, folder / "there", through)
    home = {"clues.jsonl": "naviclues", "s.json": "sharegpt", "t.jsonl": "trl"}[file.name]
    path = rng.choice([file, *sorted(one for one in (folder / "there").rglob("*") if one.is_file())])
    _mutate(path, rng)
    commands = (
        ("convert", f"rows/{file.name}", "first", "--to", through),
        ("convert", "there", "back", "--to", home),
        ("convert", "there", "other", "--to", rng.choice(("llava", "ngcg", "mp16-reason", "parquet"))),
    )
    return Case(commands, str(path.relative_to(folder)))


def joined(folder: Path, rng: Random) -> Case:
    """A release is changed by somebody who makes its manifest fit, and joined with others."""
    kind = rng.choice(("made", "clue", "spoken_build", "localizable", "reviewed"))
    changed = _forged_release(folder / kind / "release", rng).changed
    others = [f"{name}=1" for name in ("made", "clue", "localizable") if name != kind]
    commands = (
        ("merge", kind, "made" if kind != "made" else "reviewed", "--out", "merged", "--drop-leaks"),
        ("mix", f"{kind}=1", rng.choice(others), "--out", "mixed", "--drop-leaks"),
        ("convert", kind, "there", "--to", rng.choice(("sharegpt", "parquet", "mp16-reason"))),
    )
    return Case(commands, changed)


def told_apart(folder: Path, rng: Random) -> Case:
    """A file of a build is changed, and the build is compared with another."""
    root = folder / rng.choice(("made", "reviewed"))
    tables = sorted(path for path in root.rglob("*.parquet") if "release" not in path.parts)
    path = rng.choice([*tables, root / "build.json"])
    changed = _change_cells(path, rng) if path.suffix == ".parquet" and rng.random() < 0.7 else _mutate(path, rng)
    assert changed or path.is_file()
    return Case((("diff", "made", "reviewed"), ("diff", "reviewed", "made", "--json")), str(path.relative_to(folder)))


def hydrated(folder: Path, rng: Random) -> Case:
    """A release without its pictures, its table of them, or what their host sends, is changed; the manifest fits."""
    write_release(open_build(folder / "made"), settings=ReleaseSettings(images="none"))
    root = folder / "made" / "release"
    table, sent = root / WITHHELD, []
    lines = read_withheld(table)
    hostile = rng.choice(("what the host sends", WITHHELD, MANIFEST))
    for number, line in enumerate(lines):
        data = min((folder / "exif").iterdir()).read_bytes() + bytes(number)
        line |= {"sha256": hashlib.sha256(data).hexdigest()}
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d" % len(data)
        if hostile == "what the host sends":
            head, data = mutated(head, rng), mutated(data, rng)
        sent.append(head + b"\r\n\r\n" + data)
    url = answering(sent)
    write_withheld(table, [line | {"source_url": f"{url}/{number}"} for number, line in enumerate(lines)])
    if hostile == WITHHELD:
        _mutate(table, rng)
    manifest = json.loads((root / MANIFEST).read_bytes())
    for entry in manifest["files"]:
        entry |= {"bytes": (root / entry["path"]).stat().st_size, "sha256": digest_of(root / entry["path"])}
    if hostile == MANIFEST:
        manifest[rng.choice(sorted(manifest))] = rng.choice((None, [], {}, -1, "x", ["x"], {"x": "y"}))
    (root / MANIFEST).write_bytes(manifest_bytes(manifest))
    asked = ("hydrate", "made", "--out", "there", "--allow-host", "127.0.0.1", "--per-second", "1000")
    return Case((asked, ("check", "there")), hostile)


def pushed(folder: Path, rng: Random) -> Case:
    """A release goes to a folder in which another one lies that somebody changed, its manifest too."""
    there = folder / "there"
    shutil.copytree(folder / "made" / "release", there)
    path = rng.choice(sorted(file for file in there.rglob("*") if file.is_file()))
    _mutate(path, rng)
    manifest = json.loads((folder / "made" / "release" / MANIFEST).read_bytes())
    manifest[rng.choice(sorted(manifest))] = rng.choice((None, [], {}, -1, "x", ["x"], [{"path": "../r.yaml"}]))
    if rng.random() < 0.5:
        (there / MANIFEST).write_bytes(manifest_bytes(manifest))
    push = ("push", "made", "--to", "there")
    return Case((push, (*push, "--overwrite"), ("check", "there")), str(path.relative_to(folder)))


def recipe(folder: Path, rng: Random) -> Case:
    _mutate(folder / "r.yaml", rng)
    return Case((("recipe", "check", "r.yaml"), ("plan", "r.yaml")), "r.yaml")


def clues(folder: Path, rng: Random) -> Case:
    """A repository of clues is changed, or what a teacher chose from it."""
    book = rng.choice(("clues.csv", "clues.jsonl", "clues.yaml"))
    (folder / "r.yaml").write_text(CLUE_RECIPE.replace("CLUES", book))
    changed = rng.choice((book, book, "chosen.jsonl"))
    _mutate(folder / changed, rng)
    return Case((BUILD,), changed)


def guidebook(folder: Path, rng: Random) -> Case:
    """A guidebook is changed, made a repository of clues, and built with."""
    (folder / "r.yaml").write_text(CLUE_RECIPE.replace("CLUES", "guide.csv"))
    changed = rng.choice(("guide.txt", "guide_images.txt"))
    _mutate(folder / changed, rng)
    make = ("from_guidebook", "guide.txt", "guide_images.txt", "guide.csv", "--source", "x", "--licence", "y")
    return Case((make, BUILD), changed)


def reviews(folder: Path, rng: Random) -> Case:
    """What people said in a build is changed, as bytes or cell by cell, before it is decided, told and built with."""
    files = sorted((folder / "reviewed" / "review").glob("*.*"))
    path = rng.choice(files)
    if path.suffix == ".parquet" and rng.random() < 0.7:
        _change_cells(path, rng)
    else:
        _mutate(path, rng)
    looking = [("decide", "reviewed"), ("decide", "reviewed", "--lead", "zoe", "p00001=accept"), ("report", "reviewed")]
    (folder / "builds").mkdir()
    shutil.copytree(folder / "reviewed", folder / "builds" / (folder / "made.id").read_text())
    return Case((("review", *rng.choice(looking)), ("check", "reviewed"), BUILD), str(path.relative_to(folder)))


def _change_cells(path: Path, rng: Random) -> bool:
    """A Parquet file with another cell of one of its columns: what could stand there, or of another kind."""
    table = pq.read_table(path, partitioning=None)
    if not table.num_rows:
        return False
    at = rng.randrange(table.num_columns)
    field = table.schema.field(at)
    cells = table.column(at).to_pylist()
    odd = (None, "", "x" * 300_000, "\x1b[31m", "=1+1", -1, 2**40, float("nan"), float("inf"), [], {}, True, b"\xff")
    cell = rng.choice(odd)
    text = next((inner for inner in _texts(cells[0])), None)
    if text is not None and rng.random() < 0.5:
        cell = mutated(text.encode(), rng).decode("utf-8", "replace")
    for row in rng.sample(range(len(cells)), min(len(cells), rng.choice((1, 1, 3)))):
        cells[row] = _with(cells[row], cell)
    try:
        changed = pa.array(cells, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        changed = pa.array([str(value) for value in cells])
    table = table.set_column(at, pa.field(field.name, changed.type), changed)
    pq.write_table(table, path, write_page_checksum=True)
    return True


def _texts(value: Any) -> Iterator[str]:
    """The texts in a cell, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _with(value: Any, cell: Any) -> Any:
    """A cell with another value in the place of its first inner one."""
    if isinstance(value, dict) and value:
        name = next(iter(value))
        return {**value, name: _with(value[name], cell)}
    return [_with(value[0], cell), *value[1:]] if isinstance(value, list) and value else cell


def rewritten(folder: Path, rng: Random) -> Case:
    """Rounds of play-throughs, what is said in them, or what a teacher wrote of it is changed."""
    (folder / "r.yaml").write_text(SPOKEN_RECIPE)
    changed = rng.choice(("written.jsonl", "written.jsonl", "spoken/rounds.csv", "spoken/0.vtt", "spoken/2.json"))
    _mutate(folder / changed, rng)
    return Case((BUILD,), changed)


def build_folder(folder: Path, rng: Random) -> Case:
    """A file of a finished build is changed, or another one lies in its place."""
    files = sorted(path for path in (folder / "made").rglob("*") if path.is_file() and path.name != "lease")
    path = rng.choice(files)
    if rng.random() < 0.15:
        other = rng.choice(files)
        changed = other.read_bytes() != path.read_bytes()
        shutil.copyfile(other, path)
    else:
        changed = _mutate(path, rng)
    looking = [("status", "made"), ("report", "made"), ("explain", "made", "p00001"), ("status", "made", "--json")]
    named = str(path.relative_to(folder))
    return Case((("check", "made"), rng.choice(looking)), named, must_be_found=changed)


def built(folder: Path, rng: Random) -> Case:
    """A build whose files were changed is the source of another one."""
    case = build_folder(folder, rng)
    (folder / "r.yaml").write_text(BUILT_RECIPE)
    return Case((BUILD,), case.changed)


def resumed(folder: Path, rng: Random) -> Case:
    """A build whose files were changed is built again."""
    case = build_folder(folder, rng)
    names = [path.name for path in (folder / "made").iterdir()]
    assert names
    (folder / "builds").mkdir()
    shutil.move(folder / "made", folder / "builds" / (folder / "made.id").read_text())
    return Case((BUILD, (*BUILD, "--retry")), case.changed)


def labelled(folder: Path, rng: Random) -> Case:
    file = rng.choice(("photos.csv", "photos.parquet", "photos.jsonl"))
    _mutate(folder / file, rng)
    label = ("geo", "label", file, "out" + Path(file).suffix)
    return Case((rng.choice((label, ("geo", "map", file, "out.html", "--colour", "author"))),), file)


def evaluated(folder: Path, rng: Random) -> Case:
    """A model's answers, or the table that they are measured on, are changed."""
    files = ("said.jsonl", "said.parquet", "written.jsonl", "photos.csv", "photos.jsonl", "photos.parquet")
    hostile = rng.choice(files)
    _mutate(folder / hostile, rng)
    is_set = hostile.startswith("photos")
    truth, answers = (hostile, "said.jsonl") if is_set else ("photos.csv", hostile)
    preset = rng.choice(("globe", "navig", "osv5m", "pigeon", "g3", "gaga"))
    more = rng.choice((("--json",), ("--report", "page.html"), ("--against", "photos.csv"), ("--locate", "either")))
    return Case((("eval", truth, "--predictions", answers, "--preset", preset, *more),), hostile)


def training(folder: Path, rng: Random) -> Case:
    """A training run's file is changed."""
    shutil.copy(RUNS / rng.choice(("sft_qlora.yaml", "gaga_stage2.yaml")), folder / "run.yaml")
    _mutate(folder / "run.yaml", rng)
    return Case((("recipe", "check", "run.yaml"), ("recipe", "show", "run.yaml")), "run.yaml")


def reranked(folder: Path, rng: Random) -> Case:
    """Lists of candidates, or what a model and its server say of them, are changed."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    items = [{"id": name, "image": f"images/{name}", "text": f"a street, {name}"} for name in names]
    lists = [{"id": str(n), "query": one, "candidates": items, "positive": names[n]} for n, one in enumerate(items[:2])]
    (folder / "lists.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lists))
    method = rng.choice(("direct", "likert", "yes-no", "reasoned", "pairwise", "tournament"))
    command = ("rerank", "lists.jsonl", "--model", "m", "--out", "better.jsonl", "--method", method, "--url")
    by = ("--by", rng.choice(("words", "shares"))) if method in ("pairwise", "tournament") else ()
    if rng.random() < 0.5:
        _mutate(folder / "lists.jsonl", rng)
        return Case(((*command, _saying(['{"preference": "1"}'], rng, change=False), *by),), "lists.jsonl")
    said = ['{"preference": "2"}', '{"score": 70}', "<think>yes</think>no", "1", "yes"]
    return Case(((*command, _saying(said, rng, change=True), *by),), "what the model says")


def located(folder: Path, rng: Random) -> Case:
    """A detector's boxes, a guidebook, a set of photos, or what a model says of them, are changed."""
    boxes = [{"label": "house", "box": [0, 0, 1, 1]}, {"label": "road sign", "box": [0.1, 0.1, 0.9, 0.9]}]
    ids = [json.loads(line)["id"] for line in (folder / "photos.jsonl").read_text().splitlines()]
    (folder / "boxes.jsonl").write_text("".join(json.dumps({"id": one, "boxes": boxes}) + "\n" for one in ids))
    hostile = rng.choice(("boxes.jsonl", "clues.csv", "photos.jsonl", ""))
    if hostile:
        _mutate(folder / hostile, rng)
    said = ["Kazan", "a red roof", json.dumps({"boxes": boxes}), '{"country": "Kenya", "latitude": 1, "longitude": 37}']
    command = ("navig", "photos.jsonl", "--photos", "images", "--model", "m", "--out", "run", "--clues", "clues.csv")
    more = (
        rng.choice(((), ("--ablation",), ("--boxes", "boxes.jsonl")))
        if hostile != "boxes.jsonl"
        else ("--boxes", hostile)
    )
    url = _saying(said, rng, change=not hostile)
    return Case(((*command, "--url", url, *more),), hostile or "what the model says")


def _saying(texts: Sequence[str], rng: Random, *, change: bool) -> str:
    """The address of an endpoint that says these in turn, some changed, with log probabilities of any kind."""
    sent = []
    for text in texts:
        words = mutated(text.encode(), rng).decode("utf-8", "replace")[:300_000] if change else text
        body = json.loads(completion(words or "x"))
        body["choices"][0]["logprobs"] = rng.choice((*HOSTILE, None, *map(fair, ("yes", "2")))) if change else fair("1")
        whole = json.dumps(body).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(whole)
        sent.append(head + whole)
    return answering(sent)


CASES: dict[str, Make] = {
    "replies": replies,
    "responses": responses,
    "recording": _recording("said.jsonl"),
    "parquet_recording": _recording("said.parquet"),
    "recipe": recipe,
    "csv": _source("csv", "photos.csv"),
    "jsonl": _source("jsonl", "photos.jsonl"),
    "parquet": _source("parquet", "photos.parquet"),
    "tar": _source("tar", "photos.tar"),
    "pictures": _source("folder", "exif"),
    "osv5m": _source("osv5m", "osv5m"),
    "gws15k": _source("gws15k", "pool"),
    "landmarks": _source("landmarks", "landmarks"),
    "transcripts": _source("transcripts", "spoken"),
    "cross_view": cross_view,
    "sidecars": _source("sidecars", "sidecars"),
    "listed": listed,
    "clues": clues,
    "guidebook": guidebook,
    "rewritten": rewritten,
    "reviews": reviews,
    "families": families,
    "benchmark": benchmark,
    "build_folder": build_folder,
    "built": built,
    "weights": weights,
    "withdrawn": withdrawn,
    "release": release,
    "converted": converted,
    "joined": joined,
    "told_apart": told_apart,
    "hydrated": hydrated,
    "pushed": pushed,
    "resumed": resumed,
    "geo_label": labelled,
    "evaluated": evaluated,
    "reranked": reranked,
    "located": located,
    "training": training,
}


def faults_of(case: Case, command: Command, code: int, said: str) -> Iterator[str]:
    """What is wrong with the way a command ended."""
    if code not in (0, 1, 2, 3):
        yield f"it ended with {code}"
    if "Traceback" in said:
        yield "a traceback"
    if "\x1b" in said:
        yield "an escape sequence reached the terminal"
    if len(said) > 200_000:
        yield f"it said {len(said):,} characters"
    if case.must_be_found and command[0] == "check" and code == 0:
        yield "`factory check` finds nothing wrong"
