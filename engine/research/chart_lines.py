"""What a strategy saw of one asset, as lines beside its candles: what it wants drawn and each call of `ta`, in true prices."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from engine.backtest.sweep import TestBed, salt_of
from engine.records import Failure, Params
from engine.research.indicator_states import indicator_states
from engine.strategy.sandbox import SandboxPool

_SALTS = 9  # one of eight scales is drawn by each
_CLOSE = 1e-9

Lines = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class ChartLines:
    """Lines over the window's bars (UTC opens), NaN where nothing is to be drawn: `on_price` belong on the candles' axis,
    `apart` on one of their own. `wanted`: names of those that the strategy itself wants drawn; the others are calls of `ta`."""

    on_price: dict[str, pd.Series] = field(default_factory=dict)
    apart: dict[str, pd.Series] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()


def chart_lines(
    source: str, params: Params, bed: TestBed, symbol: str, *, pool: SandboxPool, sides: str = "both"
) -> ChartLines | Failure:
    """What the strategy returns as `plot` for that asset, and what its calls of `ta` came to; or why there is nothing.

    It is asked twice, with the asset's prices scaled differently: what follows the scale is a price (or, if it goes against
    it, a volume) and is put back to true units, the rest stays as it is. Prices whose median lies within the asset's own stand
    on the price axis. For train only: from validation nothing but decisions may come back.
    """
    asset, bars = bed.market.panel.symbols.index(symbol), bed.market.window.bars
    said = indicator_states(source, params, bed, np.arange(bars), np.full(bars, asset), pool=pool, sides=sides)
    if isinstance(said, Failure):
        return said
    plotted = _plotted(source, params, bed, asset, pool, sides) if "plot" in source else {}
    if isinstance(plotted, Failure):
        return plotted
    seen: dict[str, tuple[np.ndarray, bool]]
    seen = {str(label): (said.values[label].to_numpy(), label in said.prices) for label in said.values if label not in plotted}
    return _sorted(plotted | seen, bed, asset, tuple(plotted))


def _plotted(
    source: str, params: Params, bed: TestBed, asset: int, pool: SandboxPool, sides: str
) -> dict[str, tuple[np.ndarray, bool]] | Failure:
    """Each line of `plot` in true units, and whether it is a price."""
    salt = salt_of(source, bed.market.panel.data_hash)
    first, second = (0.0, {}), (0.0, {})  # type: tuple[float, Lines], tuple[float, Lines]
    for other_salt in range(salt, salt + _SALTS):
        answer = pool.lines(source, params, bed.data, asset, salt=other_salt, sides=sides)
        if isinstance(answer, Failure):
            return answer
        first, second = (answer, answer) if other_salt == salt else (first, answer)
        if not first[1] or first[0] != second[0]:
            break
    found = {}
    for name, values in first[1].items():
        power = _power(values, second[1].get(name), second[0] / first[0])
        found[name] = values / first[0] ** power, power == 1
    return found


def _sorted(lines: dict[str, tuple[np.ndarray, bool]], bed: TestBed, asset: int, wanted: tuple[str, ...]) -> ChartLines:
    """Lines and whether they are prices, each on its axis."""
    panel, rows = bed.market.panel, slice(bed.market.window.start, bed.market.window.stop)
    times = pd.DatetimeIndex(panel.times_ns[rows], tz="UTC", name="time")
    low, high = np.fmin.reduce(panel.low[rows, asset]), np.fmax.reduce(panel.high[rows, asset])
    found = ChartLines(wanted=wanted)
    for name, (values, is_price) in lines.items():
        line = pd.Series(values, times, name=name)
        (found.on_price if is_price and low <= line.median() <= high else found.apart)[name] = line
    return found


def _power(values: np.ndarray, others: np.ndarray | None, ratio: float) -> int:
    """By which power of the scale a line follows it: 1 as prices do, -1 as volumes do, else 0."""
    for power in (1, -1):
        if others is not None and np.allclose(others, values * ratio**power, rtol=_CLOSE, atol=0, equal_nan=True):
            return 0 if np.all(np.isnan(values) | (values == 0)) else power
    return 0
