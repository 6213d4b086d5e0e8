"""Entries at random times: as many of each asset as the strategy made, held as long, while prices do what they like.

Whoever has a reason for entering when it does beats nearly all such draws; whoever has none beats a share of them that lies
anywhere between 0 and 1 (a permutation test: Aronson 2006, Evidence-Based Technical Analysis, chapter 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.decisions import unpack_signals
from engine.analysis.metrics import daily_returns, sharpe
from engine.analysis.twins import Twins
from engine.backtest.simulation import BATCH, Market, Room, simulate_batch
from engine.records import Costs, SharedCash, Signals
from engine.strategy.packing import pack_signals, unpack_bits

BLOCKS = 24
LEAST_PLACED = 0.9
"""Of entries, and of bars held, so many must find room elsewhere: who is always in the market has no other times."""


@dataclass(frozen=True, eq=False)
class _Trades:
    """The trades of one asset, in order of time. `rows`: bars at whose close an entry may be decided; `places`, `held`, `sides`,
    `sizes`: (trades,) where among these rows each was decided, from 0 to 1; bars held; +1 or -1; share of the sleeve."""

    asset: int
    rows: np.ndarray
    places: np.ndarray
    held: np.ndarray
    sides: np.ndarray
    sizes: np.ndarray


def random_entries(
    signals: Signals, trades: pd.DataFrame, market: Market, costs: Costs, *, n: int, seed: int,
    shared_cash: SharedCash | None = None,
) -> tuple[Twins, str]:  # fmt: skip
    """The strategy's Sharpe ratio beside those of `n` draws, and why there are none ("" if there are).

    `signals` and the `trades` that they made on that market, as `simulate_trades` gives them. A draw cuts the window into BLOCKS
    parts at random and puts them in random order, the same for all assets: trades that come together rise and fall together, and
    apart they would make the draws calmer than the strategy. Each trade goes with its part, with its side and size, and is left
    after as many bars as it was held, at the open: stops and targets decided how long, and are not asked again. A trade that was
    stopped in its first bar is held for one. Equal seeds give equal draws.
    """
    nothing = Twins(float("nan"), np.full(n, np.nan))
    if trades.empty:
        return nothing, "there are no trades to be made at other times"
    by_asset = _by_asset(signals, trades, market)
    wanted = trades["bars_held"].clip(lower=1).sum()
    if sum(len(of.held) for of in by_asset) < LEAST_PLACED * len(trades):
        return nothing, "it enters so often that there are no other times to enter"
    if sum(of.held.sum() for of in by_asset) < LEAST_PLACED * wanted:
        return nothing, "it is in the market nearly all the time, so that there are no other times"
    drawn = _draws(signals, by_asset, market, n, np.random.default_rng(seed))
    batch, daily, room = [signals], [], Room(market.window.bars)
    for draw in drawn:
        batch.append(draw)
        if len(batch) == BATCH:
            daily += [s.daily_equity for s in simulate_batch(market, batch, costs, room, shared_cash)]
            batch = []
    daily += [s.daily_equity for s in simulate_batch(market, batch, costs, room, shared_cash)]
    own, *twins = sharpe(daily_returns(np.array(daily)), market.panel.days_per_year).tolist()
    found = Twins(own, np.array(twins))
    return found, "" if np.isfinite(found.beaten) else "there are too few days for a Sharpe ratio"


def _by_asset(signals: Signals, trades: pd.DataFrame, market: Market) -> list[_Trades]:
    """The trades that find room on their asset's bars, held for less where they would not."""
    possible = unpack_bits(market.possible, market.window.bars)
    values = unpack_signals(signals).values.get("size")
    column = pd.Index(market.panel.symbols).get_indexer(pd.Index(trades["symbol"]))
    decided = trades["entry_bar"].to_numpy() - 1
    sizes = np.ones(len(trades)) if values is None else values[column, decided]
    sides = np.where(trades["direction"] == "long", 1, -1)
    out = []
    for asset in np.unique(column):
        rows, own = np.flatnonzero(possible[:, asset]), np.flatnonzero(column == asset)
        own = own[: len(rows) // 2]  # each takes a bar to be decided and one to be held at least
        held = np.maximum(trades["bars_held"].to_numpy()[own], 1)
        room = len(rows) - len(own)
        if held.sum() > room:
            held = np.maximum((held * (room - len(own)) / held.sum()).astype(np.int64), 1)
        places = np.searchsorted(rows, decided[own]) / max(len(rows), 1)
        out.append(_Trades(int(asset), rows, places, held, sides[own], sizes[own]))
    return out


def _draws(signals: Signals, by_asset: list[_Trades], market: Market, n: int, rng: np.random.Generator) -> Iterator[Signals]:
    shape = market.window.bars, market.panel.assets
    has_sizes = isinstance(signals.size, np.ndarray)
    for _ in range(n):
        flags = {name: np.zeros(shape, bool, order="F") for name in ("entries", "exits", "short_entries", "short_exits")}
        sizes = np.full(shape, np.nan, order="F") if has_sizes else None
        starts, moves = _rearranged(rng)
        for of in by_asset:
            moved = (of.places + moves[np.searchsorted(starts, of.places, side="right") - 1]) % 1.0
            order = np.argsort(moved, kind="stable")
            lengths = of.held[order] + 1
            last = np.cumsum(lengths) - 1 + _apart((moved[order] * len(of.rows)).astype(np.int64), lengths, len(of.rows))
            enter, leave, is_long = of.rows[last - lengths + 1], of.rows[last], of.sides[order] > 0
            flags["entries"][enter[is_long], of.asset] = flags["exits"][leave[is_long], of.asset] = True
            flags["short_entries"][enter[~is_long], of.asset] = flags["short_exits"][leave[~is_long], of.asset] = True
            if sizes is not None:
                sizes[enter, of.asset] = of.sizes[order]
        yield pack_signals(flags, {"size": signals.size if sizes is None else sizes})


def _rearranged(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(BLOCKS,) where each part of the time from 0 to 1 starts, and how far it moves."""
    starts = np.concatenate([[0.0], np.sort(rng.random(BLOCKS - 1))])
    lengths, order = np.diff(np.append(starts, 1.0)), rng.permutation(BLOCKS)
    after = np.empty(BLOCKS)
    after[order] = np.cumsum(lengths[order]) - lengths[order]
    return starts, after - starts + rng.random()


def _apart(wanted: np.ndarray, lengths: np.ndarray, rows: int) -> np.ndarray:
    """(trades,) free rows before each trade, so that each starts where it is `wanted`, or earlier where it would run into the
    next or beyond the last of the rows."""
    free = wanted - (np.cumsum(lengths) - lengths)
    earliest = np.minimum.accumulate(free[::-1])[::-1]
    return np.clip(earliest, 0, rows - lengths.sum())
