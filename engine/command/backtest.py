"""`engine backtest`: one strategy file with one parameter set on one window, counted as a trial."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.analysis.metrics import asset_table, portfolio_table
from engine.command.answer import DataOption, JsonOption, Refused, StoreOption, check_target, number, percent, write_table
from engine.command.strategy_input import (
    DEFAULTS,
    FeeOption,
    FileArgument,
    SharedCashOption,
    SlippageOption,
    bed_of,
    ranges_of,
    read_strategy,
    typed_params,
    where_of,
)
from engine.errors import StrategyError
from engine.records import Costs, Failure, Promotion
from engine.research.evaluation import figures_of, open_evaluator
from engine.research.trials import batch_of, record_look, record_trials
from engine.settings import load_settings
from engine.strategy.params import complete_params, parse_params

WindowOption = Annotated[str, typer.Option("--window", help="train, validation, or all (which looks into the vault).")]


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
        bed = bed_of(settings, evaluator, data, window, Costs(fee_rate, slippage_rate), shared_cash)
        k = record_look(settings, bed.market.panel, who="backtest", file=file) if window == "all" else None
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
        "look": k,
    }
    text = _text(file.name, answer)
    if answer["portfolio"]["trades_with_open"] == 0:
        told = f"{file.name} made no trade on {window}; wanted at least one: loosen its entries, or try other parameters"
        raise Refused(told, answer, text)
    return answer, text


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
            *_look_text(answer["look"]),
        ]
    )


def _look_text(k: int | None) -> list[str]:
    """What the look has cost; nothing if there was none."""
    if k is None:
        return []
    left = f"the next one is tested at {Promotion().vault:g} / 2^{k + 1}, and runs from now on are marked"
    return [f"  this was look {k} into the vault of these bars; {left}"]


def _shared_text(answer: dict[str, Any]) -> list[str]:
    """What shared cash allowed and rejected; nothing for equal sleeves."""
    if (shared := answer["shared_cash"]) is None:
        return []
    places = f"{shared['max_positions']:,} positions at most, each with {percent(shared['fraction'], sign=False)} of equity"
    return [f"  shared cash       {places}; {answer['portfolio']['rejected_entries']:,.0f} entries rejected"]
