"""`engine run`, `engine leaderboard`, `engine repeat`: campaigns without a browser."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from engine.analysis.benchmarks import read_benchmark
from engine.command.answer import DataOption, JsonOption, Refused, StoreOption, number
from engine.command.following import follow
from engine.command.strategy_input import SharedCashOption, read_shared_cash, read_strategy, strategy_files
from engine.errors import CampaignError
from engine.figures import PORTFOLIO_FIGURES
from engine.market.catalog import Catalog
from engine.model_records import ModelChoice
from engine.proposal.language_model import LocalServer, find_local_servers, problem_of_name
from engine.records import RUN_WINDOWS, Benchmarks, Costs, StopConditions
from engine.research.campaign import Choices, Start
from engine.research.evaluation import open_evaluator
from engine.research.promotion_terms import read_promotion
from engine.research.repeat import repeat_run
from engine.research.service import ResearchService
from engine.research.tuning import METHODS
from engine.research.turns import MODEL
from engine.settings import load_settings
from engine.store.queries import Queries
from engine.store.snapshot import open_reader

DEFAULTS = Choices()


def run(
    data: DataOption,
    iterations: Annotated[int, typer.Option(help="Runs that the campaign shall have in the end.")] = 20,
    scenarios: Annotated[int, typer.Option(help="Parameter sets a run, at most for a grid.")] = DEFAULTS.scenarios,
    proposer: Annotated[
        str, typer.Option(help="Who writes the strategies: random, mutate, or model, beside which both of them run too.")
    ] = DEFAULTS.proposer,
    arms: Annotated[str, typer.Option(help="The arms that take turns, as in model,random,mutate; default by --proposer.")] = "",
    baselines_every: Annotated[
        int | None,
        typer.Option(help="Random and mutate have their turn in every so manieth round only, from the next run on."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model that is asked, as litellm names it; default the one chosen last, else MODEL.")
    ] = None,
    api_base: Annotated[
        str | None, typer.Option("--api-base", help="Address of its server; without --model, of the one that would be asked.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds and settings give equal boards.")] = DEFAULTS.seed,
    method: Annotated[str, typer.Option(help=f"How sets are searched: {', '.join(METHODS)}.")] = DEFAULTS.method,
    search_s: Annotated[
        float | None,
        typer.Option(help="Seconds after which adaptive begins no further batch; results then depend on the machine."),
    ] = None,
    objective: Annotated[str, typer.Option(help="What the best set of a run is best at, on train.")] = DEFAULTS.objective,
    min_trades: Annotated[int, typer.Option(help="Fewer trades than this rank last.")] = DEFAULTS.min_trades,
    long_only: Annotated[bool, typer.Option("--long-only", help="No short positions.")] = False,
    top: Annotated[int | None, typer.Option(help="Only so many assets, by dollar volume in train.")] = None,
    start_from: Annotated[
        list[Path] | None,
        typer.Option("--start-from", help="A strategy, or a folder of them, to be run first."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the campaign.")] = "",
    theme: Annotated[str, typer.Option(help="Steers the model arm only; the random arm ignores it.")] = "",
    fee_rate: Annotated[float, typer.Option(help="Fee as a fraction of notional.")] = Costs().fee_rate,
    slippage_rate: Annotated[float, typer.Option(help="Slippage as a fraction of price.")] = Costs().slippage_rate,
    shared_cash: SharedCashOption = "",
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help="In place of the usual four: FIGURE>=VALUE[%][@train|validation|vault][?], repeatable; ? makes it a wish."
        ),
    ] = None,
    promotion: Annotated[
        list[str] | None,
        typer.Option(help="A threshold of the rule of promotion: NAME=VALUE, such as luck=0.01, repeatable; docs/promotion.md."),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Run a campaign to that many runs; the same command again goes on where it stood."""
    if iterations < 1:
        raise CampaignError(f"{iterations} iterations were asked for; wanted at least 1")
    choices = Choices(
        name=name, theme=theme, top_assets=top, proposer=_arms(proposer, arms), seed=seed, scenarios=scenarios,
        method=method, search_s=search_s, objective=objective, min_trades=min_trades, sides="long" if long_only else "both",  # type: ignore[arg-type]
        costs=Costs(fee_rate, slippage_rate), shared_cash=read_shared_cash(shared_cash), stop=StopConditions(runs=iterations),
        benchmarks=_benchmarks(benchmark or []), promotion=read_promotion(promotion or []),
    )  # fmt: skip
    starts = [Start(read_strategy(file), f"Start: {file.stem}.") for file in strategy_files(start_from or [])]
    service = ResearchService(load_settings(store))
    try:
        _choose(service, model, api_base)
        if MODEL in choices.arms and service.model.choice is None:
            raise CampaignError(no_model_in_words(find_local_servers()))
        spec = service.draft(data, choices)
        if baselines_every is not None:
            service.make_baselines_rarer(service.enter(spec), baselines_every)
        campaign_id = service.launch(spec, starts)
        was_interrupted = follow(service, iterations, asks_model=MODEL in spec.arms, quiet=as_json)
        problem = service.status().problem
        answer = board(service.queries, campaign_id)
    finally:
        service.close()
    if was_interrupted and not problem:
        problem = f"stopped after {len(answer['runs'])} of {iterations} runs, all of them kept; the same command goes on"
    if problem:
        raise Refused(problem, answer, board_text(answer))
    return answer, board_text(answer)


