"""The recipe: one YAML file that says how a dataset is made. Every key is typed; unknown keys are refused.

This module is the shape of a recipe. `factory.recipe.load` reads, overlays and reports; `factory.recipe.fingerprint`
says what of it is a build's identity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, model_validator

from factory.images.records import ImageSettings
from factory.plugins.blocks import Block, Call, Place, input_files
from factory.plugins.contracts import Decider, Generator
from factory.plugins.promises import opened
from factory.plugins.registry import plugin
from factory.recipe.fingerprint import identity_part
from factory.store.yaml_draft import paths_in
from factory.text import did_you_mean
from schemas.settings import (
    BuildSettings,
    CheckRef,
    Closed,
    GeoSettings,
    PlanSettings,
    ReleaseSettings,
    ReviewSettings,
    TeacherSettings,
    WitnessRef,
)

SOURCE = Block("source", key="kind")
GENERATOR = Block("generator", key="name")
TEACHER = Block("teacher", key="backend", common=TeacherSettings)
WITNESS = Block("witness")
CHECK = Block("check")
DECIDER = Block("decider", key="by", default="rules")
SELECTOR = Block("selector")

SourceCall = Annotated[Call, *SOURCE.annotation()]
GeneratorCall = Annotated[Call, *GENERATOR.annotation()]
TeacherCall = Annotated[Call, *TEACHER.annotation()]
WitnessCall = Annotated[Call, *WITNESS.annotation()]
CheckCall = Annotated[Call, *CHECK.annotation()]
DeciderCall = Annotated[Call, *DECIDER.annotation()]
SelectorCall = Annotated[Call, *SELECTOR.annotation()]


class VerifyBlock(Closed):
    """The checks, in order, and how they decide."""

    checks: tuple[CheckCall, ...] = Field(min_length=1)
    decide: DeciderCall = Field(default={"by": "rules"}, validate_default=True)
    """Lists of checks that it leaves out are the decider's own, as far as the checks are there."""

    @model_validator(mode="after")
    def _defaults_follow_the_checks(self) -> VerifyBlock:
        names, settings = {check.name for check in self.checks}, self.decide.settings
        lists = {
            action: listed
            for action, listed in _listed(settings, CheckRef())
            if action not in settings.model_fields_set
        }
        fitting = {action: tuple(name for name in listed if name in names) for action, listed in lists.items()}
        object.__setattr__(self, "decide", replace(self.decide, settings=settings.model_copy(update=fitting)))
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> VerifyBlock:
        names = [check.name for check in self.checks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"check listed twice: {', '.join(sorted(twice))}")
        for action, listed in _listed(self.decide.settings, CheckRef()):
            for name in listed:
                if name not in names:
                    raise ValueError(
                        f"decide.{action} names `{name}`, which is not among the checks: {', '.join(names)}"
                    )
        opened("decider", self.decide.name, Decider, **dict(self.decide.settings))  # now, not when all is paid
        return self


