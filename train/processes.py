"""One process or several: who they are, and that they have met."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Final

from factory.errors import EnvironmentFault

PATIENCE: Final = timedelta(days=7)
"""How long processes wait for one that measures alone: a retriever looks all its held-out rows up twice. torch's own 10
minutes (30 with gloo) would end a run whose training is over. One that has died ends the others by its launcher."""


def on_cpu() -> bool:
    """Whether this machine has no accelerator that torch can use."""
    import torch

    return not torch.accelerator.is_available()


def process_state() -> Any:
    """accelerate's state of this process: `process_index`, `num_processes`, `is_main_process`, `wait_for_everyone`.

    On CPUs processes meet through gloo; accelerate wants to be told.

    Raises EnvironmentFault where a launcher started several that did not meet: each would train by itself, and all
    would write the same files.
    """
    from accelerate import PartialState

    state = PartialState(cpu=on_cpu(), timeout=PATIENCE)
    if int(os.environ.get("WORLD_SIZE", "1")) > state.num_processes:
        raise EnvironmentFault(
            f"started as {os.environ['WORLD_SIZE']} processes, of which this one found {state.num_processes}: "
            "start them with `accelerate launch` or `torchrun`, and none by itself"
        )
    return state