def _choose(service: ResearchService, model: str | None, api_base: str | None) -> None:
    """Take the model, the address, or both; an address alone is of the model that would be asked. Raises CampaignError."""
    if model is not None:
        if problem := problem_of_name(model):  # an empty name would choose that no model is asked
            raise CampaignError(problem)
        service.model.choose(ModelChoice(model, api_base or ""))
    elif api_base is not None:
        if service.model.choice is None:
            raise CampaignError(f"--api-base is an address without a model; {no_model_in_words(find_local_servers())}")
        service.model.choose(replace(service.model.choice, api_base=api_base))


def _benchmarks(asked: Sequence[str]) -> Benchmarks:
    """The benchmarks asked for; the usual ones where none is."""
    return Benchmarks(None, None, None, None, tuple(read_benchmark(text) for text in asked)) if asked else DEFAULTS.benchmarks


def _arms(proposer: str, arms: str) -> str:
    """The arms as a spec names them."""
    if arms:
        return "+".join(arm.strip() for arm in arms.split(","))
    return f"{MODEL}+random+mutate" if proposer == MODEL else proposer


def no_model_in_words(servers: Sequence[LocalServer]) -> str:
    """That no model is chosen, and what was found on this machine."""
    said = "no language model is chosen; name one by --model (and --api-base), or by MODEL in the environment or .env"
    found = "; ".join(f"{s.name} runs here: --model {s.models[0]} --api-base {s.api_base}" for s in servers if s.models)
    return f"{said}. {found}" if found else said


def board(queries: Queries, campaign_id: str) -> dict[str, Any]:
    """A campaign's leaderboard as plain data, without times: equal campaigns give equal text."""
    row = queries.campaign(campaign_id)
    runs = queries.runs(campaign_id)
    trials = int(runs["scenarios"].sum()) + int(runs["best_scenario"].notna().sum())  # each best set is judged once more
    after = queries.evidence.after_looks(campaign_id, row.spec.data_hash)
    answers = [_run_answer({str(k): v for k, v in r.items()}) for r in runs.to_dict("records")]
    return {
        "campaign": campaign_id,
        "name": row.name,
        "data": row.spec.dataset,
        "data_hash": row.spec.data_hash,
        "objective": row.spec.objective,
        "trials": trials,
        "source": queries.source,
        "runs": [answer | {"after_look": after.get(answer["run_id"])} for answer in answers],
    }


def _run_answer(run: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "rank",
        "run_id",
        "number",
        "arm",
        "status",
        "parent_run_id",
        "code_hash",
        "summary",
        "params",
        "scenarios",
        "objective",
    )
    figures = {w: {f: run[f"{w}_{f}"] for f in PORTFOLIO_FIGURES} for w in RUN_WINDOWS}
    failure = None if pd.isna(run["failure_kind"]) else {k: run[f"failure_{k}"] for k in ("kind", "message", "line")}
    params = json.loads(run["params"]) if isinstance(run["params"], str) else None
    return {**{k: run[k] for k in keys}, "params": params, "enough_trades": run["enough_trades"], "failure": failure, **figures}


