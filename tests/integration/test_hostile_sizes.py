"""Small files that are large when they are opened: memory of all processes together stays that of a usual command.

Every attack is run by the real command and measured with its processes (`tests/measured.py`). The bounds are generous:
a build takes 0.5 GB, and each attack took 2 to 14 GB, or minutes, when it was found.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hostile import encode, picture
from tests.measured import Measured, measured
from tests.real_build import factory, only_build
from tests.tars import write_sparse_tar

DEMO = Path(__file__).resolve().parents[2] / "recipes" / "mp16_reason.yaml"
COLUMNS = 20_000
MEMORY_MB = 1_500
CPU_S = 120.0

RECIPE = """\
name: t
generator: mp16_reason
source: {source}
teachers: [{{name: a, backend: replay, path: {answers}}}]
verify: {{checks: [{{near_truth: {{tier: region}}}}], decide: {{reject: [near_truth], review: []}}}}
"""


def write(folder: Path, source: str, *, answers: str = "answers.jsonl") -> Path:
    if answers == "answers.jsonl":
        (folder / answers).write_text('{"id": "0", "response": {"localizable": true, "country": "France"}}\n')
    (folder / "r.yaml").write_text(RECIPE.format(source=source, answers=answers))
    return folder / "r.yaml"


def within_bounds(found: Measured, *codes: int) -> str:
    """What the command said; it ended with one of these exit codes, without a traceback, and took little."""
    said = found.done.stdout + found.done.stderr
    assert found.done.returncode in codes and "Traceback" not in said, found.done
    assert found.peak_mb < MEMORY_MB and found.cpu_s < CPU_S, (found.peak_mb, found.cpu_s)
    return said


@pytest.mark.parametrize("megabytes", [30, 250, 4_000])
def test_members_of_a_tar_that_are_mostly_holes(tmp_path: Path, megabytes: int) -> None:
    jpeg, members = encode(picture()), []
    for number in range(60):
        record = json.dumps({"id": str(number), "lat": 48.85, "lon": 2.35}).encode()
        members += [(f"{number:03d}.jpg", jpeg, megabytes * 1_000_000), (f"{number:03d}.json", record, len(record))]
    write_sparse_tar(tmp_path / "photos.tar", members)
    assert (tmp_path / "photos.tar").stat().st_blocks * 512 < 2_000_000
    recipe = write(tmp_path, "{kind: webdataset, path: photos.tar}")
    said = within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)
    assert ("file_too_large 60" in said) is (megabytes > 64), said


def write_zip(path: Path, packed: Sequence[tuple[bytes, int, int]], names: int) -> None:
    """A zip of OSV-5M by hand.

    Args:
        packed: of each file its packed bytes, how many of them its directory says (a hole follows), and its size.
        names: how many entries the directory has, by turns of these files.
    """
    places, directory = [], b""
    with path.open("wb") as file:
        for data, length, size in packed:
            places.append(file.tell())
            file.write(struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, length, size, 0, 0) + data)
            file.seek(length - len(data), os.SEEK_CUR)
        for number in range(names):
            (_, length, size), place = packed[number % len(packed)], places[number % len(packed)]
            name = f"{number}.jpg".encode()
            head = (b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, length, size, len(name), 0, 0, 0, 0, 0, place)
            directory += struct.pack("<4s6H3L5H2L", *head) + name
        start = file.tell()
        file.write(directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, names, names, len(directory), start, 0))


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(bytes(size)) + packer.flush()


@pytest.mark.parametrize(
    ("kind", "refused", "says"),
    [
        ("hole", "file_unreadable 1", "takes 3,000,000,000 in the zip, more than deflate ever needs"),
        ("shared", "file_unreadable 40", "shares bytes of the zip with another file"),
        ("large", "file_too_large 40", "250000000 bytes, limit 64 MB"),
        ("stated", "file_unreadable 40", "not what the zip's directory says"),
    ],
)
def test_pictures_in_a_zip_that_grow_when_they_are_unpacked(tmp_path: Path, kind: str, refused: str, says: str) -> None:
    (tmp_path / "images").mkdir()
    bomb, names = zeros(250_000_000), 1 if kind == "hole" else 40
    files = {
        "hole": [(b"\0", 3_000_000_000, 1000)],
        "shared": [(bomb, len(bomb), 60_000_000)],
        "large": [(bomb, len(bomb), 250_000_000)] * 40,
        "stated": [(bomb, len(bomb), 1_000_000)] * 40,
    }
    write_zip(tmp_path / "images" / "00.zip", files[kind], names)
    rows = "".join(f"{number},48.85,2.35,FR,Ile-de-France,Paris,a\n" for number in range(names))
    header = "id,latitude,longitude,country,region,city,creator_username\n"
    (tmp_path / "train.csv").write_text(header + rows)
    write(tmp_path, "{kind: osv5m, path: train.csv, images: images}")
    said = within_bounds(measured("build", "r.yaml", "--workers", "1", cwd=tmp_path), 1)
    assert refused in said, said
    told = factory("explain", only_build(tmp_path / "builds"), "0", cwd=tmp_path)
    assert says in told.stdout, told


def pointing(value: bytes | str, rows: int) -> pa.Array:
    """A column whose rows all point to one value."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def write_table(path: Path, rows: int, **more: pa.Array) -> None:
    columns = {
        "id": [str(number) for number in range(rows)],
        "image": ["a.jpg"] * rows,
        "lat": [48.85] * rows,
        "lon": [2.35] * rows,
    }
    table = pa.table({**columns, **more})
    pq.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30, store_schema=False)


