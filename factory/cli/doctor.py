"""`factory doctor`: what this machine has and lacks, before a long build finds out."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from factory.errors import EnvironmentFault, FactoryError
from factory.plugins.contracts import CallFailed

if TYPE_CHECKING:
    from factory.recipe.load import LoadedRecipe

DISTRIBUTION = "geo-reasoning-factory"
DEVELOPMENT = frozenset(("dev", "gazetteer"))
"""Extras of those who change the factory; what they bring is nothing to a build."""

BESIDE = {"vllm": "0.32.0"}
"""Packages that we do not ask for but that often share an environment: their oldest versions without a published
advisory, as in CONTRIBUTING.md. Floors of what we ask for stand in pyproject.toml and nowhere else."""

MIN_FREE_GB = 5
MAX_NAME = 100
"""Characters of a model's name that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    text: str
    fault: bool = False
    remedy: str = ""
    absent: bool = False
    """Something that may be wanted is not there: no fault, and nothing to tick."""


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
    try:
        declared = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            subject=DISTRIBUTION, text="not installed", fault=True, remedy="pip install it, or `make .venv/.core`"
        )
        return
    wanted: dict[str, Requirement] = {}
    required: set[str] = set()
    for requirement in map(Requirement, declared):
        if _holds(requirement, extra=""):
            required.add(requirement.name)
        elif not any(_holds(requirement, extra=extra) for extra in _extras()):
            continue
        wanted.setdefault(requirement.name, requirement)
    for name in sorted(wanted, key=str.lower):
        yield from _package(name, wanted[name].specifier, required=name in required)
    for name, floor in BESIDE.items():
        yield from _package(name, SpecifierSet(f">={floor}"), required=False)


def _extras() -> list[str]:
    """The extras a user may have asked for."""
    named = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return [extra for extra in named if extra not in DEVELOPMENT]


def _holds(requirement: Requirement, *, extra: str) -> bool:
    """Whether a requirement is asked for here: on this platform, with this extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _package(name: str, allowed: SpecifierSet, *, required: bool) -> Iterator[Finding]:
    """What is installed, against what is allowed. An optional package that is not there is no finding."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if required:
            yield Finding(subject=name, text="missing", fault=True, remedy=f"pip install '{name}{allowed}'")
        return
    fits = allowed.contains(version, prereleases=True)
    yield Finding(subject=name, text=version, fault=not fits, remedy="" if fits else f"pip install '{name}{allowed}'")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    full = free < MIN_FREE_GB
    remedy = f"make {MIN_FREE_GB} GB free" if full else ""
    return Finding(subject="disk", text=f"{free:,.0f} GB free here", fault=full, remedy=remedy)


def _heif() -> Finding:
    try:
        import pillow_heif
    except ImportError:
        return Finding(subject="HEIC", text="not readable: the extra `heic` is not installed", absent=True)
    library = pillow_heif.libheif_info()["libheif"]
    numbers = tuple(int(part) for part in library.split(".")[:2])
    old = numbers < (1, 22)
    remedy = "libheif 1.22 or newer is needed" if old else ""
    return Finding(subject="HEIC", text=f"libheif {library}", fault=old, remedy=remedy)


def _recipe(path: Path, profile: str | None, overrides: Sequence[str]) -> Iterator[Finding]:
    from factory.generators import needs_of
    from factory.recipe.load import load_recipe
    from factory.recipe.model import teacher_settings
    from factory.sources import look_for_pictures, open_source

    loaded = load_recipe(path, profile=profile, overrides=overrides)
    yield Finding(subject="recipe", text=f"{path}: valid ({loaded.profile_words})")
    try:
        source = open_source(loaded.recipe.source, loaded.root)
        table = source.table()
        yield Finding(subject="source", text=f"{table.height:,} rows")
        if needs_of(loaded.recipe.generator).images:
            look_for_pictures(source, table["images" if "images" in table.columns else "image"])
    except FactoryError as error:
        yield Finding(subject="source", text=str(error), fault=True)
    yield from _recordings(loaded)
    for call in loaded.recipe.teachers:
        name = teacher_settings(call).name
        variable = getattr(call.settings, "api_key_env", None)
        for url in (*getattr(call.settings, "base_urls", ()), getattr(call.settings, "base_url", None)):
            if url:
                yield _endpoint(name, url, variable, teacher_settings(call).model)
        if getattr(call.settings, "serve", False) or getattr(call.settings, "run_batch", False):
            yield _vllm(name)
    for call in loaded.recipe.witnesses:
        if url := getattr(call.settings, "base_url", None):
            variable, model = getattr(call.settings, "api_key_env", None), getattr(call.settings, "model", "")
            yield _endpoint(call.name, url, variable, model)


