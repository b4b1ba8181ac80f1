"""From a build to released rows: what the family makes of each kept sample, in one pass over the shards."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import polars as pl

from factory.errors import CorruptBuild, PluginFault
from factory.generators import open_generator
from factory.generators.labelled import labelled
from factory.generators.rows import made_at_once, rows_by_sample
from factory.images.records import ImageSettings
from factory.plugins.contracts import Generator
from factory.recipe.model import GENERATOR
from factory.store.cases import AnsweredSample, read_cases, sample_frame, stored_photos
from factory.store.decided import Box, Decided, laid_over, moved, read_decided, told
from factory.store.layout import Build
from release.answers import all_answers
from release.at_once import Block, block
from release.coarse import Coarse
from release.detect import Wanted
from release.hiding import FAILED, Hidden, hiding
from release.pictures import Pictures
from release.withdrawals import Withdrawals
from release.withheld import Origin, reason_to_withhold, withheld_rows
from schemas import Answered, Case, Sample


@dataclass(frozen=True, slots=True)
class Row:
    """One row on its way into the files."""

    values: dict[str, Any]
    """Its columns without `images`."""
    json: bytes
    """The same as its WebDataset JSON."""


@dataclass(frozen=True, slots=True)
class Released:
    """A kept sample with what is released of it."""

    id: str
    split: str
    rows: tuple[Row, ...]
    """At least one; their ids are `id`, `id/2`, ..."""
    jpegs: tuple[bytes, ...]
    """The pictures of each of its rows."""
    answered_by: tuple[tuple[str, str], ...] = ()
    """Teacher and model of every usable answer about it."""
    withheld: tuple[dict[str, Any], ...] = ()
    """Lines of `withheld.parquet`, where its pictures are not passed on."""
    found: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """What detectors found and blurred in each of its pictures, by kind."""


def build_generator(build: Build) -> Generator:
    """The generator of the build's recipe. Raises CorruptBuild when this installation does not know it."""
    try:
        return open_generator(GENERATOR.validate(build.recipe["generator"]))
    except (KeyError, ValueError) as error:
        raise CorruptBuild(f"{build.paths.recipe_lock}: its generator cannot be opened ({error})") from error


def release_order(build: Build) -> pl.DataFrame:
    """id, shard, position, split of every kept sample, in plan order."""
    return build.selection.filter("kept").select("id", "shard", "position", "split").sort("shard", "position")


def released_rows(
    build: Build,
    order: pl.DataFrame,
    generator: Generator,
    licence: str | None,
    *,
    embed: bool = True,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
    withdrawals: Withdrawals | None = None,
    coarse: Coarse | None = None,
) -> Iterator[Released | Block]:
    """Every kept sample in plan order with its rows and pictures, one shard in memory at a time; the rows of a whole
    shard together where the family makes them at once and shows no picture.

    Args:
        order: see `release_order`.
        generator: the family; makes the rows.
        licence: licence of samples that state none; the family sees it as theirs.
        embed: whether pictures are released, or only what identifies them.
        wanted: what is looked for in pictures, and blurred.
        coarse: makes coordinates so, and counts samples that leave because they cannot be.
        withdrawals: notes, and leaves out, samples of which one names a picture: as it was prepared, or is released.

    Raises:
        CorruptBuild: a kept sample is not in the plan, or has no answer file, no row, or lacks a picture.
        EnvironmentFault, RecipeError: what is wanted cannot be looked for.
        PluginFault: the family raised, or made a row of another schema or with another id.
    """
    quality = ImageSettings(**build.recipe.get("images") or {}).quality
    with hiding(wanted if embed else Wanted(), quality) as hide:
        coming = _coming(build, order, generator, licence, coarse, embed=embed)
        staying = (one for one in coming if not _is_withdrawn(one, withdrawals))
        for one, hidden in hide((one, *_to_hide(one)) for one in staying):
            settled = one if isinstance(one, Block) else _settled(one, hidden)
            if not _is_withdrawn(settled, withdrawals):
                yield settled


def _is_withdrawn(one: _Coming | Released | Block, withdrawals: Withdrawals | None) -> bool:
    """Whether a line names a picture of a sample by its digest."""
    if withdrawals is None or not withdrawals.by_hash or isinstance(one, Block):
        return False
    released = one.released if isinstance(one, _Coming) else one
    return withdrawals.met_by(released.id, jpegs=released.jpegs)


