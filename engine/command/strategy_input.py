"""What commands take that run a strategy file: its options, source, parameters, and the bars it runs on."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from engine.backtest.sweep import TestBed
from engine.errors import CampaignError, StrategyError
from engine.market.catalog import Catalog
from engine.market.splits import window_named
from engine.records import Costs, Failure, ParamRange, SharedCash
from engine.research.campaign import check_costs, check_shared_cash
from engine.research.evaluation import Evaluator
from engine.settings import Settings

FileArgument = Annotated[Path, typer.Argument(help="A strategy file in the contract.")]
SearchedOption = Annotated[str, typer.Option("--window", help="train or validation; the vault stays shut.")]
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


def bed_of(settings: Settings, evaluator: Evaluator, data: str, window: str, costs: Costs, shared_cash: str) -> TestBed:
    """The test bed that a command asks for; that of `all` holds the vault: running a strategy there is a look into it."""
    check_costs(costs)
    shared = read_shared_cash(shared_cash)
    if window not in ("train", "validation", "all"):
        raise StrategyError(f"the window is {window!r}; wanted train, validation or all")
    panel = Catalog(settings.bars_dir).open(data)
    return evaluator.bed(panel, panel.symbols, window_named(panel.bars, window), costs, shared)


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
