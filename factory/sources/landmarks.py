"""Google Landmarks v2: photos by their landmark, placed where the landmark stands.

The set has no coordinates. Positions come from a list of the user's (`landmark_id,lat,lon`, and if known `name` and
`uncertainty_km`), and a position is the landmark's, not the camera's: `uncertainty_km` says how far off it may be, and
every row has it. All ids are those of `train.csv`. The `index` set numbers its landmarks in another way, and other data
sets have a `train_clean.csv` with other columns; both are refused by their header, because joined they would put photos
onto the wrong landmark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import ALIASES, DETAIL, PROBLEM, even_sample, raw_columns, text_list
from factory.sources.csv_table import read_header, read_rows
from factory.sources.paths import file_stamp, listing_digest, locate, recipe_path
from factory.sources.tar_index import listed_members
from schemas import FilePart
from schemas.settings import InputPath, Kilometres, OptionalPath

_BASE: Final = "https://s3.amazonaws.com/google-landmark"


class _File(NamedTuple):
    columns: tuple[str, ...]
    """That it must have."""
    how: str
    """What it is and how to get it, after "it needs"."""


_FILES: Final[Mapping[str, _File]] = {
    "path": _File(("id", "url", "landmark_id"), f"the index of the train set: download {_BASE}/metadata/train.csv"),
    "clean": _File(
        ("landmark_id", "images"),
        f"the list of clean pictures: download {_BASE}/metadata/train_clean.csv, or leave it out",
    ),
    "attribution": _File(
        ("id", "author", "license"),
        f"authors and licences: download {_BASE}/metadata/train_attribution.csv, or leave it out",
    ),
    "categories": _File(
        ("landmark_id", "category"),
        f"categories: download {_BASE}/metadata/train_label_to_hierarchical.csv, or leave it out",
    ),
    "positions": _File(
        ("landmark_id", "lat", "lon"),
        "a list of yours, landmark_id,lat,lon[,name][,uncertainty_km]: the set has no positions; the categories of "
        "train_label_to_category.csv lead to Wikidata items whose P625 is one",
    ),
}
_FURTHER: Final = ("url", "name", "uncertainty_km", "natural_or_human_made")
"""Columns that are taken where a file has them."""


@register("source", "landmarks")
def landmarks(
    root: Path,
    *,
    path: InputPath,
    positions: InputPath,
    images: InputPath,
    clean: OptionalPath = None,
    attribution: OptionalPath = None,
    categories: OptionalPath = None,
    nested: bool = True,
    uncertainty_km: Kilometres = 1.0,
    natural_uncertainty_km: Kilometres = 5.0,
    max_members: int = 200_000,
) -> Source:
    """Photos of Google Landmarks v2 whose landmark a list of yours places.

    Args:
        root: the folder from which relative paths start.
        path: `train.csv` (id, url, landmark_id).
        positions: a CSV of yours: landmark_id, lat, lon, and if known name and uncertainty_km.
        images: the folder with the pictures, `a/b/c/<id>.jpg`, or with their tars, `images_NNN.tar`.
        clean: `train_clean.csv` (landmark_id, images): photos that it does not list are dropped.
        attribution: `train_attribution.csv` with authors and licences.
        categories: `train_label_to_category.csv` or `train_label_to_hierarchical.csv`.
        nested: whether pictures of a folder lie as published, or all beside each other (`<id>.jpg`).
        uncertainty_km: how far from the landmark a photo may be taken, where the list does not say. Ours, not measured:
            a building that fills a picture is seldom farther than a kilometre.
        natural_uncertainty_km: of landmarks that the categories call natural: a lake or a mountain is one point in a
            list and kilometres wide.
        max_members: most members of one tar.
    """
    given = {"path": path, "positions": positions, "clean": clean, "attribution": attribution, "categories": categories}
    files = {key: (name, recipe_path(root, name, key=key)) for key, name in given.items() if name}
    folder = recipe_path(root, images, key="images")
    return Landmarks(path, files, folder, nested, uncertainty_km, natural_uncertainty_km, max_members)


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """See `landmarks`. A locator is a path below `images`, or `images_NNN.tar::member`."""

    name: str
    files: Mapping[str, tuple[str, Path]]
    """Each file of the recipe by its key: as it is written, and where it lies."""
    images: Path
    nested: bool
    uncertainty_km: float
    natural_uncertainty_km: float
    max_members: int
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False)
    """The table that `digest` read, until the plan takes it."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        table = self.table()
        self._held[:] = [table]
        digest = hashlib.sha256()
        for key, (_, file) in sorted(self.files.items()):
            with file.open("rb") as opened:
                digest.update(f"{key} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
        locators = table["image"].drop_nulls()
        chosen = even_sample(locators)
        digest.update(listing_digest((locator, (self.stamp(locator) or (-1, 0))[0]) for locator in chosen).encode())
        return digest.hexdigest()

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        if not self.images.is_dir():
            raise SourceError(
                f"source.images: there is no folder {self.images}; it needs the pictures: download "
                f"{_BASE}/train/images_000.tar to images_499.tar into it; nothing has to be extracted"
            )
        rows = self._read("path").with_row_index("source_row")
        places = self._of_each("positions", rows["landmark_id"])
        rows = rows.join(places.with_columns(_placed=True), on="landmark_id", how="left", maintain_order="left")
        unlisted, unplaced = pl.lit(False), pl.col("_placed").is_null()
        if "clean" in self.files:
            listed = self._clean(rows)
            rows = rows.join(listed, on=["id", "landmark_id"], how="left", maintain_order="left")
            unlisted = pl.col("_clean").is_null()
        rows = self._pictures(self._attributed(self._categorised(rows)))
        odd = (("not_clean", unlisted), ("no_position", unplaced), ("no_picture", pl.col("image").is_null()))
        reason = pl.coalesce(PROBLEM, *(pl.when(found).then(pl.lit(slug)) for slug, found in odd))
        of_landmark = pl.lit("landmark ") + pl.col("landmark_id") + pl.lit(", ") + pl.col("id")
        rows = rows.with_columns(
            pl.when(pl.col(PROBLEM).is_null()).then(of_landmark).otherwise(DETAIL).alias(DETAIL),
            reason.alias(PROBLEM),
            texts=text_list({"landmark_id": "landmark_id", "landmark": "name", "category": "category"}),
        )
        known = ("source_row", *ALIASES, PROBLEM, DETAIL, "texts")
        return raw_columns(rows.select(name for name in known if name in rows.columns))

    def read(self, locator: str) -> Path | FilePart:
        tar, _, name = locator.partition("::")
        if not name:
            return locate(self.images, locator)
        found = listed_members(locate(self.images, tar), max_members=self.max_members, label=tar).get(name)
        if found is None:
            raise SourceError(f"{locator!r}: no such member in {self.images.name}/{tar}")
        return FilePart(self.images / tar, found.offset, found.size)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        tar, _, name = locator.partition("::")
        found = file_stamp(self.images, tar)
        if not name or found is None:
            return found
        member = listed_members(self.images / tar, max_members=self.max_members, label=tar).get(name)
        return None if member is None else (member.size, found[1])

    def _read(self, key: str) -> pl.DataFrame:
        """The columns of one of the files as text, without the blanks around it. What a record lacks is null."""
        label, file = self.files[key]
        columns, how = _FILES[key]
        try:
            header = read_header(file, label=label, encoding="utf-8", delimiter=",")
            if missing := [name for name in columns if name not in header.names]:
                raise SourceError(_other_file(key, label, header.names, missing))
            wanted = [*columns, *(name for name in _FURTHER if name in header.names and name not in columns)]
            frame = read_rows(file, wanted, label=label, encoding="utf-8", header=header)
        except FileNotFoundError:
            raise SourceError(f"source.{key}: there is no {label}; it needs {how}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"source.{key}: {label} cannot be read ({error})") from None
        bad = frame.filter(pl.col(PROBLEM).is_not_null())
        if bad.height and key not in ("path", "attribution"):
            raise SourceError(f"{label}: {bad[DETAIL][0]}; mend the line")
        text = pl.col(wanted).str.strip_chars()
        return frame.with_columns(pl.when(text != "").then(text).name.keep())

    def _of_each(self, key: str, known: pl.Series) -> pl.DataFrame:
        """A file with one row a landmark, of landmarks that the index has."""
        frame = self._read(key).drop(PROBLEM, DETAIL)
        label = self.files[key][0]
        twice = frame.filter(pl.col("landmark_id").is_duplicated())
        if twice.height:
            raise SourceError(f"{label}: landmark {twice['landmark_id'][0]} stands there twice; keep one of its rows")
        found = frame.filter(pl.col("landmark_id").is_in(known.unique().implode()))
        if frame.height and not found.height:
            raise SourceError(
                f"{label}: none of its {frame.height:,} landmarks is in {self.name}; are its ids those of the set "
                "`index`, which numbers landmarks in another way than train.csv?"
            )
        return found

    def _clean(self, rows: pl.DataFrame) -> pl.DataFrame:
        frame = self._read("clean").with_columns(id=pl.col("images").str.split(" ")).explode("id")
        listed = frame.select("id", "landmark_id", _clean=True).unique()
        if listed.height and not listed.join(rows, on=["id", "landmark_id"], how="semi").height:
            raise SourceError(
                f"{self.files['clean'][0]}: none of its pictures belongs to the landmark that {self.name} says; "
                f"is it of another data set? It needs {_FILES['clean'].how}"
            )
        return listed

    def _categorised(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With the category, and how far a photo of such a landmark may be from it."""
        for name in ("name", "uncertainty_km"):
            rows = rows if name in rows.columns else rows.with_columns(pl.lit(None, pl.String).alias(name))
        if "categories" not in self.files:
            rows = rows.with_columns(category=pl.lit(None, pl.String), natural=pl.lit(False))
        else:
            of_each = self._of_each("categories", rows["landmark_id"])
            kind = pl.col("natural_or_human_made") if "natural_or_human_made" in of_each.columns else pl.lit("")
            of_each = of_each.select("landmark_id", "category", natural=kind.str.to_lowercase() == "natural")
            rows = rows.join(of_each, on="landmark_id", how="left", maintain_order="left")
        far, near = pl.lit(str(self.natural_uncertainty_km)), pl.lit(str(self.uncertainty_km))
        usual = pl.when(pl.col("natural")).then(far).otherwise(near)
        return rows.with_columns(uncertainty_km=pl.coalesce("uncertainty_km", usual))

    def _attributed(self, rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.rename({"url": "source_url"})
        if "attribution" not in self.files:
            return rows
        said = self._read("attribution").filter(pl.col("id").is_not_null()).unique("id", keep="first")
        page = pl.col("url") if "url" in said.columns else pl.lit(None, pl.String)
        said = said.select("id", "author", licence="license", _page=page)
        rows = rows.join(said, on="id", how="left", maintain_order="left")
        return rows.with_columns(source_url=pl.coalesce("_page", "source_url"))

    def _pictures(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With the locator of each picture; null where tars are there and none has it."""
        tars = sorted(self.images.glob("images_*.tar"))
        if tars:
            wanted = rows.filter(pl.col("_placed").is_not_null()).select("id")
            lying = pl.concat([self._members(tar).join(wanted, on="id", how="semi") for tar in tars])
            return rows.join(lying.unique("id", keep="first"), on="id", how="left", maintain_order="left")
        file = pl.col("id") + ".jpg"
        letters = [pl.col("id").str.slice(at, 1) for at in range(3)]
        return rows.with_columns(image=pl.concat_str([*letters, file], separator="/") if self.nested else file)

    def _members(self, tar: Path) -> pl.DataFrame:
        def found() -> Iterator[tuple[str, str]]:
            for name in listed_members(tar, max_members=self.max_members, label=tar.name):
                if name.isascii() and name.endswith(".jpg"):
                    yield PurePosixPath(name).stem, f"{tar.name}::{name}"

        return pl.DataFrame(list(found()), schema={"id": pl.String, "image": pl.String}, orient="row")


def _other_file(key: str, label: str, names: Sequence[str], missing: Sequence[str]) -> str:
    """Why a file with another header is none of ours."""
    what = f"{label}: has the columns {', '.join(names[:12])}, and no {' and no '.join(missing)}; "
    if "landmark_id" in names and "id" in names and key == "path":
        what += "the set `index` numbers landmarks in another way, and so do other data sets; "
    if "landmark_id" in names and "id" in names and key == "clean":
        what += "it is of another data set of the same file name; "
    return f"{what}it needs {_FILES[key].how}"
