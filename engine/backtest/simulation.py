"""`simulate_signals`: what packed signals earn on a window of a panel, from the compiled kernel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.backtest import kernel
from engine.market.bars import Panel
from engine.records import TRADE_REASONS, Costs, Signals, Window
from engine.strategy.packing import RISKS, pack_bits, words_for

_NO_WORDS = np.zeros((0, 0), np.uint64)
_NO_TRADES = np.zeros((0, kernel.TRADE_COLUMNS))


@dataclass(frozen=True, eq=False)
class Market:
    """The part of a panel that the kernel reads, for one window; built once and shared by every scenario and thread.

    `prices`: (assets, rows, 4) of open, high, low, close, all rows of the panel. `delist_bars`: (assets,) int64.
    `day_ends`: last bar of each UTC day inside the window.
    """

    panel: Panel
    window: Window
    prices: np.ndarray
    delist_bars: np.ndarray
    day_ends: np.ndarray
    listed_bars: np.ndarray


def open_market(panel: Panel, window: Window) -> Market:
    """The market of that window. An asset is delisted if its bars end before the whole panel does."""
    bars = panel.last_row - window.start
    inside = (bars >= 0) & (bars < window.bars) & (panel.last_row < panel.bars - 1)
    days = panel.days[window.start : window.stop]
    return Market(
        panel=panel,
        window=window,
        prices=panel.by_bar,
        delist_bars=np.where(inside, bars, -1).astype(np.int64),
        day_ends=np.flatnonzero(np.append(days[1:] != days[:-1], True)),
        listed_bars=panel.exists[window.start : window.stop].sum(axis=0),
    )


@dataclass(frozen=True, eq=False)
class Simulation:
    """What one scenario did. `sums` (assets, kernel.SUMS); `curves` (3, bars): equity, deployed, largest position, the first
    as a multiple of starting capital, the others in sleeves. `trades` counts open positions too.
    """

    sums: np.ndarray
    curves: np.ndarray
    trades: int

    @property
    def equity(self) -> np.ndarray:
        """(bars,) portfolio equity at each close, starting capital = 1."""
        return self.curves[kernel.EQUITY]


def _risk_table(signals: Signals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = [getattr(signals, name) for name in RISKS]
    arrays = [v if isinstance(v, np.ndarray) else np.zeros(0) for v in values]
    scalars = np.array([-1.0 if v is None or isinstance(v, np.ndarray) else float(v) for v in values])
    offsets = np.cumsum([0, *(len(a) for a in arrays)]).astype(np.int64)
    return scalars, np.concatenate(arrays), offsets


def _run(market: Market, signals: Signals, costs: Costs, trades: np.ndarray) -> Simulation:
    assets, bars = market.panel.assets, market.window.bars
    if (signals.assets, signals.bars) != (assets, bars):
        raise ValueError(f"signals are {signals.bars} bars x {signals.assets} assets, the window {bars} x {assets}")
    absent = _NO_WORDS.reshape(0, 0) if assets == 0 else np.zeros((assets, 0), np.uint64)
    tables = [getattr(signals, n) for n in ("entries", "exits", "short_entries", "short_exits")]
    scalars, cells, offsets = _risk_table(signals)
    sums, curves, steps = np.zeros((assets, kernel.SUMS)), np.zeros((bars, 3)), np.zeros(bars + 1)
    names_cells = len(cells) > 0 or len(trades) > 0  # a recorded trade names its deciding cell, for its tag
    cell_of_word = np.zeros((assets, words_for(bars) if names_cells else 0), np.int64)
    made = kernel.simulate(  # type: ignore[call-arg]
        market.prices, market.window.start, bars, market.delist_bars, market.window.warm_up_bars,
        *(absent if t is None else t for t in tables), scalars, cells, offsets, signals.max_bars or 0, signals.cooldown,
        costs.fee_rate, costs.slippage_rate, sums, curves, trades, steps, cell_of_word,
    )  # fmt: skip
    return Simulation(sums, np.ascontiguousarray(curves.T), int(made))


def simulate_signals(market: Market, signals: Signals, costs: Costs) -> Simulation:
    """Figures' raw material of one scenario, without its trades. Releases the GIL; equal inputs give equal bits.

    Raises ValueError if the signals are not of the window's shape.
    """
    return _run(market, signals, costs, _NO_TRADES)


def simulate_trades(market: Market, signals: Signals, costs: Costs) -> tuple[Simulation, pd.DataFrame]:
    """The same simulation with its trades as a frame, in order of asset and entry.

    Columns: symbol, direction, entry_bar, exit_bar (bars of the window), entry_price, exit_price (after slippage), pnl
    (after fees, in units of the sleeve's starting capital), reason, ambiguous; then entry_time, exit_time (UTC, of the
    bars' opens), bars_held, return (P/L per entry notional), quantity, fees, entry_tag. A position that is still open has
    reason `open`, the window's last bar, and the last close less slippage as price.
    """
    count = simulate_signals(market, signals, costs).trades
    records = np.zeros((max(count, 1), kernel.TRADE_COLUMNS))
    simulation = _run(market, signals, costs, records)
    return simulation, _trade_frame(market, signals, records[:count])


def _trade_frame(market: Market, signals: Signals, records: np.ndarray) -> pd.DataFrame:
    column = {name: records[:, getattr(kernel, f"T_{name.upper()}")] for name in (
        "asset", "side", "entry", "exit", "price_in", "price_out", "pnl", "reason", "ambiguous", "quantity", "fees", "cell",
    )}  # fmt: skip
    entry, leave = column["entry"].astype(np.int64), column["exit"].astype(np.int64)
    times = pd.DatetimeIndex(market.panel.times_ns[market.window.start : market.window.stop], tz="UTC")
    symbols = np.array(market.panel.symbols, object)
    tags = np.full(len(records), "", object)
    if signals.tag is not None:
        is_long = column["side"] > 0
        tags[is_long] = np.array(signals.tag_names, object)[signals.tag[column["cell"].astype(np.int64)[is_long]]]
    return pd.DataFrame(
        {
            "symbol": symbols[column["asset"].astype(np.int64)],
            "direction": np.where(column["side"] > 0, "long", "short"),
            "entry_bar": entry,
            "exit_bar": leave,
            "entry_price": column["price_in"],
            "exit_price": column["price_out"],
            "pnl": column["pnl"],
            "reason": np.array(TRADE_REASONS, object)[column["reason"].astype(np.int64)],
            "ambiguous": column["ambiguous"].astype(bool),
            "entry_time": times[entry],
            "exit_time": times[leave],
            "bars_held": leave - entry + 1,
            "return": column["pnl"] / (column["price_in"] * column["quantity"]),
            "quantity": column["quantity"],
            "fees": column["fees"],
            "entry_tag": tags,
        }
    )


def hold_everything(market: Market) -> Signals:
    """Buy and hold: an entry on every bar and no exit, so that each asset is bought at its first possible open."""
    shape = (market.window.bars, market.panel.assets)
    return Signals(shape[0], shape[1], entries=pack_bits(np.ones(shape, bool, order="F")))
