"""`factory doctor`: what this machine has and lacks, before a long build finds out."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.errors import EnvironmentFault, FactoryError

FLOORS = {
    "aiohttp": (3, 14, 4),
    "jinja2": (3, 1, 6),
    "openai": (1, 54, 3),
    "pillow": (13, 0, 0),
    "pyarrow": (14, 0, 1),
    "datasets": (5, 2, 0),
    "ray": (2, 56, 0),
    "torch": (2, 6, 0),
    "transformers": (5, 10, 1),
    "vllm": (0, 32, 0),
}
"""Oldest versions without a published advisory that touches how the factory uses them (November 2026)."""

REQUIRED = ("aiohttp", "jinja2", "openai", "pillow", "polars", "pyarrow", "pydantic", "shapely")
MIN_FREE_GB = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    text: str
    fault: bool = False
    remedy: str = ""


def examine(recipe: Path | None, *, profile: str | None, overrides: Sequence[str]) -> list[Finding]:
    """Looks at the machine and, where a recipe is given, at what that recipe needs."""
    findings = [Finding(subject="python", text=f"{platform.python_version()} on {platform.machine()}")]
    findings += _packages()
    findings.append(_disk())
    findings.append(_heif())
    if recipe is not None:
        findings += _recipe(recipe, profile, overrides)
    return findings


def _packages() -> Iterator[Finding]:
    for name in sorted({*FLOORS, *REQUIRED}):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in REQUIRED:
                yield Finding(subject=name, text="missing", fault=True, remedy="install the package again")
            continue
        numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdecimal())
        floor = FLOORS.get(name)
        old = floor is not None and numbers < floor
        least = ".".join(map(str, floor or ()))
        yield Finding(subject=name, text=version, fault=old, remedy=f"has published advisories; use {least} or newer")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding(
        subject="disk", text=f"{free:,.0f} GB free here", fault=free < MIN_FREE_GB, remedy=f"make {MIN_FREE_GB} GB free"
    )


def _heif() -> Finding:
    try:
        import pillow_heif
    except ImportError:
        return Finding(subject="HEIC", text="not readable: the extra `heic` is not installed")
    library = pillow_heif.libheif_info()["libheif"]
    numbers = tuple(int(part) for part in library.split(".")[:2])
    return Finding(
        subject="HEIC", text=f"libheif {library}", fault=numbers < (1, 22), remedy="libheif 1.22 or newer is needed"
    )


def _recipe(path: Path, profile: str | None, overrides: Sequence[str]) -> Iterator[Finding]:
    from factory.recipe.load import load_recipe
    from factory.recipe.model import teacher_settings
    from factory.sources import open_source

    loaded = load_recipe(path, profile=profile, overrides=overrides)
    yield Finding(subject="recipe", text=f"{path}: valid")
    try:
        rows = open_source(loaded.recipe.source, loaded.root).table().height
        yield Finding(subject="source", text=f"{rows:,} rows")
    except FactoryError as error:
        yield Finding(subject="source", text=str(error), fault=True)
    for call in loaded.recipe.teachers:
        name = teacher_settings(call).name
        variable = getattr(call.settings, "api_key_env", None)
        for url in getattr(call.settings, "base_urls", ()):
            yield _endpoint(name, url, variable, teacher_settings(call).model)
    for call in loaded.recipe.witnesses:
        if url := getattr(call.settings, "base_url", None):
            variable, model = getattr(call.settings, "api_key_env", None), getattr(call.settings, "model", "")
            yield _endpoint(call.name, url, variable, model)


def _endpoint(name: str, url: str, variable: str | None, model: str) -> Finding:
    """Asks an endpoint which models it serves: free everywhere, and it needs the same address and key."""
    import openai

    from factory.teachers.openai_backend import api_key

    try:
        key = api_key(url, variable) if variable else "EMPTY"
    except EnvironmentFault as error:
        return Finding(subject=name, text=str(error), fault=True, remedy=f"set {variable}")
    try:
        with openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=5) as client:
            served = [entry.id for entry in client.models.list()]
    except openai.AuthenticationError:
        return Finding(subject=name, text=f"{url} refuses the key", fault=True, remedy=f"set {variable}")
    except (openai.OpenAIError, UnicodeError) as error:  # the client puts other variables of its own in headers too
        return Finding(
            subject=name, text=f"{url} does not answer ({type(error).__name__})", fault=True, remedy="start it"
        )
    if served and model not in served:
        listed = ", ".join(served[:5])
        return Finding(subject=name, text=f"{url} does not serve {model}", fault=True, remedy=f"it serves {listed}")
    return Finding(subject=name, text=f"{url} serves {model}")
