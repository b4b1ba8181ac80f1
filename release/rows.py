"""From a build to released rows: what the family makes of each kept sample, in one pass over the shards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from factory.store.files import digest_of, read_json
from factory.store.layout import Build
from release.answers import all_answers
from release.at_once import Block, block
from release.blur import blurred
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
    build: Build, order: pl.DataFrame, generator: Generator, licence: str | None, *, embed: bool = True
) -> Iterator[Released | Block]:
    """Every kept sample in plan order with its rows and pictures, one shard in memory at a time; the rows of a whole
    shard together where the family makes them at once and shows no picture.

    Args:
        order: see `release_order`.
        generator: the family; makes the rows.
        licence: licence of samples that state none; the family sees it as theirs.
        embed: whether pictures are released, or only what identifies them.

    Raises:
        CorruptBuild: a kept sample is not in the plan, or has no answer file, no row, or lacks a picture.
        PluginFault: the family raised, or made a row of another schema or with another id.
    """
    taken, people = set(order["id"]), read_decided(build.paths)
    at_once = generator.records is not None and not generator.needs.shown
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
        pictures = _Pictures(build, generator)
        made = _made_together if generator.records is not None else _made_one_by_one
        for found in made(build, number, splits.keys(), generator, licence, people):
            split = splits.pop(found.id)
            decided = people.get(found.id)
            rows = _checked(generator, found, split, decided)
            if not rows:
                raise CorruptBuild(
                    f"row {found.id!r} is kept but `{generator.name}` makes no row of it; `factory build` sends such "
                    "samples to review, so the shard's files were written by something else or changed since"
                )
            if twice := [row.values["id"] for row in rows[1:] if row.values["id"] in taken]:
                raise CorruptBuild(f"sample {found.id!r} has a row {twice[0]!r}, which is another sample's id")
            private = () if decided is None else decided.private
            shown = pictures.shown(found.images)
            jpegs = pictures.of(number, found.position, found.id, found.images, private) if embed else ()
            told_by_row = "image_sha256" in generator.row.json_keys and len(jpegs) == 1
            reason = reason_to_withhold(found.origin, shown, jpegs, embed=embed, told_by_row=told_by_row)
            if reason is not None:
                marked = [private if found.images[0][0] == role else () for role in shown]
                withheld = withheld_rows(found.id, split, found.origin, shown, reason, marked)
                yield Released(found.id, split, rows, (), found.answered_by, tuple(withheld))
                continue
            yield Released(found.id, split, rows, jpegs, found.answered_by)
        _require_planned(build, number, pl.Series([*splits], dtype=pl.String), pl.Series(dtype=pl.String))


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
        rows = _record(generator, labelled(replace(case, sample=sample)))
        images = [(image.role, image.embed) for image in sample.images]
        usable = (found.answered for found in case.given if found.answered.failure is None)
        teachers = dict.fromkeys((answered.teacher, answered.model) for answered in usable)
        origin = Origin(sample.licence, sample.author, sample.source_url, tuple(case.photos))
        yield _Made(sample.id, position, images, rows, origin, tuple(teachers), all_answers(case, came))


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
    stated = frame.select("id", "position", "images", "licence", "author", "source_url")
    for sample_id, position, refs, stated_licence, author, source_url in stated.iter_rows():
        images = [(ref["role"], ref["embed"]) for ref in refs]
        origin = Origin(stated_licence, author, source_url, photos.get(sample_id, ()))
        yield _Made(sample_id, position, images, rows.get(sample_id, ()), origin)


def _kept_frame(build: Build, shard: int, kept: pl.Series, licence: str | None) -> pl.DataFrame:
    """The kept samples of a shard as their family gets them."""
    plan = moved(sample_frame(build.paths, shard), build.paths)
    stated = pl.when(pl.col("licence") != "").then("licence")
    frame = plan.with_columns(licence=pl.coalesce(stated, pl.lit(licence, pl.String)))
    return frame.filter(pl.col("id").is_in(kept.implode()))


def _checked(generator: Generator, found: _Made, split: str, decided: Decided | None) -> tuple[Row, ...]:
    """The rows with their split and what teachers answered and people decided, after a look whether they are what the
    family promises."""
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
        try:
            checked.append(Row(values, orjson.dumps(schema.json_row(values))))
        except (ValueError, TypeError) as error:
            raise PluginFault(f"{where}: {error}") from error
    return tuple(checked)


class _Pictures:
    """The pictures of a shard's samples; its index of the shard's tar goes with it."""

    def __init__(self, build: Build, generator: Generator) -> None:
        self._build = Build(build.paths)
        self._roles = generator.needs.shown
        self._quality = ImageSettings(**build.recipe.get("images") or {}).quality
        self._sound: set[int] = set()

    def _require_sound(self, shard: int) -> None:
        """Raises CorruptBuild when the shard's pictures are not, byte for byte, those that were prepared: a decoder
        forgives much, and people would learn from what no teacher saw."""
        paths = self._build.paths.shard(shard)
        try:
            written = read_json(paths.report)["files"][paths.images.name]
        except (OSError, KeyError, TypeError) as error:
            raise CorruptBuild(f"{paths.report}: does not say what pictures were written ({error!r})") from None
        if digest_of(paths.images) != written:
            raise CorruptBuild(
                f"{paths.images}: differs from what was written; delete it and {paths.report.name} beside it, and the "
                "same `factory build` makes the shard again, without a call"
            )
        self._sound.add(shard)

    def shown(self, images: Sequence[tuple[str, bool]]) -> list[str]:
        """The roles of the pictures that are released with a sample, in order."""
        embedded = {role for role, embed in images if embed}
        return [role for role in self._roles if role in embedded]

    def of(
        self,
        shard: int,
        position: int,
        sample_id: str,
        images: Sequence[tuple[str, bool]],
        private: Sequence[Box] = (),
    ) -> tuple[bytes, ...]:
        """The JPEGs that are released with a sample: those the family shows, in its order, where `embed` allows it.

        What people marked as private is blurred in the sample's first picture, which is the one they saw.
        """
        places = {role: index for index, (role, embed) in enumerate(images) if embed}
        if shard not in self._sound and any(role in places for role in self._roles):
            self._require_sound(shard)
        try:
            shown = [places[role] for role in self.shown(images)]
            jpegs = [self._build.image(shard, position, index) for index in shown]
            private_at = [private if index == 0 else () for index in shown]
            pairs = zip(jpegs, private_at, strict=True)
            return tuple(blurred(jpeg, boxes, quality=self._quality) for jpeg, boxes in pairs)
        except (KeyError, OSError) as error:
            tar = self._build.paths.shard(shard).images
            raise CorruptBuild(f"{tar}: no image of kept row {sample_id!r} ({error})") from error
