"""A server of a build's own, as the teacher that wants it describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that a build starts for one of its teachers, on this machine, and ends with itself."""

    name: str
    """The teacher's."""
    arguments: tuple[str, ...]
    """What follows `vllm serve`."""
    environment: Mapping[str, str]
    """Variables beside this process's own."""
    port: int
    """Of 127.0.0.1."""
    start_s: float
    """How long it may take until it answers, in seconds."""
    restarts: int
    """How often it is started again after its engine died."""

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"