@dataclass(frozen=True, slots=True)
class _Coming:
    """A kept sample with its rows, and its pictures as they were prepared."""

    released: Released
    origin: Origin
    shown: Sequence[str]
    """Roles of its pictures."""
    marks: Sequence[Sequence[Box]]
    """What people marked as private in each."""
    told_by_row: bool
    reason: str | None
    """Why its pictures are withheld, whatever is in them."""
    telling: bool
    """Whether its address says more of its place than is released."""


def _coming(
    build: Build, order: pl.DataFrame, generator: Generator, licence: str | None, coarse: Coarse | None, *, embed: bool
) -> Iterator[_Coming | Block]:
    taken, people = set(order["id"]), read_decided(build.paths)
    at_once = generator.records is not None and not generator.needs.shown and coarse is None
    for (shard,), wanted in order.group_by("shard", maintain_order=True):
        number = int(str(shard))
        splits = dict(wanted.select("id", "split").iter_rows())
        if at_once:
            frame = _kept_frame(build, number, wanted["id"], licence)
            _require_planned(build, number, wanted["id"], frame["id"])
            together = made_at_once(generator, frame)
            whole = block(generator.row, together, wanted.select("id", "split"), order["id"], people)
            if whole is not None:
                yield whole
                continue
        pictures = Pictures(build, generator)
        made = _made_together if generator.records is not None else _made_one_by_one
        for found in made(build, number, splits.keys(), generator, licence, people):
            split = splits.pop(found.id)
            decided = people.get(found.id)
            if not found.rows:
                raise CorruptBuild(
                    f"row {found.id!r} is kept but `{generator.name}` makes no row of it; `factory build` sends such "
                    "samples to review, so the shard's files were written by something else or changed since"
                )
            rows = _checked(generator, found, split, decided, coarse)
            if not rows:
                continue
            if twice := [row.values["id"] for row in rows[1:] if row.values["id"] in taken]:
                raise CorruptBuild(f"sample {found.id!r} has a row {twice[0]!r}, which is another sample's id")
            private = () if decided is None else decided.private
            shown = pictures.shown(found.images)
            jpegs = pictures.of(number, found.position, found.id, found.images) if embed else ()
            told_by_row = "image_sha256" in generator.row.json_keys and len(jpegs) == 1
            # People see a sample's first picture, so that is the one they marked.
            marks = [private if found.images[0][0] == role else () for role in shown]
            yield _Coming(
                Released(found.id, split, rows, jpegs, found.answered_by),
                found.origin,
                shown,
                marks,
                told_by_row,
                reason_to_withhold(found.origin, shown, jpegs, embed=embed, told_by_row=told_by_row),
                coarse is not None and coarse.is_told({"source_url": found.origin.source_url}, found.place),
            )
        _require_planned(build, number, pl.Series([*splits], dtype=pl.String), pl.Series(dtype=pl.String))


def _to_hide(one: _Coming | Block) -> tuple[Sequence[bytes], Sequence[Sequence[Box]]]:
    """Pictures that are passed on unless something is found in them."""
    if isinstance(one, Block) or one.reason is not None:
        return (), ()
    return one.released.jpegs, one.marks[: len(one.released.jpegs)]


def _settled(one: _Coming, hidden: Hidden) -> Released:
    """What is released of a sample, now that its pictures were looked at: blurring changes them, which not every
    licence allows, and where nobody could look they are not passed on."""
    reason = one.reason or (FAILED if hidden.failed is not None else None)
    if reason is None:
        reason = reason_to_withhold(one.origin, one.shown, hidden.jpegs, told_by_row=one.told_by_row)
    if reason is None:
        return replace(one.released, jpegs=hidden.jpegs, found=hidden.found)
    origin = replace(one.origin, source_url=None) if one.telling else one.origin
    withheld = withheld_rows(one.released.id, one.released.split, origin, one.shown, reason, one.marks)
    return replace(one.released, jpegs=(), withheld=tuple(withheld))


def _require_planned(build: Build, shard: int, wanted: pl.Series, there: pl.Series) -> None:
    if (missing := wanted.filter(~wanted.is_in(there.implode()))).len():
        raise CorruptBuild(f"{build.paths.selection}: names {missing[0]!r} of shard {shard}, which the plan has not")


@dataclass(frozen=True, slots=True)
class _Made:
    """What a family made of a sample, as it came."""

    id: str
    position: int
    images: Sequence[tuple[str, bool]]
    """Role of each of its pictures, and whether it is released."""
    rows: Sequence[Mapping[str, Any]]
    origin: Origin
    answered_by: tuple[tuple[str, str], ...] = ()
    answers: Sequence[Mapping[str, Any]] = ()
    place: tuple[float, float] = (math.nan, math.nan)
    """Where it is, WGS84 degrees."""


