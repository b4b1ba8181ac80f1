"""How a release is cited: CITATION.cff and the lines of its card. No date: the build says which release it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from factory.store.yaml_lines import dump_yaml

CITATION: Final = "CITATION.cff"


def render_citation(facts: Mapping[str, Any]) -> str:
    """CITATION.cff, version 1.2.0. Where the recipe names nobody (`release.authors`), it says that the publisher is not
    stated: the format wants an author."""
    authors = [{"name": name} for name in facts["authors"]] or [{"name": "Publisher not stated"}]
    told = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below, and the sources of its photos.",
        "title": facts["title"],
        "type": "dataset",
        "authors": authors,
        "version": facts["fingerprint"][:8],
        "abstract": f"{facts['counts']['rows']} {facts['row']['summary']}",
        "identifiers": [{"type": "other", "value": facts["fingerprint"], "description": "fingerprint of the build"}],
    }
    return dump_yaml(told)


def bibtex(facts: Mapping[str, Any]) -> str:
    """The release as an entry for BibTeX."""
    key = re.sub(r"[^a-z0-9]+", "_", facts["name"].lower()) + f"_{facts['fingerprint'][:8]}"
    authors = " and ".join(f"{{{_plain(name)}}}" for name in facts["authors"])
    lines = [
        f"@misc{{{key},",
        f"  title = {{{_plain(facts['title'])}}},",
        *([f"  author = {{{authors}}},"] if authors else []),
        f"  note = {{{facts['counts']['rows']} rows, build {facts['fingerprint'][:8]}}}",
        "}",
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text without what BibTeX, or a fence of Markdown, would read as its own."""
    return " ".join(re.sub(r"[{}\\`%$#&]", " ", "".join(c if c.isprintable() else " " for c in text)).split())
