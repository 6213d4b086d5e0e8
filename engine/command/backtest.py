"""`engine backtest` and `engine sweep`: one strategy file on one window, each scenario counted as a trial."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from engine.analysis.metrics import asset_table, portfolio_table
from engine.backtest.sweep import TestBed
from engine.command.answer import DataOption, JsonOption, Refused, StoreOption, check_target, number, percent, write_table
from engine.errors import CampaignError, StrategyError
from engine.market.catalog import Catalog
from engine.market.splits import window_named
from engine.records import Costs, Failure, ParamRange, Params, SharedCash
from engine.research.campaign import MAX_SCENARIOS, check_costs, check_shared_cash
from engine.research.evaluation import Evaluator, Sweep, figures_of, open_evaluator
from engine.research.objectives import OBJECTIVES, ROBUST_OBJECTIVES, Objective
from engine.research.search import first_look_of, search
from engine.research.trials import batch_of, record_look, record_trials
from engine.research.tuning import METHODS, make_tuner
from engine.settings import Settings, load_settings
from engine.strategy.params import complete_params, parse_params

FileArgument = Annotated[Path, typer.Argument(help="A strategy file in the contract.")]
WindowOption = Annotated[str, typer.Option("--window", help="train, validation, or all (which looks into the vault).")]
FeeOption = Annotated[float, typer.Option("--fee-rate", help="Fee as a fraction of each fill's notional.")]
SlippageOption = Annotated[
    float, typer.Option("--slippage-rate", help="Slippage of market orders and stops as a fraction of price.")
]
SharedCashOption = Annotated[
    str,
    typer.Option("--shared-cash", help="One account for all assets: N positions at most, each with F of equity, as in 10,0.1."),
]
DEFAULTS = Costs()


def read_strategy(path: Path) -> str:
    """The text of a strategy file. Raises StrategyError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StrategyError(f"the strategy {path} cannot be read: {reason}; name a Python file in the contract") from None


def strategy_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in folders that were named. Raises StrategyError where there is nothing."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise StrategyError(f"there is no {path}; name a strategy file or a folder of them")
        inside = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if not inside:
            raise StrategyError(f"the folder {path} holds no .py file; name a folder of strategies")
        found += inside
    return found


def read_shared_cash(text: str) -> SharedCash | None:
    """The account that `N` or `N,F` asks for; None for no text, which asks for equal sleeves. Raises CampaignError."""
    if not text:
        return None
    positions, comma, fraction = text.partition(",")
    try:
        asked = SharedCash(int(positions), float(fraction)) if comma else SharedCash(int(positions))
    except ValueError:
        raise CampaignError(f"shared cash is {text!r}; wanted N or N,F, such as 10,0.1 for 10 positions of 10 % each") from None
    check_shared_cash(asked)
    return asked


def bed_of(
    settings: Settings, evaluator: Evaluator, file: Path, data: str, window: str, costs: Costs, shared_cash: str, *, origin: str
) -> TestBed:
    """The test bed that a command asks for; that of `all` holds the vault and is recorded as a look into it."""
    check_costs(costs)
    shared = read_shared_cash(shared_cash)
    if window not in ("train", "validation", "all"):
        raise StrategyError(f"the window is {window!r}; wanted train, validation or all")
    panel = Catalog(settings.bars_dir).open(data)
    bed = evaluator.bed(panel, panel.symbols, window_named(panel.bars, window), costs, shared)
    if window == "all":
        record_look(settings, panel, who=origin, file=file)
    return bed


def ranges_of(evaluator: Evaluator, source: str, path: Path) -> tuple[ParamRange, ...]:
    ranges = evaluator.ranges(source)
    if isinstance(ranges, Failure):
        raise StrategyError(f"{path.name}: {ranges}")
    return ranges


