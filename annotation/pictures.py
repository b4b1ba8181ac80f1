"""Pictures on the server: uploaded once each, found again by their digest, and one fetched before any task is made."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from annotation.client import Client, Files
from annotation.making import make_all
from annotation.projects import Project
from annotation.replies import Imported, Uploads
from factory.errors import EnvironmentFault

MOST_FILES: Final = 50
"""Of one upload; Django takes at most 100."""
MOST_BYTES: Final = 8 * 2**20
"""Of one upload of several: small enough for most proxies in front of hosted servers, and halved where it is not."""
_NAME: Final = re.compile(r"upload/[^/]+/[^/]*?([0-9a-f]{64})\.jpg")


class Pictures:
    """The pictures that a project holds. Learns at its beginning what is there."""

    def __init__(self, client: Client, project: Project) -> None:
        self._client, self._project = client, project
        self._addresses: dict[str, str] = {}
        self._seen_one = False
        self._look()

    def addresses(self, jpegs: Iterable[bytes]) -> dict[str, str]:
        """Where each picture lies on the server, by the sha256 of its bytes; what is not there is uploaded.

        Raises EnvironmentFault, also when a picture that was uploaded cannot be fetched.
        """
        wanted = {hashlib.sha256(jpeg).hexdigest(): jpeg for jpeg in jpegs}
        missing = {name: jpeg for name, jpeg in wanted.items() if name not in self._addresses}
        for batch in _batches(missing):
            self._upload(batch)
        if wanted and not self._seen_one:
            self._fetch_one(*next(iter(wanted.items())))
        return {name: self._addresses[name] for name in wanted}

    def _look(self) -> None:
        self._note({"all": "true"})

    def _note(self, which: Mapping[str, str]) -> None:
        found = self._client.get(f"/api/projects/{self._project.id}/file-uploads", Uploads, which)
        for entry in found.root:
            if match := _NAME.fullmatch(entry.file):
                self._addresses.setdefault(match[1], f"/data/{match[0]}")

    def _upload(self, batch: Mapping[str, bytes]) -> None:
        make_all(
            self._client,
            list(batch),
            is_there=lambda name: name in self._addresses,
            make=lambda missing: self._send({name: batch[name] for name in missing}),
            look=self._look,
            too_large=lambda name: (
                f"takes no picture of {len(batch[name]):,} bytes (HTTP 413); raise the limit of the server or its "
                "proxy, or make `images.max_side` of the recipe smaller"
            ),
            kept=lambda: "uploaded pictures are kept, and the same command goes on",
        )

    def _send(self, missing: Mapping[str, bytes]) -> None:
        files: Files = [(name, (f"{name}.jpg", jpeg, "image/jpeg")) for name, jpeg in missing.items()]
        path = f"/api/projects/{self._project.id}/import"
        made = self._client.make(path, Imported, files=files, params={"commit_to_project": "false"})
        self._note({"ids": str(made.file_upload_ids)})

    def _fetch_one(self, name: str, jpeg: bytes) -> None:
        """A task whose picture does not load is worth nothing: better no task."""
        if self._client.get_bytes(self._addresses[name]) != jpeg:
            raise EnvironmentFault(
                f"{self._client.url}{self._addresses[name]}: is not the picture that was uploaded; no task was made"
            )
        self._seen_one = True


def _batches(pictures: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    batch: dict[str, bytes] = {}
    size = 0
    for name, jpeg in pictures.items():
        if batch and (len(batch) == MOST_FILES or size + len(jpeg) > MOST_BYTES):
            yield batch
            batch, size = {}, 0
        batch[name] = jpeg
        size += len(jpeg)
    if batch:
        yield batch
