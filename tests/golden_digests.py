"""Releases whose bytes never change unmeant: one file of digests a family in `tests/golden`."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from factory.phases.run import BuildResult
from release.manifest import MANIFEST, manifest_bytes, read_manifest
from release.viewer_pages import PAGE
from tests.real_build import release_digests


def held_to(golden: Path, built: BuildResult) -> dict[str, str]:
    """The digests of a build's release; those `held` are the golden file's, which RENEW_GOLDEN=1 writes."""
    found = held(Path(built.directory))
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(golden.read_text())
    return release_digests(Path(built.directory))


def held(build: Path) -> dict[str, str]:
    """Digests of a build's release but for the viewer's page and what the manifest says of it: how the page looks is no
    matter of a family's, and `tests/unit/release/test_golden.py` holds it."""
    digests = release_digests(build)
    manifest = read_manifest(build / "release")
    files = [entry for entry in manifest["files"] if entry["path"] != PAGE]
    fields = {name: value for name, value in manifest.items() if name not in ("viewer", "manifest_sha256")}
    of_manifest = hashlib.sha256(manifest_bytes({**fields, "files": files})).hexdigest()
    return {path: digest for path, digest in digests.items() if path != PAGE} | {MANIFEST: of_manifest}