def typed_params(params: Sequence[str]) -> dict[str, str]:
    pairs = [p.partition("=") for p in params]
    for name, equals, _ in pairs:
        if not equals:
            raise StrategyError(f"--param {name} has no value; write --param {name}=VALUE")
    names = [name for name, _, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise StrategyError(f"--param {name} is given {names.count(name)} times; give each parameter once")
    return {name: value for name, _, value in pairs}


def backtest(
    file: FileArgument,
    data: DataOption,
    param: Annotated[list[str] | None, typer.Option("--param", help="name=value; others take the middle of their range.")] = None,
    window: WindowOption = "train",
    fee_rate: FeeOption = DEFAULTS.fee_rate,
    slippage_rate: SlippageOption = DEFAULTS.slippage_rate,
    shared_cash: SharedCashOption = "",
    trades_out: Annotated[Path | None, typer.Option(help="Write the trades to this Parquet file.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Run one strategy with one parameter set and print its figures."""
    settings, source, given = load_settings(store), read_strategy(file), typed_params(param or [])
    check_target(trades_out)
    with open_evaluator(settings) as evaluator:
        ranges = ranges_of(evaluator, source, file)
        params, defaults = complete_params(ranges, parse_params(ranges, given))
        bed = bed_of(settings, evaluator, file, data, window, Costs(fee_rate, slippage_rate), shared_cash, origin="backtest")
        result = evaluator.result(source, params, bed)
    trials = record_trials(settings, batch_of(bed, source, origin="backtest", scenarios=1))
    if isinstance(result, Failure):
        raise StrategyError(f"{file.name}: {result}")
    if trades_out is not None:
        write_table(trades_out, result.trades)
    answer = {
        "portfolio": figures_of(portfolio_table(result.outcomes, bed.market, bed.hold), 0),
        "assets": asset_table(result.outcomes, 0, bed.market, bed.hold).reset_index(),
        "params": params,
        "defaults": list(defaults),
        **where_of(bed, data),
        "trials": trials.total,
        "trials_by_arm": trials.by_arm,
    }
    text = _text(file.name, answer)
    if answer["portfolio"]["trades_with_open"] == 0:
        told = f"{file.name} made no trade on {window}; wanted at least one: loosen its entries, or try other parameters"
        raise Refused(told, answer, text)
    return answer, text


def where_of(bed: TestBed, data: str) -> dict[str, Any]:
    """On what a figure was computed."""
    panel, window = bed.market.panel, bed.market.window
    times = pd.DatetimeIndex(panel.times_ns[[window.start, window.stop - 1]], tz="UTC")
    return {
        "window": window.name,
        "window_bars": window.bars,
        "first_bar": times[0],
        "last_bar": times[1],
        "data": data,
        "data_hash": panel.data_hash,
        "synthetic": panel.synthetic,
        "survivors_only": panel.survivors_only,
        "costs": {"fee_rate": bed.costs.fee_rate, "slippage_rate": bed.costs.slippage_rate},
        "shared_cash": None if bed.shared_cash is None else asdict(bed.shared_cash),
        "warm_up_bars": None,  # `check` measures it; no entry is masked for it here
    }


def _text(name: str, answer: dict[str, Any]) -> str:
    f = answer["portfolio"]
    label = " (SYNTHETIC)" if answer["synthetic"] else ""
    shown = ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in answer["params"].items())
    defaulted = f" (middle of the range: {', '.join(answer['defaults'])})" if answer["defaults"] else ""
    return "\n".join(
        [
            f"{name} on {answer['data']}{label}, window {answer['window']}: {answer['window_bars']:,} bars",
            f"  parameters        {shown or 'none'}{defaulted}",
            f"  total return      {percent(f['total_return'])}   buy and hold {percent(f['buy_and_hold_return'])}",
            f"  Sharpe            {number(f['sharpe'])}   buy and hold {number(f['buy_and_hold_sharpe'])}",
            f"  max. drawdown     {percent(f['max_drawdown'])}",
            f"  trades            {f['trades_with_open']:,.0f}, of which {f['open_positions']:,.0f} still open",
            f"  win rate          {percent(f['win_rate_with_open'], sign=False)}   "
            f"profit factor {number(f['profit_factor_with_open'])}",
            f"  assets traded     {f['assets_traded']:.0f} of {f['assets_listed']:.0f} listed",
            *_shared_text(answer),
            f"  trials on these bars so far: {answer['trials']:,}",
        ]
    )


def _shared_text(answer: dict[str, Any]) -> list[str]:
    """What shared cash allowed and rejected; nothing for equal sleeves."""
    if (shared := answer["shared_cash"]) is None:
        return []
    places = f"{shared['max_positions']:,} positions at most, each with {percent(shared['fraction'], sign=False)} of equity"
    return [f"  shared cash       {places}; {answer['portfolio']['rejected_entries']:,.0f} entries rejected"]


def sweep(
    file: FileArgument,
    data: DataOption,
    scenarios: Annotated[int, typer.Option(help="Number of parameter sets, at most for a grid.")] = 200,
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}; see docs/tuning.md.")] = "grid",
    seed: Annotated[int, typer.Option(help="Seed of what the method draws.")] = 1,
    objective: Annotated[str, typer.Option(help="What the best set is best at.")] = "sharpe",
    min_trades: Annotated[int, typer.Option(help="Fewer trades than this rank last.")] = 100,
    window: WindowOption = "train",
    fee_rate: FeeOption = DEFAULTS.fee_rate,
    slippage_rate: SlippageOption = DEFAULTS.slippage_rate,
    shared_cash: SharedCashOption = "",
    out: Annotated[Path | None, typer.Option(help="Write all scenarios to this Parquet file, per asset beside it.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Run hundreds of parameter sets of one strategy over all assets."""
    settings, source = load_settings(store), read_strategy(file)
    check_target(out)
    _check_sweep(method, scenarios, seed, objective, min_trades)
    with open_evaluator(settings) as evaluator:
        ranges = ranges_of(evaluator, source, file)
        bed = bed_of(settings, evaluator, file, data, window, Costs(fee_rate, slippage_rate), shared_cash, origin="sweep")
        goal = Objective(objective, min_trades, is_robust=method == "robust")
        searched = search(
            make_tuner(method, ranges, scenarios, np.random.default_rng(seed)), ranges, goal,
            lambda sets, screen, before: evaluator.sweep(source, sets, bed, screen=screen),
            first_look=first_look_of(method, bed, goal, is_cross_sectional=None),
        )  # fmt: skip
    params, swept, values = searched.params, searched.swept, searched.values
    trials = record_trials(settings, batch_of(bed, source, origin="sweep", scenarios=len(params)))
    best, reason = goal.best(swept.table, values, pruned=searched.pruned)
    if best is None:
        raise StrategyError(f"{file.name}: none of {len(params)} scenarios ran; {swept.outcomes.failures[0]}")
    failures = {i: str(f) for i, f in enumerate(swept.outcomes.failures) if f is not None}
    if out is not None:
        write_table(out, _scenario_table(params, swept.table, values, failures))
        write_table(out.with_suffix(".assets.parquet"), _assets_table(swept, len(params)))
    shown = [{"params": p, **figures_of(swept.table, i), "objective": values[i]} for i, p in enumerate(params)]
    answer = {
        "scenarios": shown, "best": best, "reason": reason, "failed": len(failures) - searched.pruned,
        "pruned": searched.pruned, "failures": failures,
        **where_of(bed, data), "trials": trials.total,
    }  # fmt: skip
    if np.nanmax(swept.table["trades_with_open"]) == 0:
        raise Refused(f"{file.name} made no trade in any of {len(params)} scenarios; wanted some: loosen its entries", answer)
    return answer, _sweep_text(file.name, answer)


def _sweep_text(name: str, answer: dict[str, Any]) -> str:
    f, tried = answer["scenarios"][answer["best"]], len(answer["scenarios"])
    return (
        f"{name}: {tried} scenarios on {answer['data']}, {answer['failed']} failed\n"
        f"  best ({answer['reason']}): {json.dumps(f['params'])}\n"
        f"  total return {percent(f['total_return'])}, Sharpe {number(f['sharpe'])}, {f['trades_with_open']:,.0f} trades\n"
        f"  the best of {tried} tries flatters itself; trials on these bars so far: {answer['trials']:,}"
    )


def _check_sweep(method: str, scenarios: int, seed: int, objective: str, min_trades: int) -> None:
    """Raises StrategyError with the first thing that cannot be."""
    for name, found, wanted, fits in (
        ("method", method, f"one of {', '.join(METHODS)}", method in METHODS),
        ("number of scenarios", scenarios, f"1 to {MAX_SCENARIOS:,}", 1 <= scenarios <= MAX_SCENARIOS),
        ("seed", seed, "a whole number of 0 or more", seed >= 0),
        ("least number of trades", min_trades, "0 or more", min_trades >= 0),
        ("objective", objective, f"one of {', '.join(OBJECTIVES)}", objective in OBJECTIVES),
        (
            "objective",
            objective,
            f"for robust one of {', '.join(ROBUST_OBJECTIVES)}",
            method != "robust" or objective in ROBUST_OBJECTIVES,
        ),
    ):
        if not fits:
            raise StrategyError(f"the sweep's {name} is {found!r}; wanted {wanted}")


def _assets_table(swept: Sweep, scenarios: int) -> pd.DataFrame:
    """Asset figures of all scenarios, one row an asset of a scenario."""
    return pd.concat({i: swept.assets(i) for i in range(scenarios)}, names=["scenario"]).reset_index()


def _scenario_table(params: list[Params], figures: pd.DataFrame, values: np.ndarray, failures: dict[int, str]) -> pd.DataFrame:
    """One row a scenario: parameters, figures, objective and failure. A parameter named as one of these becomes `param_NAME`."""
    table = figures.assign(objective=values, failure=pd.Series(failures, index=range(len(params)), dtype="str"))
    given = pd.DataFrame(params, index=table.index)
    for name in given.select_dtypes("object"):  # choices of several kinds, which no Parquet column can hold
        given[name] = given[name].map(json.dumps).astype("str")
    return pd.concat([given.rename(columns={name: f"param_{name}" for name in table.columns}), table], axis=1)
