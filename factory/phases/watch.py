"""How far the shards of a build are, from their reports and progress files, for whoever waits.

A shard that says nothing for a moment (its file is not there yet, or not any more) is where it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factory.phases.run import UnderWay
from factory.shard.spec import ShardReport
from factory.store.cases import IMAGE_CHECK
from factory.store.layout import BuildPaths
from factory.store.progress import Outage, Progress, read_progress


class Watch:
    """What is known of a build's shards so far."""

    def __init__(self, paths: BuildPaths, reports: Iterable[ShardReport]) -> None:
        self._paths = paths
        self._seen: dict[int, Progress] = {}
        self.finished: dict[int, tuple[int, int]] = {}
        """Samples of finished shards, and those of them without a usable picture, by number."""
        for report in reports:
            self.ended(report)

    def ended(self, report: ShardReport) -> None:
        """A shard is finished, or waits for answers that come later."""
        if not report.deferred:
            refused = sum(n for reason, n in report.failures.items() if reason.startswith(f"{IMAGE_CHECK}:"))
            self.finished[report.number] = report.samples, min(refused, report.samples)

    def look(self, numbers: Sequence[int]) -> UnderWay:
        """How far the build is.

        Args:
            numbers: shards that this run works on.
        """
        finished = dict(self.finished)
        away: list[Outage] = []
        for number in numbers:
            said = read_progress(self._paths.shard(number).progress) if number not in finished else None
            if said is None:
                continue
            before = self._seen.get(number)
            if before is None or said.done >= before.done:
                self._seen[number] = said
            away += said.away
        counts = [*finished.values(), *((s.done, s.refused) for n, s in self._seen.items() if n not in finished)]
        return UnderWay(
            done=sum(done for done, _ in counts),
            refused=sum(refused for _, refused in counts),
            notes=away_lines(away),
        )


def away_lines(away: Iterable[Outage]) -> tuple[str, ...]:
    """Each endpoint that is away once, as the process that has missed it longest tells it."""
    longest: dict[str, Outage] = {}
    for one in away:
        known = longest.get(one.endpoint)
        if known is None or one.since < known.since:
            longest[one.endpoint] = one
    return tuple(str(longest[endpoint]) for endpoint in sorted(longest))