def board_text(answer: dict[str, Any]) -> str:
    """The leaderboard for people."""
    lines = [
        f"{answer['name']} ({answer['campaign']}): {len(answer['runs'])} runs, {answer['trials']:,} trials; by validation Sharpe"
    ]
    if answer["source"] == "snapshot":
        lines.append(f"  from the last snapshot, {answer['age_s']:.0f} s old: another process owns the ledger")
    lines.append(f"{'rank':>4} {'run':>4}  {'id':<12}  {'validation Sharpe':>17} {'train Sharpe':>12} {'train trades':>12}  what")
    for r in answer["runs"]:
        what = f"FAILED {r['failure']['kind']}: {r['failure']['message']}" if r["failure"] else r["summary"]
        seen = "" if r["after_look"] is None else f"(after look {r['after_look']}) "
        lines.append(
            f"{r['rank']:>4} {r['number']:>4}  {r['run_id']:<12}  {number(r['validation']['sharpe']):>17}"
            f" {number(r['train']['sharpe']):>12}"
            f" {number(r['train']['trades_with_open'], 0):>12}  {seen}{what[:90]}"
        )
    return "\n".join(lines)


def leaderboard(
    campaign: Annotated[str | None, typer.Option(help="Id or name of a campaign; default the one that changed last.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """The runs of one campaign, best validation Sharpe first, failed ones last."""
    with open_reader(load_settings(store)) as queries:
        answer = board(queries, known_campaign(queries, campaign))
        if queries.source == "snapshot":
            answer["age_s"] = queries.age_s
    return answer, board_text(answer)


def known_campaign(queries: Queries, asked: str | None) -> str:
    """The campaign of that id or name; without any, the one that changed last. Raises CampaignError, naming what there is."""
    campaigns = queries.campaigns()
    if campaigns.empty or (asked is None and (campaigns["state"] == "archived").all()):
        raise CampaignError("the ledger holds no campaign; start one with `python -m engine run --data demo`, or in the app")
    if asked is None:
        return str(campaigns.loc[campaigns["state"] != "archived", "campaign_id"].iloc[0])
    for column in ("campaign_id", "name"):
        found = campaigns.loc[campaigns[column] == asked, "campaign_id"]
        if len(found) == 1:
            return str(found.iloc[0])
    known = "; ".join(f"{c.campaign_id} ({c.name})" for c in campaigns.head(5).itertuples())
    raise CampaignError(f"no single campaign has the id or the name {asked!r}; there are {known}: name one by its id")


def repeat(
    run_id: Annotated[str | None, typer.Argument(help="Id of a run.")] = None,
    sample: Annotated[int | None, typer.Option(help="Repeat so many runs, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 1,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Compute a run's every stored figure again: equal, or the first difference."""
    settings = load_settings(store)
    if (run_id is None) == (sample is None) or (sample is not None and sample < 1):
        raise CampaignError("wanted one run's id, or --sample N with N of at least 1")
    with open_reader(settings) as queries, open_evaluator(settings) as evaluator:
        ids = queries.run_ids() if run_id is None else [run_id]
        if sample is not None:
            ids = random.Random(seed).sample(ids, min(sample, len(ids)))
        if not ids:
            raise CampaignError("the ledger holds no run; start a campaign first")
        catalog = Catalog(settings.bars_dir)
        repeats = [repeat_run(i, queries, catalog, evaluator) for i in ids]
    equal = sum(r.is_equal for r in repeats)
    answer: dict[str, Any] = {
        "repeated": len(repeats),
        "equal": equal,
        "figures_compared": sum(r.compared for r in repeats),
        "runs": [{"run_id": r.run_id, "equal": r.is_equal, "compared": r.compared, "difference": r.difference} for r in repeats],
    }
    text = f"{equal} of {len(repeats)} runs equal, {answer['figures_compared']:,} figures compared"
    if equal < len(repeats):
        first = next(r for r in repeats if not r.is_equal)
        raise Refused(f"run {first.run_id} differs: {first.difference}; {text}", answer, text)
    return answer, text
