"""A guidebook in NAVIG's layout as a repository of clues that the recipe reads and you correct.

python recipes/clues/from_guidebook.py text_descriptions.txt image_paths.txt clues.csv --source ... --licence ...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from factory.errors import FactoryError
from factory.generators.guidebook import as_csv, read_guidebook
from factory.store.files import PUBLIC, durable
from factory.text import escaped


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the CSV and says what was left out. Exit code 2 where a file cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("texts", "images", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--source", required=True, help="who wrote it, for the column `source`")
    parser.add_argument("--licence", required=True, help="of the texts; what it allows is for you to know")
    given = parser.parse_args(arguments)
    try:
        clues, dropped = read_guidebook(given.texts, given.images, source=given.source, licence=given.licence)
        with durable(given.out, mode=PUBLIC) as file:
            file.write(as_csv(clues).encode())
    except (FactoryError, OSError) as error:
        print(escaped(str(error)), file=sys.stderr)
        return 2
    told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(dropped.items())) or "none"
    print(f"{len(clues):,} clues of {len({clue.country for clue in clues})} countries; left out: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
