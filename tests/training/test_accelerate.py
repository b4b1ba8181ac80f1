"""The files for several GPUs are what accelerate reads; what they share out was not run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FILES = Path(__file__).resolve().parents[2] / "recipes" / "train" / "accelerate"
SHARES: dict[str, tuple[str, dict[str, Any]]] = {
    "ddp": ("MULTI_GPU", {}),
    "fsdp2": ("FSDP", {"fsdp_version": 2, "fsdp_state_dict_type": "FULL_STATE_DICT"}),
    "zero2": ("DEEPSPEED", {"zero_stage": 2, "zero3_init_flag": False, "offload_optimizer_device": "none"}),
    "zero3": ("DEEPSPEED", {"zero_stage": 3, "zero3_save_16bit_model": True, "offload_optimizer_device": "none"}),
}


def test_every_file_is_looked_at() -> None:
    assert {file.stem for file in FILES.iterdir()} == set(SHARES)


@pytest.mark.parametrize("name", SHARES)
def test_accelerate_reads_a_file_as_it_is_meant(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(FILES / f"{name}.yaml"))
    kind, told = SHARES[name]
    assert read.distributed_type.value == kind and read.mixed_precision == "bf16" and read.num_processes == 8
    assert told.items() <= {**read.fsdp_config, **read.deepspeed_config}.items()
