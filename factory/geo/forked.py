"""Telling a forked process at once that it cannot use the gazetteer, where it would wait for ever.

polars' threads do not live on in a child that is forked from a process that has used them, and its first call there
never returns. So who has called `reverse` or `forward` before forking gets an error in the child, with the way out.
"""

from __future__ import annotations

import os

from factory.errors import EnvironmentFault

_used_in: int | None = None


def refuse_fork() -> None:
    """Raises EnvironmentFault in a process forked from one that used the gazetteer; else notes that this one does."""
    global _used_in
    if _used_in is None:
        _used_in = os.getpid()
    elif _used_in != os.getpid():
        raise EnvironmentFault(
            "this process was forked from one that had used factory.geo, and polars' threads do not survive that; "
            "start workers with multiprocessing.get_context('spawn') (for PyTorch's DataLoader: "
            "multiprocessing_context='spawn'), or call factory.geo only after forking"
        )
