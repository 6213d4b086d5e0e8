"""`engine sweep`: hundreds of parameter sets of one strategy file, each counted as a trial."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from engine.command.answer import DataOption, JsonOption, Refused, StoreOption, check_target, number, percent, write_table
from engine.command.strategy_input import (
    DEFAULTS,
    FeeOption,
    FileArgument,
    SearchedOption,
    SharedCashOption,
    SlippageOption,
    bed_of,
    ranges_of,
    read_strategy,
    where_of,
)
from engine.errors import StrategyError
from engine.records import RUN_WINDOWS, Costs, Params
from engine.research.campaign import MAX_SCENARIOS
from engine.research.evaluation import Sweep, figures_of, open_evaluator
from engine.research.objectives import OBJECTIVES, ROBUST_OBJECTIVES, Objective
from engine.research.search import first_look_of, search
from engine.research.trials import batch_of, record_trials
from engine.research.tuning import METHODS, make_tuner
from engine.settings import load_settings


def sweep(
    file: FileArgument,
    data: DataOption,
    scenarios: Annotated[int, typer.Option(help="Number of parameter sets, at most for a grid.")] = 200,
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}; see docs/tuning.md.")] = "grid",
    seed: Annotated[int, typer.Option(help="Seed of what the method draws.")] = 1,
    objective: Annotated[str, typer.Option(help="What the best set is best at.")] = "sharpe",
    min_trades: Annotated[int, typer.Option(help="Fewer trades than this rank last.")] = 100,
    window: SearchedOption = "train",
    fee_rate: FeeOption = DEFAULTS.fee_rate,
    slippage_rate: SlippageOption = DEFAULTS.slippage_rate,
    shared_cash: SharedCashOption = "",
    out: Annotated[Path | None, typer.Option(help="Write all scenarios to this Parquet file, per asset beside it.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Run hundreds of parameter sets of one strategy over all assets; never on the vault, which is not for choosing."""
    settings, source = load_settings(store), read_strategy(file)
    check_target(out)
    _check_sweep(method, scenarios, seed, objective, min_trades, window)
    with open_evaluator(settings) as evaluator:
        ranges = ranges_of(evaluator, source, file)
        bed = bed_of(settings, evaluator, data, window, Costs(fee_rate, slippage_rate), shared_cash)
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


def _check_sweep(method: str, scenarios: int, seed: int, objective: str, min_trades: int, window: str) -> None:
    """Raises StrategyError with the first thing that cannot be."""
    for name, found, wanted, fits in (
        ("window", window, " or ".join(RUN_WINDOWS), window in RUN_WINDOWS),
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
