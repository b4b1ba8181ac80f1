"""The pictures of a build that are released with its samples, byte for byte those that were prepared."""

from __future__ import annotations

from collections.abc import Sequence

from factory.errors import CorruptBuild
from factory.plugins.contracts import Generator
from factory.store.files import digest_of, read_json
from factory.store.layout import Build


class Pictures:
    """The pictures of a shard's samples; its index of the shard's tar goes with it."""

    def __init__(self, build: Build, generator: Generator) -> None:
        self._build = Build(build.paths)
        self._roles = generator.needs.shown
        self._sound: set[int] = set()

    def _require_sound(self, shard: int) -> None:
        """Raises CorruptBuild when the shard's pictures are not, byte for byte, those that were prepared: a decoder
        forgives much, and people would learn from what no teacher saw."""
        paths = self._build.paths.shard(shard)
        try:
            written = read_json(paths.report)["files"][paths.images.name]
        except (OSError, KeyError, TypeError) as error:
            raise CorruptBuild(f"{paths.report}: does not say what pictures were written ({error!r})") from None
        if digest_of(paths.images) != written:
            raise CorruptBuild(
                f"{paths.images}: differs from what was written; delete it and {paths.report.name} beside it, and the "
                "same `factory build` makes the shard again, without a call"
            )
        self._sound.add(shard)

    def shown(self, images: Sequence[tuple[str, bool]]) -> list[str]:
        """The roles of the pictures that are released with a sample, in order."""
        embedded = {role for role, embed in images if embed}
        return [role for role in self._roles if role in embedded]

    def of(
        self,
        shard: int,
        position: int,
        sample_id: str,
        images: Sequence[tuple[str, bool]],
    ) -> tuple[bytes, ...]:
        """The JPEGs that are released with a sample: those the family shows, in its order, where `embed` allows it."""
        places = {role: index for index, (role, embed) in enumerate(images) if embed}
        if shard not in self._sound and any(role in places for role in self._roles):
            self._require_sound(shard)
        try:
            shown = [places[role] for role in self.shown(images)]
            return tuple(self._build.image(shard, position, index) for index in shown)
        except (KeyError, OSError) as error:
            tar = self._build.paths.shard(shard).images
            raise CorruptBuild(f"{tar}: no image of kept row {sample_id!r} ({error})") from error