def _made_one_by_one(
    build: Build,
    shard: int,
    kept: Collection[str],
    generator: Generator,
    licence: str | None,
    people: Mapping[str, Decided],
) -> Iterator[_Made]:
    said: dict[str, tuple[Answered, ...]] = {}

    def over(sample: Sample, found: AnsweredSample) -> tuple[Sample, AnsweredSample]:
        said[sample.id] = found.answers
        return laid_over(sample, found, people.get(sample.id))

    cases = read_cases(build.paths, shard, over)
    for position, case in enumerate(cases):
        sample, came = case.sample, said.pop(case.sample.id)
        if sample.id not in kept:
            continue
        sample = replace(sample, licence=sample.licence or licence)
        whole = labelled(replace(case, sample=sample))
        rows = _record(generator, whole)
        place = whole.sample.lat, whole.sample.lon
        images = [(image.role, image.embed) for image in sample.images]
        usable = (found.answered for found in case.given if found.answered.failure is None)
        teachers = dict.fromkeys((answered.teacher, answered.model) for answered in usable)
        origin = Origin(sample.licence, sample.author, sample.source_url, tuple(case.photos))
        yield _Made(sample.id, position, images, rows, origin, tuple(teachers), all_answers(case, came), place)


def _record(generator: Generator, case: Case) -> Sequence[Mapping[str, Any]]:
    if generator.record is None:
        raise PluginFault(f"generator `{generator.name}` has neither `record` nor `records`")
    try:
        return tuple(generator.record(case))
    except Exception as error:
        raise PluginFault(f"generator `{generator.name}` raised at sample {case.sample.id!r}: {error!r}") from error


def _made_together(
    build: Build,
    shard: int,
    kept: Collection[str],
    generator: Generator,
    licence: str | None,
    _: Mapping[str, Decided],
) -> Iterator[_Made]:
    frame = _kept_frame(build, shard, pl.Series([*kept], dtype=pl.String), licence)
    rows = rows_by_sample(made_at_once(generator, frame), kept)
    photos = stored_photos(build.paths.shard(shard).answers) if generator.needs.shown else {}
    stated = frame.select("id", "position", "images", "licence", "author", "source_url", "lat", "lon")
    for sample_id, position, refs, stated_licence, author, source_url, *place in stated.iter_rows():
        images = [(ref["role"], ref["embed"]) for ref in refs]
        origin = Origin(stated_licence, author, source_url, photos.get(sample_id, ()))
        yield _Made(sample_id, position, images, rows.get(sample_id, ()), origin, place=(place[0], place[1]))


def _kept_frame(build: Build, shard: int, kept: pl.Series, licence: str | None) -> pl.DataFrame:
    """The kept samples of a shard as their family gets them."""
    plan = moved(sample_frame(build.paths, shard), build.paths)
    stated = pl.when(pl.col("licence") != "").then("licence")
    frame = plan.with_columns(licence=pl.coalesce(stated, pl.lit(licence, pl.String)))
    return frame.filter(pl.col("id").is_in(kept.implode()))


def _checked(
    generator: Generator, found: _Made, split: str, decided: Decided | None, coarse: Coarse | None
) -> tuple[Row, ...]:
    """The rows with their split and what teachers answered and people decided, after a look whether they are what the
    family promises; none where their coordinates cannot be made coarse."""
    schema, sample_id, checked = generator.row, found.id, []
    expected = {*schema.own}
    filled = {"answers": found.answers, "people": told(decided), "split": split}
    filled = {name: filled[name] for name in schema.filled}
    for number, row in enumerate(found.rows, start=1):
        row_id = sample_id if number == 1 else f"{sample_id}/{number}"
        where = f"generator `{generator.name}`, row {number} of sample {sample_id!r}"
        if odd := row.keys() ^ expected:
            raise PluginFault(f"{where}: has other columns than its schema: {', '.join(sorted(odd))}")
        if row["id"] != row_id:
            raise PluginFault(f"{where}: is called {row['id']!r}, expected {row_id!r}")
        values = {**row, **filled}
        if coarse is not None:
            made = coarse.made(values, found.place)
            if made is None:
                coarse.left.add(sample_id)
                return ()
            values = made
        try:
            checked.append(Row(values, orjson.dumps(schema.json_row(values))))
        except (ValueError, TypeError) as error:
            raise PluginFault(f"{where}: {error}") from error
    return tuple(checked)
