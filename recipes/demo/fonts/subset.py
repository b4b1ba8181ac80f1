"""Cut the committed fonts down to the glyphs the scenes use: `python subset.py FOLDER_WITH_NOTO_FONTS`.

Needed only after a scene gained a new character. Wants fonttools, and the original Noto files somewhere below the
folder (on Debian: the packages fonts-noto-core and fonts-noto-cjk). Hinting and layout tables are dropped, because
Pillow's basic layout does not use them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from scenes.canvas import FONT_FILES, GLYPHS_USED, Canvas  # noqa: E402
from scenes.index import SCENES  # noqa: E402


def open_face(folder: Path, postscript_name: str) -> TTFont:
    """Find a face by file name, or inside the CJK collection by its PostScript name."""
    plain = sorted(folder.rglob(f"{postscript_name}.ttf"))
    if plain:
        return TTFont(plain[0], recalcTimestamp=False)
    for path in sorted(folder.rglob("NotoSansCJK-Bold.ttc")):
        for face in TTCollection(path).fonts:
            if face["name"].getDebugName(6) == postscript_name:
                face.recalcTimestamp = False  # a font cut twice must be the same file
                return face
    raise SystemExit(f"{postscript_name} not found below {folder}; install fonts-noto-core and fonts-noto-cjk")


def main() -> None:
    """Draw every scene once to learn its characters, then write the small fonts."""
    folder = Path(sys.argv[1])
    for scene in SCENES:
        scene.paint(Canvas(*scene.size, seed=scene.paint.__name__), scene.look.take)
    options = subset.Options(
        hinting=False,
        layout_features=[],
        drop_tables=["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx"],
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 7, 13, 14],
        notdef_outline=True,
        recalc_timestamp=False,
    )
    for name, file in FONT_FILES.items():
        face = open_face(folder, file.split(".")[0])
        cutter = subset.Subsetter(options)
        cutter.populate(text="".join(sorted(GLYPHS_USED[name])))
        cutter.subset(face)
        missing = {c for c in GLYPHS_USED[name] if ord(c) not in face.getBestCmap()}
        (HERE / file).unlink(missing_ok=True)
        face.save(HERE / file)
        size = (HERE / file).stat().st_size
        print(f"{file}: {len(GLYPHS_USED[name])} characters, {size} bytes, missing {sorted(missing)}")


if __name__ == "__main__":
    main()