def test_pictures_that_all_point_to_one_large_picture(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", 20, image=pointing(encode(picture()) + bytes(97_000_000), 20))
    assert (tmp_path / "t.parquet").stat().st_size < 30_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)
    assert "file_too_large 20" in said, said


def test_pictures_of_zeros(tmp_path: Path) -> None:
    zeros = encode(picture()) + bytes(12_000_000)
    schema = pa.schema([("id", pa.string()), ("image", pa.binary()), ("lat", pa.float64()), ("lon", pa.float64())])
    with pq.ParquetWriter(tmp_path / "t.parquet", schema, compression="zstd", use_dictionary=False) as writer:
        for number in range(60):
            row = [[str(number)], [zeros], [48.85], [2.35]]
            writer.write_table(pa.table(row, schema=schema))
    assert (tmp_path / "t.parquet").stat().st_size < 1_000_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)


@pytest.mark.parametrize("column", ["author", "id", "lat"])
def test_texts_that_all_point_to_one_large_text(tmp_path: Path, column: str) -> None:
    write_table(tmp_path / "t.parquet", 2_000, **{column: pointing("x" * 50_000_000, 2_000)})
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "t.parquet: cannot be read as parquet (it unpacks to 100,0" in said, said


def test_a_column_of_a_billion_equal_cells(tmp_path: Path) -> None:
    rows = 30_000_000
    ones = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array(["1"]))
    table = pa.table(dict.fromkeys(("id", "image", "lat", "lon"), ones))
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "t.parquet").stat().st_size < 1_000_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "it unpacks to 120,000,000 cells" in said, said


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "said.parquet", "label.csv", "label.parquet"])
def test_more_columns_than_any_table_has(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(picture()))
    names = ["id", "image", "lat", "lon", "response", *(f"c{number}" for number in range(COLUMNS))]
    if name.endswith(".csv"):
        (tmp_path / name).write_text(",".join(names) + "\n" + ("0,a.jpg,48.85,2.35" + "," * (COLUMNS + 1) + "\n") * 3)
    else:
        cells = {"id": "0", "image": "a.jpg", "lat": 48.85, "lon": 2.35, "response": "x"}
        pq.write_table(pa.table({column: [cells.get(column, 1)] for column in names}), tmp_path / name)
    (tmp_path / "few.csv").write_text("id,image,lat,lon\n0,a.jpg,48.85,2.35\n")
    recorded = name == "said.parquet"
    recipe = write(tmp_path, f"{{kind: table, path: {'few.csv' if recorded else name}}}")
    recording = ("-s", f"teachers.0.path={name}") if recorded else ()
    command = ["geo", "label", name, f"out-{name}"] if name.startswith("label") else ["build", recipe, *recording]
    said = within_bounds(measured(*command, cwd=tmp_path), 2)
    assert "columns; at most 10,000 are read" in said and name in said, said


