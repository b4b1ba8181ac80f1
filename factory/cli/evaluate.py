"""`factory eval`: a model's answers measured on a release or a table, under the rules of a preset."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.json_lines import need_jsonl
from factory.cli.options import Json, Split, refuse_unused
from factory.cli.out import say
from factory.errors import RecipeError

if TYPE_CHECKING:
    import polars as pl

    from train.asking import Model
    from train.evaluate.evaluation import Evaluation, Line
    from train.evaluate.interactive import Mode
    from train.evaluate.presets import Rules

Set = Annotated[
    Path, typer.Argument(metavar="RELEASE|TABLE", help="A release, its build, or a table.", show_default=False)
]
Answers = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Answers by `id`: JSON lines, CSV, TSV or Parquet.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Asks:
    """A model that is asked in place of a file of answers."""

    model: str | None
    endpoint: str | None
    key: str | None
    save: Path | None

    def check(self, predictions: Path | None) -> None:
        """Raises RecipeError where there is no answer, or more than one place for them."""
        if predictions is None and self.model is None:
            raise RecipeError(
                "say whose answers: --predictions FILE (JSON lines, CSV, TSV or Parquet with `id`), --model FOLDER, or "
                "--endpoint URL --model NAME"
            )
        if predictions is not None and (self.model or self.endpoint or self.save):
            raise RecipeError("answers come from a file or from a model: leave --model, --endpoint and --save out")
        if self.save is not None:
            need_jsonl(self.save, "answers are kept")

    @property
    def named(self) -> Path:
        """What the answers are called: their file, or the model; `.` by the folder's name."""
        said = self.save or Path(str(self.model))
        return said if said.name else said.absolute()

    def answers(self, path: Path, split: str | None, order: Sequence[str]) -> pl.DataFrame:
        """What the model answers to every row of the split, whose ids are given in their order. Raises RecipeError for
        a table, which has no questions."""
        from train.endpoint import address
        from train.evaluate.predictions import predictions_of
        from train.evaluate.truth import DEFAULT_SPLIT, MANIFEST, is_release, open_set
        from train.kept_answers import kept
        from train.merge import weights_digest
        from train.predict import endpoint_predictions
        from train.predict import predictions as model_predictions

        if not is_release(path):
            raise RecipeError(f"{path}: a model is asked the questions of a release; a table has none")
        root, asked, model = open_set(path).root, split or DEFAULT_SPLIT, str(self.model)

        def ask(skip: Collection[str]) -> Iterator[dict[str, Any]]:
            if self.endpoint is None:
                return model_predictions(Path(model), root, asked, skip=skip)
            return endpoint_predictions(self.endpoint, model, root, asked, api_key_env=self.key, skip=skip)

        if self.save is None:
            return predictions_of(ask(()), model)
        server = None if self.endpoint is None else address(self.endpoint, "the endpoint")
        whole = sha256((root / MANIFEST).read_bytes()).hexdigest()
        said = {"model": model, "endpoint": server, "release": whole, "split": asked}
        if server is None:
            said["weights"] = weights_digest(Path(model))
        return predictions_of(kept(self.save, said, order, ask), model)


