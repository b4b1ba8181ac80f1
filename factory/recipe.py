"""The recipe: one YAML file that says how a dataset is made. Every key is typed; unknown keys are refused.

This module is the shape of a recipe. `factory.recipe_load` reads, overlays and reports; `factory.fingerprint` says
what of it is a build's identity.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from factory.plugin_blocks import Block, Call
from factory.teachers.openai_backend import BaseUrl
from factory.teachers.settings import TeacherSettings

SOURCE = Block("source", key="kind")
GENERATOR = Block("generator", key="name")
TEACHER = Block("teacher", key="backend", common=TeacherSettings)
CHECK = Block("check")
DECIDER = Block("decider", key="by", default="rules")
SELECTOR = Block("selector")

SourceCall = Annotated[Call, *SOURCE.annotation()]
GeneratorCall = Annotated[Call, *GENERATOR.annotation()]
TeacherCall = Annotated[Call, *TEACHER.annotation()]
CheckCall = Annotated[Call, *CHECK.annotation()]
DeciderCall = Annotated[Call, *DECIDER.annotation()]
SelectorCall = Annotated[Call, *SELECTOR.annotation()]

Share = Annotated[float, Field(ge=0, le=1)]


class Closed(BaseModel):
    """Base of every recipe block: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class GeoBlock(Closed):
    """How the gazetteer answers where there is more than one answer. Labels and checks follow it alike."""

    worldview: Literal["default", "natural_earth"] = "default"
    """Who owns disputed places: `default` follows GeoNames and the majority of the United Nations, `natural_earth` de
    facto control. A teacher who names the other claimant is right in either."""


class PlanBlock(Closed):
    """Which rows of the source are planned, and how they are cut."""

    shard_size: int = Field(default=1000, ge=1, le=100_000)
    """Samples in a shard: the unit of work, of resuming and of distribution."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many samples, chosen by hash of id and seed."""
    seed: int = 0
    order: Literal["source", "hash"] = "source"
    """`hash` spreads neighbours of the source over the shards."""
    exclude_licences: tuple[str, ...] = ()
    """Rows whose licence contains one of these texts are dropped."""
    allow_licences: tuple[str, ...] | None = None
    """When given, only rows whose licence equals one of these are planned."""
    max_uncertainty_km: float | None = Field(default=None, ge=0)
    """Rows whose truth is less certain than this are dropped."""
    max_swapped_share: Share = 0.01
    """Above this share of impossible latitudes with possible longitudes, the columns are taken for swapped."""


class ImagesBlock(Closed):
    """How photos are decoded, and what is refused before decoding."""

    max_side: int = Field(default=1024, ge=32, le=16_384)
    """Pixels of the longer side of what teachers see and what is released."""
    quality: int = Field(default=90, ge=30, le=100)
    max_file_mb: float = Field(default=64.0, gt=0)
    max_megapixels: float = Field(default=100.0, gt=0)
    max_scans: int = Field(default=64, ge=1)
    """Scans of a progressive JPEG; each costs a pass over the whole image."""
    formats: tuple[Literal["JPEG", "PNG", "WEBP", "HEIF"], ...] = ("JPEG", "PNG", "WEBP", "HEIF")
    cpu_seconds: float = Field(default=5.0, gt=0)
    memory_mb: int = Field(default=1024, ge=256)


class EmbeddingsBlock(Closed):
    """An OpenAI-compatible embeddings endpoint that compares clues by meaning instead of by words."""

    model: str
    base_url: BaseUrl
    api_key_env: str = "OPENAI_API_KEY"


class VerifyBlock(Closed):
    """The checks, in order, and how they decide."""

    checks: tuple[CheckCall, ...] = Field(min_length=1)
    decide: DeciderCall
    embeddings: EmbeddingsBlock | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> VerifyBlock:
        names = [check.name for check in self.checks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"check listed twice: {', '.join(sorted(twice))}")
        for action, listed in self.decide.settings.model_dump().items():
            for name in listed if isinstance(listed, tuple | list) else ():
                if name not in names:
                    raise ValueError(
                        f"decide.{action} names `{name}`, which is not among the checks: {', '.join(names)}"
                    )
        return self


class ReviewBlock(Closed):
    """What people are asked to look at."""

    audit_share: Share = 0.02
    """Share of accepted rows that reviewers see too, to estimate what the checks let through."""
    overlap: int = Field(default=1, ge=1, le=20)
    """Reviewers for each row."""


class ReleaseBlock(Closed):
    """How accepted rows are packed and described."""

    shard_size: int = Field(default=1000, ge=1)
    """Rows in a tar or a Parquet file."""
    formats: tuple[Literal["webdataset", "parquet"], ...] = ("webdataset", "parquet")
    answer: Literal["nearest", "first", "most_confident"] = "nearest"
    """Which accepted teacher's reasoning becomes the row's response."""
    title: str | None = None
    licence: str = "per-row"
    """`per-row`, or the SPDX identifier that holds for rows whose source states none."""


class BuildBlock(Closed):
    """When a finished build counts as failed. Not part of a build's identity."""

    max_quarantined_share: Share = 0.05
    """Above it, `factory build` ends with exit code 1."""


class Recipe(Closed):
    """A dataset, as one file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    generator: GeneratorCall
    source: SourceCall
    geo: GeoBlock = GeoBlock()
    plan: PlanBlock = PlanBlock()
    images: ImagesBlock = ImagesBlock()
    teachers: tuple[TeacherCall, ...] = Field(min_length=1)
    verify: VerifyBlock
    select: tuple[SelectorCall, ...] = ()
    review: ReviewBlock = ReviewBlock()
    release: ReleaseBlock = ReleaseBlock()
    build: BuildBlock = BuildBlock()

    @model_validator(mode="after")
    def _teacher_names_are_unique(self) -> Recipe:
        names = [teacher_settings(teacher).name for teacher in self.teachers]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"teachers share a name: {', '.join(sorted(twice))}")
        return self


def teacher_settings(call: Call) -> TeacherSettings:
    """The keys every teacher has."""
    assert isinstance(call.common, TeacherSettings)
    return call.common


def recipe_json_schema() -> dict[str, Any]:
    """JSON Schema of a recipe file for editors; `profiles` are overlays, so their keys are not required."""
    schema = Recipe.model_json_schema()
    schema["$defs"] |= {f"{name}Overlay": _relaxed(block) for name, block in schema["$defs"].items()}
    overlay = {key: _relaxed(value) for key, value in schema["properties"].items() if key != "name"}
    schema["properties"]["profiles"] = {
        "type": "object",
        "description": "Named overlays of this recipe; `demo` is the default.",
        "additionalProperties": {"type": "object", "properties": overlay, "additionalProperties": False},
    }
    schema["required"] = ["name", "generator", "verify"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def _relaxed(node: Any) -> Any:
    """A schema whose keys may all be left out, for blocks that are laid over others."""
    if isinstance(node, list):
        return [_relaxed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return node | {"$ref": f"{node['$ref']}Overlay"}
    return {"anyOf" if key == "oneOf" else key: _relaxed(item) for key, item in node.items() if key != "required"}
