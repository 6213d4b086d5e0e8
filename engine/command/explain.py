"""`engine explain`: why trades won and lost, what stands out beyond chance, and the text that a model reads of it."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from engine.analysis.explanation import explain as explained
from engine.analysis.names import names_for_people
from engine.analysis.plain_explanation import plain_explanation
from engine.backtest.portfolio import Result
from engine.command.answer import JsonOption, StoreOption
from engine.command.strategy_input import (
    DEFAULTS,
    FeeOption,
    SearchedOption,
    SharedCashOption,
    SlippageOption,
    bed_of,
    ranges_of,
    read_strategy,
    typed_params,
    where_of,
)
from engine.errors import StrategyError
from engine.market.catalog import Catalog
from engine.records import RUN_WINDOWS, Costs, Failure
from engine.research.evaluation import open_evaluator
from engine.research.results import Results
from engine.research.trials import batch_of, record_trials
from engine.settings import Settings, load_settings
from engine.store.snapshot import open_reader
from engine.strategy.params import complete_params, parse_params

ORIGIN = "explain"


def explain(
    what: Annotated[str, typer.Argument(help="A strategy file in the contract, or the id of a run.", metavar="FILE|RUN")],
    data: Annotated[str | None, typer.Option("--data", help="Name of a dataset, for a file; a run has its own.")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="name=value; others take the middle of their range.")] = None,
    window: SearchedOption = "train",
    fee_rate: FeeOption = DEFAULTS.fee_rate,
    slippage_rate: SlippageOption = DEFAULTS.slippage_rate,
    shared_cash: SharedCashOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Explain the trades of one parameter set: groups, sequences, kinds of entries, the worst and the best.

    A file is one trial; a run was scored before and counts none.
    """
    settings = load_settings(store)
    if window not in RUN_WINDOWS:
        raise StrategyError(f"the window is {window!r}; wanted {' or '.join(RUN_WINDOWS)}: the vault explains nothing")
    if Path(what).suffix != ".py" and not Path(what).exists():
        return _of_run(settings, what, window, data)
    if data is None:
        raise StrategyError(f"no dataset is named for {what}; add --data NAME")
    costs, path, given = Costs(fee_rate, slippage_rate), Path(what), typed_params(param or [])
    source = read_strategy(path)
    with open_evaluator(settings) as evaluator:
        ranges = ranges_of(evaluator, source, path)
        params, defaults = complete_params(ranges, parse_params(ranges, given))
        bed = bed_of(settings, evaluator, data, window, costs, shared_cash)
        result = evaluator.result(source, params, bed)
        said = None if isinstance(result, Failure) else evaluator.said_of_trades(source, params, bed, result.trades)
    trials = record_trials(settings, batch_of(bed, source, origin=ORIGIN, scenarios=1))
    if isinstance(result, Failure):
        raise StrategyError(f"{path.name}: {result}")
    more = {"params": params, "defaults": list(defaults), "trials": trials.total, "trials_by_arm": trials.by_arm}
    return _answer(result, said, more | where_of(bed, data))


def _of_run(settings: Settings, run_id: str, window: str, data: str | None) -> tuple[dict[str, Any], str]:
    with open_reader(settings) as queries, open_evaluator(settings) as evaluator:
        run, results = queries.run(run_id), Results(queries, Catalog(settings.bars_dir), evaluator)
        spec, bed = results.run_bed(run, window)
        if data not in (None, spec.dataset):
            raise StrategyError(f"the run {run_id} is of the dataset {spec.dataset}, and {data} was named; leave --data out")
        _, result = results.recompute(run_id, window)
        said = results.said_of_trades(run_id, window, result.trades)
    more = {"run_id": run_id, "params": run.params, "source": queries.source}
    return _answer(result, said, more | where_of(bed, spec.dataset))


def _answer(result: Result, said: pd.DataFrame | None, more: dict[str, Any]) -> tuple[dict[str, Any], str]:
    found = explained(result, names_for_people(result.market), indicators=said)
    plain = plain_explanation(found, result.market)
    label = " (SYNTHETIC)" if more["synthetic"] else ""
    return plain | more, f"{more['data']}{label}\n{plain['text']}"