def evaluate(
    context: typer.Context,
    path: Set,
    predictions: Answers = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="A model to ask instead; with --endpoint its name.", show_default=False),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="A server to ask, with its version: .../v1.", show_default=False)
    ] = None,
    endpoint_key: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Environment variable with its key.", show_default=False)
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Keep what was answered.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="P", help="Rules: globe, navig, osv5m, pigeon, g3 or gaga.", show_default=False),
    ] = None,
    split: Split = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another run's answers, to compare with.", show_default=False)
    ] = None,
    locate: Annotated[
        str | None,
        typer.Option(help="coordinates, names or either, in place of the preset's way.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of resamples and flips.")] = 0,
    radius: Annotated[
        float, typer.Option(metavar="KM", min=0.001, help="Within which an answer is right, for calibration.")
    ] = 25.0,
    question: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers behind a guiding question (GaGA's +Q).", show_default=False),
    ] = None,
    question_answer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers behind a question and its answer (+QA).", show_default=False),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="URL", help="Endpoint of a model that judges reasoning.", show_default=False)
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="Its name there.", show_default=False)] = None,
    judge_key: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Environment variable with its key.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write a page with map, curves and galleries.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a model's answers by the rules of a paper, which are printed: accuracy, names, confidence, intervals."""
    from factory.cli.console import print_json
    from factory.cli.evaluation import print_evaluation, print_modes
    from train.evaluate.evaluation import evaluate as measured
    from train.evaluate.evaluation import rules_of
    from train.evaluate.predictions import read_predictions
    from train.evaluate.presets import PRESETS
    from train.evaluate.truth import read_truth

    if preset is None:
        raise RecipeError(f"say by whose rules with --preset: {', '.join(PRESETS)}")
    rules = rules_of(preset, locate)
    asks = Asks(model, endpoint, endpoint_key, save)
    asks.check(predictions)
    if endpoint is None:
        refuse_unused(context, ["endpoint_key"], "is the key of --endpoint, which is missing")
    if judge is None:
        refuse_unused(context, ["judge_key"], "is the key of --judge, which is missing")
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise RecipeError(f"{report}: a report is written as HTML; give it the ending .html")
    if (judge is None) != (judge_model is None):
        raise RecipeError("a judge has an address and a name there: give both --judge URL and --judge-model NAME")
    truth = read_truth(path, split=split)
    other = None if against is None else read_predictions(against)
    files: dict[Mode, Path | None] = {"+Q": question, "+QA": question_answer}
    guided = {mode: read_predictions(file) for mode, file in files.items() if file is not None}
    judges = None if judge is None else _judge(judge, str(judge_model), judge_key)
    # answers of a model may be paid: what else is given is read first
    said = asks.answers(path, split, truth["id"].to_list()) if predictions is None else read_predictions(predictions)
    predictions = predictions or asks.named
    found = measured(truth, said, rules, against=other, seed=seed, radius_km=radius)
    lines = () if judges is None else _judged(found, path, split, predictions, judges, seed)
    asked = _modes(truth, said, guided, rules, seed)
    if report is not None:
        _write(found, report, path, predictions, against, radius)
    if json:
        judgements = [{"name": one.name, "value": one.interval.value, "n": one.interval.n} for one in lines]
        told = {mode: one.plain()["table"] for mode, one in asked.items()}
        print_json(
            {"set": str(path), "predictions": str(predictions), **found.plain(), "judge": judgements, "modes": told}
        )
        return
    print_evaluation(found, path, predictions, against, radius, lines)
    if asked:
        print_modes(asked)


def _modes(
    truth: pl.DataFrame, said: pl.DataFrame, guided: Mapping[Mode, pl.DataFrame], rules: Rules, seed: int
) -> dict[str, Evaluation]:
    """GaGA's interactive modes beside direct inquiry; nothing where none of them is given."""
    from train.evaluate.interactive import modes

    found = modes(truth, {"direct": said, **guided}, rules, seed=seed) if guided else {}
    return {str(mode): one for mode, one in found.items()}


def _judge(url: str, name: str, key: str | None) -> Model:
    from train.asking import openai_model

    return openai_model(url, name, name="judge", api_key_env=key, sampling={"temperature": 0.0})


def _judged(
    found: Evaluation, path: Path, split: str | None, predictions: Path, judge: Model, seed: int
) -> tuple[Line, ...]:
    """What a judge says of the reasoning; its ledger lies beside the answers, so that nothing is asked twice."""
    import asyncio

    from train.evaluate.evaluation import lines_of
    from train.evaluate.judge import judge_metrics, judged
    from train.evaluate.truth import photos_in_order

    rows = found.measured.rows
    if not rows["reasoning"].is_not_null().any():
        raise RecipeError(f"{predictions}: no answer has any reasoning to judge")
    folder = predictions.with_name(f"{predictions.name}.judge")
    verdicts = asyncio.run(judged(rows, judge, folder, photos=photos_in_order(path, split)))
    failed = verdicts["failure"].drop_nulls()
    say(f"judge     {judge[0].model}: {len(verdicts) - len(failed):,} of {len(verdicts):,} judged; ledger in {folder}")
    return lines_of(judge_metrics(rows, verdicts), seed=seed)


def _write(
    found: Evaluation, target: Path, path: Path, predictions: Path, against: Path | None, radius_km: float
) -> None:
    from factory.geo.whole_file import whole_file
    from factory.report.evaluation import evaluation_page
    from factory.store.files import disk_faults
    from train.evaluate.report import page_of
    from train.evaluate.truth import read_photos

    other = None if against is None else against.name
    page = page_of(found, name=predictions.name, data=path.absolute().name, other=other, radius_km=radius_km)
    ids = [card["id"] for gallery in page["galleries"] for card in gallery["cards"]]
    html = evaluation_page(page, read_photos(path, ids))
    with disk_faults(target), whole_file(target) as file:
        file.write(html.encode())
    say(f"report    {target}")
