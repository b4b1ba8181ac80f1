"""MP-16, MP16-Pro, IM2GPS, IM2GPS3k and YFCC as GeoEstimation, TransLocator and G3 publish them: one table, some traps.

`IMG_ID` is written with `/` or `_`, with `.jpg` or without, and with blanks behind it; the picture is `a_b_c.jpg` in a
folder, `a/b/c.jpg` below it, or a member of a tar. One published im2gps3k has the names LON and LAT exchanged: there
the values decide, where they can. Every cell is text, so that Namibia's `NA` stays a country.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from factory.errors import SourceError
from factory.geo.degrees import parse_places
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import Field, even_sample
from factory.sources.csv_table import read_header
from factory.sources.paths import file_stamp, listing_digest, locate, recipe_path
from factory.sources.table import TableSource
from factory.sources.tar_index import tar_members
from schemas import FilePart
from schemas.settings import InputPath

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Coordinates = Literal["by_values", "as_named", "exchanged"]

_PLACES: Final[tuple[tuple[Field, str], ...]] = (("country", "country"), ("region", "state"), ("city", "city"))
"""What MP16-Pro adds to the columns of MP-16, as far as rows have it."""
_NESTED: Final = re.compile(r"([0-9a-f]{1,3})_([0-9a-f]{1,3})_(.+)", re.DOTALL)
_PICTURE: Final = r"(?i)\.(jpe?g|png)$"
HOW_TO_GET_IT: Final = (
    "it needs a table with IMG_ID, LAT and LON and the pictures: MP-16 is the dataset `Jia-py/MP16-Pro` of the Hugging "
    "Face Hub (MP16_Pro_places365.csv and 19 tars, which are read in place), and im2gps3k_places365.csv lies in the "
    "repositories of GeoEstimation and TransLocator"
)


@register("source", "mp16")
def mp16(
    root: Path,
    *,
    path: InputPath,
    images: InputPath,
    coordinates: Coordinates = "by_values",
    encoding: str = "utf-8",
    licence: str | None = None,
    max_members: int = 400_000,
) -> Source:
    """MP-16, IM2GPS3k and their kin: photos with scene, author and, of MP16-Pro, the names of their places.

    Args:
        root: the folder from which relative paths start.
        path: the table, `IMG_ID,AUTHOR,LAT,LON,S3_Label,...`.
        images: the folder with the pictures, flat or nested, or with their tars.
        coordinates: which column is the latitude: what the header says (`as_named`), the other one (`exchanged`), or
            what the values say where LON stands before LAT, as in the file whose names were exchanged.
        encoding: of the table (gbk, latin-1); a byte-order mark is skipped.
        licence: of all photos; the tables have none.
        max_members: most members of one tar.
    """
    file, folder = recipe_path(root, path, key="path"), recipe_path(root, images, key="images")
    for key, written, there in (("path", path, file.is_file()), ("images", images, folder.is_dir())):
        if not there:
            raise SourceError(f"source.{key}: there is no {written}; {HOW_TO_GET_IT}")
    defaults = {} if licence is None else {"licence": licence}
    table = TableSource(path, file, folder, "csv", "mp16", {}, {}, {}, encoding, None, defaults)
    return Mp16(path, table, folder, coordinates, max_members)


@dataclass(frozen=True, slots=True, eq=False)
class Mp16:
    """See `mp16`. A locator is the picture's flat name, `a_b_c.jpg`, wherever it lies."""

    name: str
    rows: TableSource
    images: Path
    coordinates: Coordinates
    max_members: int
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False)
    """The table that `digest` read, until the plan takes it."""
    _index: list[TarredPictures] = field(default_factory=list, init=False, repr=False)
    """Made when the first picture is asked for: five million headers are read once a process."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return ("LON", "LAT") if self.coordinates == "exchanged" else ("LAT", "LON")

    def digest(self) -> str:
        table = self.table()
        self._held[:] = [table]
        try:
            with self.rows.file.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror})") from None
        chosen = even_sample(table["image"].drop_nulls())
        sizes = listing_digest((locator, (self.stamp(locator) or (-1, 0))[0]) for locator in chosen)
        return hashlib.sha256(f"{content} {sizes}".encode()).hexdigest()

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        header = self._header()
        places = {ours: theirs for ours, theirs in _PLACES if theirs in header}
        raw = replace(self.rows, columns=places).table()
        if self._exchanged(header, raw):
            raw = raw.rename({"lat": "lon", "lon": "lat"}).select(raw.columns)
        named = pl.col("image").str.strip_chars()
        picture = pl.when(named.str.contains(_PICTURE)).then(named).otherwise(named + ".jpg")
        empty = {name: pl.col(name).str.to_lowercase().is_in(["nan", "none"]) for name in places}
        return raw.with_columns(
            image=picture,
            id=picture,
            **{name: pl.when(~none).then(pl.col(name)) for name, none in empty.items()},
        )

    def _header(self) -> list[str]:
        try:
            return read_header(self.rows.file, label=self.name, encoding=self.rows.encoding, delimiter=None).names
        except (OSError, UnicodeDecodeError, LookupError) as error:
            raise SourceError(
                f"{self.name}: cannot be read ({str(error)[:300]}). If the text is not UTF-8, name its `encoding:` "
                "(gbk, latin-1, ...)"
            ) from None

    def _exchanged(self, header: list[str], raw: pl.DataFrame) -> bool:
        """Whether the column LAT holds longitudes. Raises SourceError where nobody can tell."""
        if self.coordinates != "by_values":
            return self.coordinates == "exchanged"
        if header.index("LAT") < header.index("LON"):
            return False
        found = parse_places(raw["lat"], raw["lon"])
        lat_beyond, lon_beyond = (int((found[name].abs() > 90).sum()) for name in ("lat", "lon"))
        if bool(lat_beyond) != bool(lon_beyond):
            return bool(lat_beyond)
        raise SourceError(
            f"{self.name}: LON stands before LAT, as in an im2gps3k whose names were exchanged, and the values do not "
            f"tell: {lat_beyond:,} of LAT and {lon_beyond:,} of LON are beyond 90. Say `coordinates: as_named` or "
            "`coordinates: exchanged`"
        )

    def read(self, locator: str) -> Path | FilePart:
        found = self._tarred().find(locator)
        return locate(self.images, self._lying(locator)) if found is None else found

    def stamp(self, locator: str) -> tuple[int, int] | None:
        found = self._tarred().find(locator)
        if found is None:
            return file_stamp(self.images, self._lying(locator))
        return found.size, found.path.stat().st_mtime_ns

    def _lying(self, locator: str) -> str:
        """The path below the folder: flat, or nested where that is there."""
        nested = _NESTED.sub(r"\1/\2/\3", locator, count=1)
        return nested if nested != locator and file_stamp(self.images, locator) is None else locator

    def _tarred(self) -> TarredPictures:
        if not self._index:
            tars = sorted(path for path in self.images.glob("*.tar") if path.is_file())
            self._index.append(TarredPictures.of(tars, max_members=self.max_members))
        return self._index[0]


@dataclass(frozen=True, slots=True)
class TarredPictures:
    """Pictures of some tars by their flat names: 32 bytes a picture."""

    tars: tuple[Path, ...]
    names: npt.NDArray[np.uint64]
    """BLAKE2b of each flat name, sorted; of five million no two are expected to be the same."""
    places: npt.NDArray[np.int64]
    """Of shape (3, pictures): which tar, offset, size."""

    @classmethod
    def of(cls, tars: list[Path], *, max_members: int) -> TarredPictures:
        """The pictures of these tars, of a name that is there twice the first. Raises SourceError for an odd tar."""
        import numpy as np

        hashes, places = [np.empty(0, np.uint64)], [np.empty((0, 3), np.int64)]
        for number, tar in enumerate(tars):
            members = tar_members(tar, max_members=max_members, label=tar.name)
            kept = {_hash(_flat(name)): member for name, member in members.items() if re.search(_PICTURE, name)}
            hashes.append(np.fromiter(kept, np.uint64, len(kept)))
            rows = [(number, member.offset, member.size) for member in kept.values()]
            places.append(np.array(rows, np.int64).reshape(-1, 3))
        names, first = np.unique(np.concatenate(hashes), return_index=True)
        return cls(tuple(tars), names, np.ascontiguousarray(np.concatenate(places)[first].T))

    def find(self, locator: str) -> FilePart | None:
        """Where the picture lies; None where no tar has it."""
        wanted = _hash(locator)
        at = int(self.names.searchsorted(self.names.dtype.type(wanted)))
        if at == len(self.names) or int(self.names[at]) != wanted:
            return None
        tar, offset, size = self.places[:, at].tolist()
        return FilePart(self.tars[tar], offset, size)


def _flat(member: str) -> str:
    """A member's name as the table's: MP-16's nested folders are two of hex, and others are none of the name."""
    parts = member.split("/")[-3:]
    nested = "_".join(parts)
    return nested if len(parts) == 3 and _NESTED.fullmatch(nested) else parts[-1]


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
