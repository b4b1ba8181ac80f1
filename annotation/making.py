"""Making things on the server, each once: projects, pictures and tasks go the same way.

After every call without an answer the server is looked at before anything is sent again, and what is too much for one
call is halved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from annotation.client import ATTEMPTS, Client, TooLarge, Unsure
from factory.errors import EnvironmentFault

ThingT = TypeVar("ThingT")


def make_all(
    client: Client,
    wanted: Sequence[ThingT],
    *,
    is_there: Callable[[ThingT], bool],
    make: Callable[[Sequence[ThingT]], None],
    look: Callable[[], None],
    too_large: Callable[[ThingT], str],
    kept: Callable[[], str],
) -> None:
    """Makes what is wanted and not there, and knows in the end of each that it is there.

    Args:
        is_there: whether the server is known to have one.
        make: one call for several; what it made is there then. Raises Unsure or TooLarge.
        look: after a call without an answer: learns what the server has.
        too_large: what is said of one for which alone the server has no room.
        kept: what is said behind the server's words where it stays so, of what is done and how to go on.

    Raises EnvironmentFault.
    """
    said = "did not keep all of it"
    for attempt in range(ATTEMPTS):
        missing = [one for one in wanted if not is_there(one)]
        if not missing:
            return
        try:
            make(missing)
        except Unsure as unsure:
            said = str(unsure)
            client.wait(attempt, unsure.wait_s)
            look()
        except TooLarge:
            if len(missing) == 1:
                raise EnvironmentFault(f"{client.url}: {too_large(missing[0])}") from None
            middle = len(missing) // 2
            for half in (missing[:middle], missing[middle:]):
                make_all(client, half, is_there=is_there, make=make, look=look, too_large=too_large, kept=kept)
    if not all(map(is_there, wanted)):
        raise EnvironmentFault(f"{client.url}: {said}; {kept()}")
