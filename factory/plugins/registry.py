"""Plug-ins by name. The signature is the schema: keyword-only parameters are the settings a recipe may give.

One decorated function gives the recipe's validation, the editor's JSON Schema and the reference page:

    @register("check", "near_truth")
    def near_truth(case: Case, *, radius_km: float = 25.0) -> CheckResult: ...

Importing the package of a kind (`factory.verify`, `factory.select`, ...) registers its plug-ins.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model, model_validator

from factory.text import did_you_mean

Kind = Literal["source", "generator", "teacher", "witness", "check", "decider", "selector", "engine"]

_HOMES: Mapping[Kind, str] = {
    "source": "factory.sources",
    "generator": "factory.generators",
    "teacher": "factory.teachers",
    "witness": "factory.witnesses",
    "check": "factory.verify",
    "decider": "factory.verify",
    "selector": "factory.select",
    "engine": "factory.engines",
}
"""The package whose import registers the plug-ins of a kind."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Plugin:
    """A registered function with the closed pydantic model of its settings."""

    kind: Kind
    name: str
    function: Callable[..., Any]
    settings: type[BaseModel]
    version: str = "1"
    """Raised when its code may give something else for the same input; part of the identity of builds that use it."""
    home: str = ""
    """The module that registered it: what another process imports to know it, too."""


SCRIPT: Final = "__main__"
"""What the program's script is called, and a plug-in's home that is registered there."""
SCRIPT_IN_WORKER: Final = "__mp_main__"
"""What a script is called where it runs once more, as multiprocessing calls it: its main part is left out."""


class UnknownPlugin(LookupError):
    """No plug-in of this kind has this name; the message says which was likely meant."""

    def __init__(self, kind: Kind, name: str, known: list[str]) -> None:
        self.kind, self.name, self.known = kind, name, known
        hint = did_you_mean(name, known)
        super().__init__(f"unknown {kind} `{name}`{hint}; known: {', '.join(known)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.name, self.known)  # it comes out of other processes


_PLUGINS: dict[tuple[Kind, str], Plugin] = {}


def register(kind: Kind, name: str, *, version: str = "1") -> Callable[[FunctionT], FunctionT]:
    """Registers a function under a name a recipe can use. Raises ValueError when the name is taken."""

    def add(function: FunctionT) -> FunctionT:
        if (kind, name) in _PLUGINS:
            raise ValueError(f"{kind} `{name}` is registered twice")
        home = str(sys._getframe(1).f_globals.get("__name__", ""))
        _PLUGINS[kind, name] = Plugin(kind, name, function, settings_model(name, function), version, home)
        return function

    return add


def check_settings(rule: Callable[[Any], None]) -> Callable[[FunctionT], FunctionT]:
    """Attaches a rule about several settings together, below `register`; it raises ValueError with what is expected.

    `rule` gets the validated settings, so a recipe that breaks it is refused while it is read.
    """

    def attach(function: FunctionT) -> FunctionT:
        function.check_settings = rule  # type: ignore[attr-defined]
        return function

    return attach


def before_asking(look: Callable[[Any], None]) -> Callable[[FunctionT], FunctionT]:
    """Attaches a look at the files that a generator's or a check's settings name, below `register`.

    `look` gets the settings with their files where they lie, before anybody is paid, and raises RecipeError where one
    cannot be used.
    """

    def attach(function: FunctionT) -> FunctionT:
        function.before_asking = look  # type: ignore[attr-defined]
        return function

    return attach


def compares_pictures(key: Callable[[Any], str | None]) -> Callable[[FunctionT], FunctionT]:
    """Says of a selector that it looks at perceptual hashes, below `register`: pictures that pass undecoded have none,
    and a recipe that wants both is refused.

    `key` gets the validated settings and gives the setting that asks for it ("" for the selector as a whole), or None.
    """

    def attach(function: FunctionT) -> FunctionT:
        function.compares_pictures = key  # type: ignore[attr-defined]
        return function

    return attach


def settings_model(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    """The closed pydantic model of a function's keyword-only parameters, with its `check_settings` if it has one."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    summary = (inspect.getdoc(function) or "").split("\n", 1)[0]
    rule: Callable[[Any], None] | None = getattr(function, "check_settings", None)

    def after(settings: BaseModel) -> BaseModel:
        if rule is not None:
            rule(settings)
        return settings

    validators: dict[str, Any] = {"check_settings": model_validator(mode="after")(after)} if rule else {}
    config = ConfigDict(extra="forbid", frozen=True)
    return create_model(name, __config__=config, __doc__=summary, __validators__=validators, **fields)


def plugin(kind: Kind, name: str) -> Plugin:
    """The plug-in of that name. Raises UnknownPlugin with the nearest known name."""
    importlib.import_module(_HOMES[kind])
    try:
        return _PLUGINS[kind, name]
    except KeyError:
        raise UnknownPlugin(kind, name, sorted(known(kind))) from None


def known(kind: Kind) -> dict[str, Plugin]:
    """All plug-ins of a kind, by name."""
    importlib.import_module(_HOMES[kind])
    return {name: plugin for (k, name), plugin in _PLUGINS.items() if k == kind}


def know_plugins(modules: Sequence[str]) -> None:
    """Imports the modules that register plug-ins where this process has not: those of another's `foreign_modules`. Its
    script is none of them; who starts a process runs that."""
    for module in modules:
        if module not in (SCRIPT, SCRIPT_IN_WORKER):
            importlib.import_module(module)


def foreign_modules() -> tuple[str, ...]:
    """Modules outside the factory that registered plug-ins, in the order of their registration."""
    ours = {home.split(".")[0] for home in _HOMES.values()}
    homes = (entry.home for entry in _PLUGINS.values())
    return tuple(dict.fromkeys(home for home in homes if home and home.split(".")[0] not in ours))