ANCHORS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 12)
)
RECIPES = {
    "aliases of aliases": (ANCHORS, "more than 5,000 values"),
    "many keys": ("".join(f"k{number}: 1\n" for number in range(15_000)), "more than 5,000 values"),
    "unknown keys": ("".join(f"k{number}: &k{number} x\n" for number in range(2_000)), "and 1,9"),
    "many keys of a profile": (
        "profiles:\n  demo:\n" + "".join(f"    k{number}: {{a: 1}}\n" for number in range(2_000)),
        "and 1,9",
    ),
    "brackets": ("d: " + "[" * 200_000, "more brackets within each other"),
    "bullets": ("d:\n  " + "- " * 20_000 + "x\n", "not valid YAML"),
    "long": ("d: " + "x" * 300_000, "a recipe has at most 256,000"),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_recipes_that_grow_when_they_are_read(tmp_path: Path, kind: str) -> None:
    more, words = RECIPES[kind]
    recipe = write(tmp_path, "{kind: table, path: t.csv}")
    recipe.write_text(recipe.read_text() + more)
    found = measured("recipe", "check", recipe, cwd=tmp_path)
    assert words in within_bounds(found, 2) and len(found.done.stderr) < 100_000


def test_a_recipe_that_is_one_hole(tmp_path: Path) -> None:
    with (tmp_path / "r.yaml").open("wb") as file:
        file.truncate(1 << 40)
    assert "a recipe has at most 256,000" in within_bounds(measured("recipe", "check", "r.yaml", cwd=tmp_path), 2)


def test_a_recording_that_points_to_one_large_answer(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(picture()))
    (tmp_path / "t.csv").write_text("id,image,lat,lon\n0,a.jpg,48.85,2.35\n")
    answers = {"id": [str(number) for number in range(1_000)], "response": pointing("x" * 90_000_000, 1_000)}
    pq.write_table(pa.table(answers), tmp_path / "said.parquet", dictionary_pagesize_limit=1 << 30, store_schema=False)
    recipe = write(tmp_path, "{kind: table, path: t.csv}", answers="said.parquet")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "said.parquet: not a readable Parquet file (it unpacks to 90,000,0" in said, said


BENCHMARK = "select: [{{decontaminate: {{benchmarks: [{{name: b, table: {0}}}]}}}}]\n"


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(b"id,lat,lon\n" + (b"a" * 1_000 + b",1,2\n") * 2_000_000, 1))


def wide(path: Path) -> None:
    path.write_text(",".join(["id", "lat", "lon", *(f"c{number}" for number in range(300_000))]) + "\n")


def own_keys(path: Path) -> None:
    """Each line has keys of its own: a table of all of them has a cell for each in every row."""
    keys = [{f"k{line}_{number}": 1 for number in range(500)} for line in range(300)]
    path.write_text("".join(json.dumps({"id": "a", "lat": 1, "lon": 2, **more}) + "\n" for more in keys))


def capitals(path: Path) -> None:
    """Spellings of a name that every reader takes for one, each of them a column."""
    names = ("source_url", "image_path", "captured_at", "longitude")
    spelt = ["".join(s) for name in names for s in product(*({c, c.upper()} for c in name))]
    path.write_text('{"id": "0", "lat": 1, "lon": 2}\n' + "".join(f'{{"{name}": "1"}}\n' for name in spelt * 20))


@pytest.mark.parametrize(
    ("name", "make", "code", "words"),
    [
        ("b.csv", packed, 2, "is compressed; unpack it"),
        ("b.csv", wide, 2, "the first line is longer than 1,000,000 bytes"),
        ("b.jsonl", own_keys, 1, "no row was accepted"),
        ("b.jsonl", capitals, 2, "more than 200 columns"),
    ],
)
def test_a_benchmark_that_grows_when_it_is_read(
    tmp_path: Path, name: str, make: Callable[[Path], None], code: int, words: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(picture()))
    (tmp_path / "t.csv").write_text("id,image,lat,lon\n0,a.jpg,48.85,2.35\n")
    make(tmp_path / name)
    recipe = write(tmp_path, "{kind: table, path: t.csv}")
    recipe.write_text(recipe.read_text() + BENCHMARK.format(name))
    said = within_bounds(measured("build", recipe, cwd=tmp_path), code)
    assert words in said and (code == 1 or "benchmark `b`" in said), said


