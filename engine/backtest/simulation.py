"""`simulate_signals`: what packed signals earn on a window of a panel, from the compiled kernel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from engine.backtest import kernel
from engine.backtest import shared_cash as shared
from engine.market.bars import Panel
from engine.records import TRADE_REASONS, Costs, RiskValue, SharedCash, Signals, Window
from engine.strategy.packing import BITS, RISKS, pack_bits, words_for

BATCH = 8
"""Scenarios that are simulated together, asset by asset; more gain nothing, since their curves crowd the cache."""
_NO_CELLS = np.zeros(0)
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

    @cached_property
    def possible(self) -> np.ndarray:
        """Packed (assets, words): an entry may be decided at that close, which exists, as does the next open; read-only."""
        exists = self.panel.exists[self.window.start : self.window.stop]
        flags = exists.copy(order="F")
        flags[:-1] &= exists[1:]
        flags[-1:] = flags[: self.window.warm_up_bars] = False
        return pack_bits(flags)


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
    """What one scenario did. `sums` (assets, kernel.SUMS); `facts` (kernel.FACTS,); `daily_equity` (days,): equity at the last
    close of each UTC day as a multiple of starting capital. `trades` counts open positions too.
    """

    sums: np.ndarray
    facts: np.ndarray
    daily_equity: np.ndarray
    trades: int


@dataclass(frozen=True, eq=False)
class TracedSimulation(Simulation):
    """The same with its `curves` (3, bars): equity as a multiple of starting capital, deployed and largest position in
    sleeves.
    """

    curves: np.ndarray

    @property
    def equity(self) -> np.ndarray:
        """(bars,) portfolio equity at each close, starting capital = 1."""
        return self.curves[kernel.EQUITY]


class Room:
    """Memory that the kernel works in, for one thread: used again for every batch, it stays in the cache."""

    def __init__(self, bars: int) -> None:
        self.curves, self.steps = np.zeros((BATCH, bars, 3)), np.zeros((BATCH, bars + 1))


def _risk_table(batch: Sequence[Signals]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`scalars`, `cells` and `offsets` as the kernel wants them."""
    values = [[getattr(signals, name) for name in RISKS] for signals in batch]
    scalars = np.array([[-1.0 if v is None or isinstance(v, np.ndarray) else float(v) for v in row] for row in values])
    arrays = [v if isinstance(v, np.ndarray) else _NO_CELLS for row in values for v in row]
    ends = np.cumsum([len(a) for a in arrays]).reshape(len(batch), len(RISKS))
    starts = np.concatenate([[0], ends[:-1, -1]])
    return scalars, np.concatenate(arrays), np.column_stack([starts, ends]).astype(np.int64)


def _ranks(batch: Sequence[Signals], shared_cash: SharedCash | None) -> tuple[np.ndarray, np.ndarray]:
    """All ranks in a row, and (scenarios, 2) where each scenario's begin and end; empty where nobody asks for them."""
    given = [_NO_CELLS if s.rank is None or shared_cash is None else s.rank for s in batch]
    ends = np.cumsum([len(rank) for rank in given])
    return np.concatenate(given), np.column_stack([np.append(0, ends[:-1]), ends]).astype(np.int64)


def _table(batch: Sequence[Signals], name: str) -> np.ndarray:
    """The tables of that name in one piece (scenarios, assets, words); without words if no scenario has one."""
    tables = [getattr(signals, name) for signals in batch]
    shape = (len(batch), batch[0].assets)
    if all(t is None for t in tables):
        return np.zeros((*shape, 0), np.uint64)
    if len(tables) == 1:
        return np.ascontiguousarray(tables[0])[None]
    out = np.zeros((*shape, words_for(batch[0].bars)), np.uint64)
    for place, table in zip(out, tables, strict=True):
        if table is not None:
            place[:] = table
    return out


def _run(
    market: Market, batch: Sequence[Signals], costs: Costs, shared_cash: SharedCash | None, *, room: Room,
    trades: np.ndarray = _NO_TRADES,
) -> list[Simulation]:  # fmt: skip
    assets, bars, count = market.panel.assets, market.window.bars, len(batch)
    for signals in batch:
        if (signals.assets, signals.bars) != (assets, bars):
            raise ValueError(f"signals are {signals.bars} bars x {signals.assets} assets, the window {bars} x {assets}")
    scalars, cells, offsets = _risk_table(batch)
    ranks, rank_ends = _ranks(batch, shared_cash)
    names_cells = len(cells) > 0 or len(ranks) > 0 or len(trades) > 0  # a recorded trade names its deciding cell, for its tag
    cell_of_word = np.zeros((count, assets, words_for(bars) if names_cells else 0), np.int64)
    sums, facts, made = np.zeros((count, assets, kernel.SUMS)), np.zeros((count, kernel.FACTS)), np.zeros(count, np.int64)
    curves = room.curves[:count]
    tables = [_table(batch, name) for name in BITS]
    counts = np.array([s.max_bars or 0 for s in batch]), np.array([s.cooldown for s in batch])
    window = market.prices, market.window.start, bars, market.delist_bars
    rates = costs.fee_rate, costs.slippage_rate, costs.beyond_rate
    results = sums, facts, trades, made, curves, room.steps[:count], cell_of_word
    if shared_cash is None:
        first = market.window.warm_up_bars
        kernel.simulate(*window, first, *tables, scalars, cells, offsets, *counts, *rates, *results)  # type: ignore[call-arg]
    else:
        shared.simulate(
            *window, market.possible, *tables, scalars, cells, offsets, ranks, rank_ends, *counts, *rates,
            min(shared_cash.max_positions, assets), shared_cash.fraction, *results,
            np.zeros((bars + 1, 2)), np.zeros((64, words_for(assets)), np.uint64), np.zeros((assets, 3), np.int64),
            np.zeros((2, assets)),
        )  # fmt: skip
    daily = curves[:, market.day_ends, kernel.EQUITY]
    return [Simulation(*found) for found in zip(sums, facts, daily, map(int, made), strict=True)]


