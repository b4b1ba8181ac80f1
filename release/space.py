"""The viewer of a release as a static Space of the Hub: a folder to be sent there as it is.

places-space/   README.md (`sdk: static`)  index.html  viewer/  LICENSE-DATA.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from factory.errors import RecipeError
from factory.store.files import PUBLIC_FOLDER, make_folder, remove_tree
from factory.store.yaml_lines import dump_yaml
from release.card import escape
from release.outgoing import Outgoing
from release.shards import take_place, write_durably
from release.viewer_pages import FOLDER, PAGE, is_page

INDEX: Final = "index.html"
_ABOUT: Final = "README.md"
_LICENCES: Final = "LICENSE-DATA.md"
_SDK: Final = "sdk: static"
_MANIFEST: Final = "The release whose manifest has the SHA-256"
"""With `_SDK` what a README.md that this wrote says, and hardly another."""
_PAGE: Final = re.compile(r"[a-z]+-\d{5,9}\.js")
_MOST: Final = 65_536
"""Bytes of a README.md that are looked at."""


def write_space(release: Outgoing, out: Path) -> int:
    """Writes the folder and returns how many files it has.

    Args:
        release: checked.
        out: a folder that is not there, or one that this wrote before.

    Raises RecipeError where the release has no viewer, or `out` holds something else.
    """
    if PAGE not in release.files:
        raise RecipeError(f"{release.root}: has no {PAGE}; release it with `release: {{viewer: true}}`")
    folder, old = out.with_name(f"{out.name}.tmp"), out.with_name(f"{out.name}.old")
    for taken in (out, folder, old):  # all three are taken away here
        if taken.is_symlink() or (taken.exists() and not _is_ours(taken)):
            raise RecipeError(f"{taken}: holds something else; name another --out, or take it away")
    remove_tree(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    make_folder(folder, PUBLIC_FOLDER)
    write_durably(folder / _ABOUT, _about(release).encode())  # first: by it a folder that was left half done is ours
    sent = {INDEX: release.files[PAGE], _LICENCES: release.files[_LICENCES]}
    sent |= {path: one for path, one in release.files.items() if is_page(path)}
    for path, one in sent.items():
        make_folder((folder / path).parent, PUBLIC_FOLDER)
        write_durably(folder / path, one.file.read_bytes())
    take_place(folder, out, old)
    return len(sent) + 1


def _is_ours(out: Path) -> bool:
    """Whether a folder is empty, or holds a Space that this wrote, whole or half done, and nothing else."""
    if not out.is_dir():
        return False
    names = {path.name for path in out.iterdir()}
    if not names:
        return True
    about, viewer = out / _ABOUT, out / FOLDER
    if not names <= {INDEX, _ABOUT, _LICENCES, FOLDER} or about.is_symlink() or not about.is_file():
        return False
    pages = viewer.iterdir() if viewer.is_dir() and not viewer.is_symlink() else ()
    if (FOLDER in names and not viewer.is_dir()) or not all(map(_PAGE.fullmatch, (page.name for page in pages))):
        return False
    with about.open("rb") as file:
        head, parted, text = file.read(_MOST).decode(errors="replace").removeprefix("---\n").partition("\n---\n")
    return bool(parted) and _SDK in head.splitlines() and _MANIFEST in text


def _about(release: Outgoing) -> str:
    head = {"title": release.name, "sdk": "static", "app_file": INDEX, "pinned": False}
    lines = [
        "---",
        dump_yaml(head).rstrip("\n"),
        "---",
        "",
        f"# {escape(release.name)}",
        "",
        f"{release.rows:,} rows in a browser. {_MANIFEST} `{release.manifest_sha256}`, "
        f"of the build `{escape(release.fingerprint)}`.",
        f"Whose the pictures are, and what one may do with them, stands in each row and in [{_LICENCES}]({_LICENCES}).",
        "",
    ]
    return "\n".join(lines)
