"""How a recipe writes a plug-in, validated against the signature of the function it names.

A block is keyed, `{kind: table, path: photos.csv}`, or single, `- near_truth: {radius_km: 25}`; a plug-in without
required settings may be written as its bare name. The same class validates, dumps and describes a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, BeforeValidator, GetPydanticSchema, PlainSerializer, ValidationError
from pydantic_core import core_schema

from factory.plugins.registry import Kind, UnknownPlugin, known, plugin
from factory.store.paths import input_path
from schemas.settings import Contents, Weights

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A plug-in named by the recipe, with its validated settings."""

    name: str
    settings: BaseModel
    common: BaseModel | None = None
    """Settings every plug-in of the kind has (teachers); None where a kind has none."""


class BlockError(ValueError):
    """Problems inside a block: nested validation errors, or a name nobody registered."""

    def __init__(
        self, place: Place, *problems: ValidationError | UnknownPlugin, models: tuple[type[BaseModel], ...] = ()
    ) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.place, self.problems, self.models = place, problems, models


@dataclass(frozen=True, slots=True)
class Block:
    """The written form of one kind of plug-in. `key` holds the name; without it the block is `- name: settings`."""

    kind: Kind
    key: str | None = None
    default: str | None = None
    common: type[BaseModel] | None = None

    def validate(self, value: Any) -> Call:
        """Plain data to a Call. Raises BlockError or ValueError for pydantic to report."""
        if isinstance(value, Call):
            return value
        name, settings, place = self._split({value: {}} if isinstance(value, str) and not self.key else value)
        try:
            model = plugin(self.kind, name).settings
        except UnknownPlugin as unknown:
            raise BlockError((self.key or name,), unknown) from None
        parts: list[tuple[type[BaseModel], Mapping[str, Any]]] = [(model, settings)]
        if self.common is not None:
            own = {key: value for key, value in settings.items() if key in model.model_fields}
            rest = {key: value for key, value in settings.items() if key not in model.model_fields}
            parts = [(model, own), (self.common, rest | {str(self.key): name})]
        read: list[BaseModel] = []
        wrong: list[ValidationError] = []
        for block, part in parts:
            try:
                read.append(block.model_validate(part))
            except ValidationError as error:
                wrong.append(error)
        if wrong:
            raise BlockError(place, *wrong, models=tuple(block for block, _ in parts))
        return Call(name, *read)

    def dump(self, call: Call) -> dict[str, Any]:
        """The Call as plain data in its written form, every default filled in."""
        settings = call.settings.model_dump(mode="json")
        if self.key is None:
            return {call.name: settings}
        common = call.common.model_dump(mode="json") if call.common else {self.key: call.name}
        return {**common, **settings}

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of the block: one alternative for each registered plug-in."""
        options: list[dict[str, Any]] = []
        bare: list[str] = []
        for name, entry in sorted(known(self.kind).items()):
            schema = _flat_schema(entry.settings)
            if self.common is not None:
                shared = _flat_schema(self.common)
                schema["properties"] = {**shared["properties"], **schema.get("properties", {})}
                schema["required"] = [*shared.get("required", []), *schema.get("required", [])]
            elif not schema.get("required"):
                bare.append(name)
            if self.key is None:
                schema = {"type": "object", "properties": {name: schema}, "additionalProperties": False}
                schema["required"] = [name]
            else:
                schema["properties"] = {**schema.get("properties", {}), self.key: {"const": name}}
                if self.default is None:
                    schema["required"] = sorted({self.key, *schema.get("required", [])})
            options.append(schema)
        return {"oneOf": [*options, {"enum": bare}] if bare else options}

    def annotation(self) -> tuple[Any, ...]:
        """Metadata for `Annotated[Call, *block.annotation()]`."""

        def core(_source: Any, _handler: Any) -> core_schema.CoreSchema:
            return core_schema.any_schema(
                metadata={"pydantic_js_functions": [lambda _schema, _handler: self.json_schema()]}
            )

        return GetPydanticSchema(core), BeforeValidator(self.validate), PlainSerializer(self.dump)

    def _split(self, value: Any) -> tuple[str, Mapping[str, Any], Place]:
        """Name, settings, and where the settings stand within the block."""
        if self.key is not None:
            value = {self.key: value} if isinstance(value, str) else value
            names = ", ".join(sorted(known(self.kind)))
            if not isinstance(value, Mapping):
                raise ValueError(f"expected a mapping with `{self.key}` (one of {names})")
            name = value.get(self.key, self.default)
            if not isinstance(name, str):
                raise ValueError(f"`{self.key}` is missing or not text; one of {names}")
            return name, {key: item for key, item in value.items() if key != self.key}, ()
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ValueError(f"expected one {self.kind} with its settings, written `- name: {{setting: value}}`")
        name, settings = next(iter(value.items()))
        if settings is not None and not isinstance(settings, Mapping):
            raise ValueError(f"expected a mapping of settings under `{name}`")
        return name, settings or {}, (name,)


def _flat_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema without `$defs`, so that it can be placed anywhere."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rsplit("/", 1)[-1]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    flat: dict[str, Any] = resolve(schema)
    return flat


def input_files(settings: BaseModel) -> Iterator[str]:
    """The settings of a plug-in that name a file whose content counts (`schemas.settings.InputFile`), in the order of
    its signature."""
    for name, field in type(settings).model_fields.items():
        if Contents() in field.metadata and getattr(settings, name):
            yield name


def model_folders(settings: BaseModel) -> Iterator[str]:
    """The settings of a plug-in that name a model's folder (`schemas.settings.ModelFolder`)."""
    for name, field in type(settings).model_fields.items():
        if Weights() in field.metadata and getattr(settings, name):
            yield name


def settings_at(settings: BaseModel, root: Path) -> BaseModel:
    """The settings with the files that they name (`InputFile`) where they lie, from the recipe's folder `root`. Raises
    RecipeError as `input_path` does."""
    found = {name: str(input_path(root, getattr(settings, name))) for name in input_files(settings)}
    return settings.model_copy(update=found) if found else settings
