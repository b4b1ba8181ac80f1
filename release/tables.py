"""The small tables beside a release's rows, `withheld.parquet` and `withdrawn.parquet`: whoever made a release may have
written anything into them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import CorruptBuild
from schemas.parquet_bounds import refuse_bomb


def read_small(path: Path, schema: pa.Schema) -> pa.Table:
    """A whole table, its pages verified. Raises CorruptBuild naming the file where it cannot be read, unpacks to more
    than any stranger's file may, or has other columns."""
    try:
        refuse_bomb(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(schema):
                raise CorruptBuild(f"{path}: has other columns than {', '.join(schema.names)}")
            return file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CorruptBuild(f"{path}: cannot be read ({error})") from None