def simulate_batch(
    market: Market, batch: Sequence[Signals], costs: Costs, room: Room, shared_cash: SharedCash | None = None
) -> list[Simulation]:
    """Figures' raw material of at most BATCH scenarios, equal bit for bit to what each gives alone. Releases the GIL.

    `room`: of the window's bars, and this thread's own. `shared_cash` None: each asset is a sleeve. Raises ValueError if
    signals are not of the window's shape.
    """
    return _run(market, batch, costs, shared_cash, room=room) if batch else []


def _trace(
    market: Market, signals: Signals, costs: Costs, shared_cash: SharedCash | None, trades: np.ndarray = _NO_TRADES
) -> TracedSimulation:
    room = Room(market.window.bars)
    (found,) = _run(market, [signals], costs, shared_cash, room=room, trades=trades)
    return TracedSimulation(found.sums, found.facts, found.daily_equity, found.trades, np.ascontiguousarray(room.curves[0].T))


def simulate_signals(market: Market, signals: Signals, costs: Costs, shared_cash: SharedCash | None = None) -> TracedSimulation:
    """One scenario with its curves; equal inputs give equal bits. Raises ValueError if signals are not of the window's shape."""
    return _trace(market, signals, costs, shared_cash)


def simulate_trades(
    market: Market, signals: Signals, costs: Costs, shared_cash: SharedCash | None = None
) -> tuple[TracedSimulation, pd.DataFrame]:
    """The same simulation with its trades as a frame, in order of asset and entry.

    Columns: symbol, direction, entry_bar, exit_bar (bars of the window), entry_price, exit_price (after slippage), pnl
    (after fees, in units of the sleeve's starting capital), reason, ambiguous; then entry_time, exit_time (UTC, of the
    bars' opens), bars_held (closes at which it was held), return (P/L per entry notional), quantity, fees (paid so far),
    entry_tag; then what the deciding close said and held for it: stop_loss, take_profit, trailing_stop, size, rank, NaN where
    the strategy gave none. A position that is still open has reason `open`, the window's last bar, and the last close less
    slippage as price.
    """
    count = simulate_signals(market, signals, costs, shared_cash).trades
    records = np.zeros((max(count, 1), kernel.TRADE_COLUMNS))
    simulation = _trace(market, signals, costs, shared_cash, records)
    made = records[:count]
    return simulation, _trade_frame(market, signals, made[np.lexsort((made[:, kernel.T_ENTRY], made[:, kernel.T_ASSET]))])


def _trade_frame(market: Market, signals: Signals, records: np.ndarray) -> pd.DataFrame:
    column = {name: records[:, getattr(kernel, f"T_{name.upper()}")] for name in (
        "asset", "side", "entry", "exit", "price_in", "price_out", "pnl", "reason", "ambiguous", "quantity", "fees", "cell",
    )}  # fmt: skip
    entry, leave = column["entry"].astype(np.int64), column["exit"].astype(np.int64)
    times = pd.DatetimeIndex(market.panel.times_ns[market.window.start : market.window.stop], tz="UTC")
    symbols = np.array(market.panel.symbols, object)
    tags = np.full(len(records), "", object)
    asset, is_open = column["asset"].astype(np.int64), column["reason"] == kernel.STILL_OPEN
    closes = np.cumsum(market.panel.exists[market.window.start : market.window.stop], axis=0, dtype=np.int32)
    before = np.where(entry > 0, closes[entry - 1, asset], 0)
    held = closes[leave, asset] - before - ~is_open  # it was not held at the close of the bar that it left in
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
            "bars_held": held.astype(np.int64),
            "return": column["pnl"] / (column["price_in"] * column["quantity"]),
            "quantity": column["quantity"],
            "fees": column["fees"],
            "entry_tag": tags,
            **{name: _at_cells(getattr(signals, name), column["cell"].astype(np.int64)) for name in (*RISKS, "rank")},
        }
    )


def _at_cells(value: RiskValue, cells: np.ndarray) -> np.ndarray:
    """What a strategy gave at those deciding cells."""
    return value[cells] if isinstance(value, np.ndarray) else np.full(len(cells), np.nan if value is None else value)


def hold_everything(market: Market) -> Signals:
    """An entry on every bar and no exit, so that each asset is bought at its first possible open."""
    shape = (market.window.bars, market.panel.assets)
    return Signals(shape[0], shape[1], entries=pack_bits(np.ones(shape, bool, order="F")))


def simulate_hold(market: Market, costs: Costs) -> TracedSimulation:
    """Buy and hold over the whole window, bars of warm-up included."""
    whole = replace(market, window=replace(market.window, warm_up_bars=0))
    return simulate_signals(whole, hold_everything(whole), costs)