def _vllm(teacher: str) -> Finding:
    """Whether the program is there that a teacher runs by."""
    from factory.teachers.serving import vllm_program

    try:
        return Finding(subject=teacher, text=f"runs by {vllm_program()}")
    except EnvironmentFault as missing:
        return Finding(subject=teacher, text=str(missing), fault=True)


def _recordings(loaded: LoadedRecipe) -> Iterator[Finding]:
    """How many of the planned questions each recording answers. One that answers none is a fault: it is another set's,
    or its ids are written in another way."""
    from factory.calls.teacher import recorded_answers
    from factory.generators import needs_of
    from factory.phases.plan import plan_source
    from factory.plugins.blocks import input_files
    from factory.recipe.model import teacher_settings
    from factory.sources import open_source

    calls = [call for call in loaded.recipe.teachers if next(input_files(call.settings), None) is not None]
    if not calls:
        return
    needs = needs_of(loaded.recipe.generator)
    try:
        ids = plan_source(open_source(loaded.recipe.source, loaded.root), loaded.recipe, loaded.root).samples["id"]
    except FactoryError:
        return  # the source is at fault, which is told beside
    for call in calls:
        name = teacher_settings(call).name
        try:
            found = recorded_answers(call, loaded.root, needs, ids)
        except FactoryError as error:
            yield Finding(subject=name, text=str(error), fault=True)
            continue
        if found is not None:
            text = f"has recorded answers to {found[0]:,} of {found[1]:,} planned questions"
            none = found[1] > 0 and not found[0]
            remedy = "is it the recording of these samples, by the same ids?" if none else ""
            yield Finding(subject=name, text=text, fault=none, remedy=remedy)


def _endpoint(name: str, url: str, variable: str | None, model: str) -> Finding:
    """Asks an endpoint which models it serves: free everywhere, and it needs the same address and key."""
    from factory.teachers.client import api_key, key_variable, redactor_of
    from factory.teachers.models import served_models

    remedy = f"set {needed}" if (needed := key_variable(url, variable)) else "name its variable in api_key_env"
    try:
        key = api_key(url, variable)
    except EnvironmentFault as error:
        return Finding(subject=name, text=str(error), fault=True, remedy=remedy)
    try:
        served = asyncio.run(served_models(url, key))
    except CallFailed as failed:
        if failed.kind == "credentials":
            return Finding(subject=name, text=f"{url} refuses the key", fault=True, remedy=remedy)
        said, remedy = _why(url, key, failed)
        return Finding(subject=name, text=f"{url} {said}", fault=True, remedy=remedy)
    if served and model not in served:
        redact = redactor_of(key)
        listed = ", ".join(redact.brief(each, MAX_NAME) for each in served[:5])
        return Finding(subject=name, text=f"{url} does not serve {model}", fault=True, remedy=f"it serves {listed}")
    return Finding(subject=name, text=f"{url} serves {model}")


def _why(url: str, key: str, failed: CallFailed) -> tuple[str, str]:
    """What it means that an endpoint gave no list of models, and what to do: where the likely address gives one, that
    address."""
    from factory.teachers.client import NO_KEY

    unsafe = url.startswith("https:") and "SSL" in failed.detail
    if unsafe and "Cert" in failed.detail:
        return f"has a certificate that is not trusted here ({failed.detail})", "trust who signed it, on this machine"
    if unsafe:  # a key is never sent in the clear, not even to ask
        likely = url.replace("https:", "http:", 1)
        remedy = f"write {likely}" if _answers(likely, NO_KEY) else "is it http?"
        return f"speaks no TLS ({failed.detail})", remedy
    if failed.kind == "model_unknown":
        likely = f"{url}/v1"
        lacks = not url.endswith("/v1")
        remedy = f"write {likely}" if lacks and _answers(likely, key) else "is the address right?"
        return f"answers, but has no list of models there ({failed.detail})", remedy
    if failed.kind.startswith("http_5"):
        return f"answers with an error of its own ({failed.detail})", "it runs: look at its log"
    remedy = "start it" if failed.down else "look at its log; is the address right, does it need /v1?"
    return f"does not answer ({failed.detail})", remedy


def _answers(url: str, key: str) -> bool:
    """Whether an endpoint is there: it lists models, or wants a key."""
    from factory.teachers.models import served_models

    try:
        asyncio.run(served_models(url, key))
    except CallFailed as failed:
        return failed.kind == "credentials"
    return True