def _listed(settings: BaseModel, mark: CheckRef | WitnessRef) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The settings of a decider that list checks or witnesses by name: those whose items are marked so."""
    for action, field in type(settings).model_fields.items():
        notes = [note for item in get_args(field.annotation) for note in getattr(item, "__metadata__", ())]
        if mark in notes:
            yield action, tuple(getattr(settings, action))


class Recipe(Closed):
    """A dataset, as one file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    generator: GeneratorCall
    source: SourceCall
    geo: GeoSettings = GeoSettings()
    plan: PlanSettings = PlanSettings()
    images: ImageSettings = ImageSettings()
    teachers: tuple[TeacherCall, ...] = ()
    """None where the family asks nobody."""
    witnesses: tuple[WitnessCall, ...] = ()
    """Evidence that is no teacher's answer."""
    verify: VerifyBlock | None = None
    """The checks; may be left out only where no teacher is asked."""
    select: tuple[SelectorCall, ...] = ()
    review: ReviewSettings = ReviewSettings()
    release: ReleaseSettings = ReleaseSettings()
    build: BuildSettings = BuildSettings()

    @model_validator(mode="after")
    def _teacher_names_are_unique(self) -> Recipe:
        names = [teacher_settings(teacher).name for teacher in self.teachers]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"teachers share a name: {', '.join(sorted(twice))}")
        asked: dict[str, str] = {}
        for teacher in self.teachers:
            name = teacher_settings(teacher).name
            if (other := asked.setdefault(_asks(teacher), name)) != name:
                raise ValueError(
                    f"teachers {other} and {name} would ask the same questions and share every answer: give one of "
                    "them another model or another sampling.seed"
                )
        witnesses = [witness.name for witness in self.witnesses]
        if twice := {name for name in witnesses if witnesses.count(name) > 1 or name in names}:
            raise ValueError(f"witnesses share a name with another or with a teacher: {', '.join(sorted(twice))}")
        for setting, listed in () if self.verify is None else _listed(self.verify.decide.settings, WitnessRef()):
            for name in listed:
                if name not in witnesses:
                    near = did_you_mean(name, witnesses)
                    there = ", ".join(witnesses) or "none"
                    raise ValueError(
                        f"verify.decide.{setting} names `{name}`, which is not among the witnesses: {there}{near}"
                    )
        return self

    @model_validator(mode="after")
    def _has_what_its_family_needs(self) -> Recipe:
        generator = opened("generator", self.generator.name, Generator, **dict(self.generator.settings))
        asks, family = generator.needs.calls[1] > 0, self.generator.name
        roles = {teacher_settings(teacher).role for teacher in self.teachers}
        for role in ("answer", *generator.needs.roles) if asks else ():
            if role not in roles:
                raise ValueError(f"`teachers` is missing: the family {family} needs at least one of the role `{role}`")
        if not asks and self.teachers:
            raise ValueError(f"`teachers`: the family {family} asks nobody; take them out")
        if self.release.configs == "licence" and "licence" not in generator.row.columns.names:
            raise ValueError(f"`release.configs: licence`: rows of the family {family} state no licence; take it out")
        if asks and self.verify is None:
            raise ValueError(f"`verify` is missing: answers for {family} are released only when checks judged them")
        return self

    @model_validator(mode="after")
    def _undecoded_pictures_are_compared_with_nothing(self) -> Recipe:
        if not self.images.pass_through:
            return self
        for what, calls in (("teachers", self.teachers), ("witnesses", self.witnesses)):
            if calls:
                raise ValueError(
                    f"`images.pass_through` is for families that ask nobody, and this recipe has `{what}`: what they "
                    "are shown is decoded first. Take `images.pass_through` out"
                )
        for call in self.select:
            look = getattr(plugin("selector", call.name).function, "compares_pictures", None)
            key = None if look is None else look(call.settings)
            if key is not None:
                named = f"select.{call.name}" + (f".{key}" if key else "")
                raise ValueError(
                    f"`{named}` compares what pictures show, and `images.pass_through: true` decodes none that it can "
                    f"keep: change `{named}`, or take `images.pass_through` out"
                )
        return self

    @model_validator(mode="after")
    def _unknown_places_get_a_label(self) -> Recipe:
        if self.plan.truth == "known":
            return self
        decide = None if self.verify is None else self.verify.decide
        if decide is None or not opened("decider", decide.name, Decider, **dict(decide.settings)).labels:
            raise ValueError(
                "`plan.truth: unknown` wants a decider that labels photos without coordinates: "
                "`verify: {decide: {by: calibrated, target: 0.98}}`, or `promise` instead of `target`"
            )
        return self


def path_places(recipe: Recipe) -> Iterator[Place]:
    """Where in a recipe's data paths stand."""
    for place, call in named_plugins(recipe):
        yield from paths_in(call.settings, place)
    yield from paths_in(recipe.release, ("release",))


def named_plugins(recipe: Recipe) -> Iterator[tuple[Place, Call]]:
    """Every plug-in that a recipe names, with the place of its settings."""
    yield ("source",), recipe.source
    yield ("generator",), recipe.generator
    yield from ((("teachers", index), call) for index, call in enumerate(recipe.teachers))
    yield from ((("witnesses", index, call.name), call) for index, call in enumerate(recipe.witnesses))
    if recipe.verify is not None:
        yield ("verify", "decide"), recipe.verify.decide
        yield from ((("verify", "checks", index, call.name), call) for index, call in enumerate(recipe.verify.checks))
    yield from ((("select", index, call.name), call) for index, call in enumerate(recipe.select))


def teacher_settings(call: Call) -> TeacherSettings:
    """The keys every teacher has."""
    assert isinstance(call.common, TeacherSettings)
    return call.common


def _asks(call: Call) -> str:
    """What of a teacher tells its questions from those of others: all but its name, where it lies, how hard it is asked
    and what becomes of a bad answer. A recording has its own answers, whatever else it shares."""
    settings = teacher_settings(call)
    if next(input_files(call.settings), None) is not None:
        return settings.name
    plain = identity_part(TEACHER.dump(call), ("teachers", settings.name))
    asks = {key: value for key, value in plain.items() if key not in ("name", "bad_answer")}
    asks["sampling"] = settings.sampling.identity()
    return json.dumps(asks, sort_keys=True, default=str)


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
    schema["required"] = ["name", "generator"]
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
