"""A released split as a task of lmms-eval: writes the folder that `--include_path` takes.

python -m train.evaluate.adapters.lmms_task path/to/release tasks --split test --preset globe
python -m lmms_eval --include_path tasks --tasks geo_release --model qwen2_5_vl ...
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Final

from factory.errors import RecipeError
from factory.geo.whole_file import whole_file
from train.evaluate.evaluation import rules_of
from train.evaluate.truth import DEFAULT_SPLIT, open_set

FOLDER: Final = Path(__file__).parent / "lmms_eval"
FILES: Final = ("geo_release.yaml", "functions.py")


def write_task(release: Path, folder: Path, *, split: str = DEFAULT_SPLIT, preset: str = "globe") -> list[Path]:
    """Writes the task's two files into a folder that is there, and gives their paths.

    Raises RecipeError for a release, split or preset that is not there, and for a folder that is none.
    """
    opened = open_set(release)
    rules_of(preset)
    if split not in opened.splits:
        raise RecipeError(f"{release}: no split {split!r}; there are {', '.join(opened.splits) or 'none'}")
    if opened.format != "parquet":
        raise RecipeError(f"{release}: lmms-eval reads its rows from Parquet; release them with `formats: [parquet]`")
    files = [str(file.resolve()) for file, _ in opened.files(split)]
    words = {"FILES": _quoted(files), "SPLIT": _quoted(split), 'PRESET = "globe"': f"PRESET = {_quoted(preset)}"}
    written = []
    for name in FILES:
        text = (FOLDER / name).read_text(encoding="utf-8")
        # in one pass: what is put in may hold such a word, too
        text = re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)
        with whole_file(folder / name) as file:
            file.write(text.encode())
        written.append(folder / name)
    return written


def _quoted(value: str | list[str]) -> str:
    """As YAML and Python both read it. (Escaped halves of a character beyond U+FFFF YAML would read as two.)"""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\x7f")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default=DEFAULT_SPLIT)
    parser.add_argument("--preset", default="globe")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write_task(given.release, given.folder, split=given.split, preset=given.preset)


if __name__ == "__main__":
    main()