def test_json_lines_of_columns_that_differ_in_capitals(tmp_path: Path) -> None:
    capitals(tmp_path / "t.jsonl")
    recipe = write(tmp_path, "{kind: table, path: t.jsonl}")
    found = measured("build", recipe, cwd=tmp_path)
    assert ": more than 200 columns" in within_bounds(found, 2) and found.cpu_s < CPU_S / 4


def test_a_model_of_an_earlier_build_that_is_one_hole(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,image,lat,lon\n0,a.jpg,48.85,2.35\n")
    recipe = write(tmp_path, "{kind: table, path: t.csv}")
    hole(tmp_path / "model.json", 2 << 30)
    decide = "verify.decide={by: calibrated, target: 0.9, fitted_on: model.json}"
    said = within_bounds(measured("plan", recipe, "-s", decide, cwd=tmp_path), 2)
    assert "fitted_on" in said and "at most 64,000,000 are read" in said, said


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    done = factory("build", DEMO, "-s", "plan.limit=12", "-s", "plan.shard_size=12", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return only_build(folder / "builds")


def hole(path: Path, size: int) -> None:
    """The file as it is, and behind it a hole."""
    with path.open("ab") as file:
        file.truncate(size)


def swollen(path: Path) -> None:
    """The table as it is, but that all rows of its texts point to one large text."""
    table = pq.read_table(path)
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            rows = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000, pa.int32()), pa.array(["x" * 50_000_000]))
            wide = pa.table({other.name: pa.nulls(3_000, other.type) for other in table.schema})
            wide = wide.set_column(number, field.name, rows)
            pq.write_table(wide, path, dictionary_pagesize_limit=1 << 30, store_schema=False, write_page_checksum=True)
            return


def anchors(path: Path) -> None:
    path.write_text(path.read_text() + ANCHORS)


def terabyte(path: Path) -> None:
    hole(path, 1 << 40)


SWOLLEN: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "build.json": (terabyte, ("status", "check")),
    "verified.json": (terabyte, ("report",)),
    "shards/00000/report.json": (terabyte, ("status",)),
    "shards/00000/progress": (terabyte, ("status",)),
    "recipe.lock.yaml": (anchors, ("report",)),
    "plan.parquet": (swollen, ("explain", "report")),
    "selection.parquet": (swollen, ("report",)),
    "shards/00000/answers.parquet": (swollen, ("explain", "check")),
    "shards/00000/verdicts.parquet": (swollen, ("report",)),
    "shards/00000/ledger.parquet": (swollen, ("explain", "check")),
}
"""What is done to a file of a build, and which commands read it."""


@pytest.mark.parametrize("name", SWOLLEN)
def test_a_file_of_a_foreign_build_that_grows_when_it_is_read(made_once: Path, tmp_path: Path, name: str) -> None:
    build = shutil.copytree(made_once, tmp_path / "b")
    swell, commands = SWOLLEN[name]
    swell(build / name)
    sample = pq.read_table(made_once / "plan.parquet")["id"][0].as_py()
    for command in commands:
        arguments = (build, sample) if command == "explain" else (build,)
        within_bounds(measured(command, *arguments, cwd=tmp_path), 0, 1, 2, 3)


@pytest.mark.parametrize("command", ["label", "map"])
@pytest.mark.parametrize("depth", [100, 1_015, 100_000])
def test_a_line_of_json_that_is_deeper_than_any_row(tmp_path: Path, command: str, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    (tmp_path / "t.jsonl").write_text('{"lat": 1, "lon": 2}\n{"lat": 1, "lon": 2, "place": ' + nested + "}\n")
    target = ("o.jsonl",) if command == "label" else ("o.html", "--colour", "place")
    done = factory("geo", command, "t.jsonl", *target, cwd=tmp_path)
    assert done.returncode == 2 and "t.jsonl, row 2: not JSON" in done.stderr and "Traceback" not in done.stderr
