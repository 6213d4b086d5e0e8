"""Where probes cut: directly behind the bars that decided the trades which earned most, and at random bars."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.records import Signals

_DECIDED_EXITS = ("exit_signal", "reverse")
_EARLIEST, _LATEST = 0.1, 0.95
"""Random cuts lie between these shares of the bars."""
_RANDOM_EVERY = 3
"""Of so many cuts one is random, the others stand behind trades while there are any."""


def deciding_bars(trades: pd.DataFrame, symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(column, first bar behind the decision) of every entry and every exit by signal; the best-earning trade comes first."""
    best = trades.sort_values("pnl", ascending=False, kind="stable")
    column = pd.Index(symbols).get_indexer(pd.Index(best["symbol"]))
    left = best["reason"].isin(_DECIDED_EXITS).to_numpy()
    assets = np.stack([column, np.where(left, column, -1)], axis=1).ravel()
    bars = np.stack([best["entry_bar"], best["exit_bar"]], axis=1).ravel()
    return assets[assets >= 0], bars[assets >= 0]


def most_active(signals: Signals, assets: np.ndarray, count: int) -> list[int]:
    """Columns of the best-earning assets and of those with the most entries, without the reference asset if there are others.

    `assets`: columns as `deciding_bars` orders them.
    """
    entries = signals.entries if signals.short_entries is None else signals.entries | signals.short_entries
    busiest = np.argsort(-np.bitwise_count(entries).sum(axis=1, dtype=np.int64), kind="stable")
    best = list(dict.fromkeys(assets.tolist()))[: count // 2]
    chosen = [c for c in dict.fromkeys([*best, *busiest.tolist()]) if c > 0 or signals.assets == 1]
    return sorted(chosen[:count])


def by_asset(
    decided: tuple[np.ndarray, np.ndarray], columns: Sequence[int], bars: int, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Cuts (columns,) of `count` probes, another for each asset."""
    own = [list(dict.fromkeys(decided[1][decided[0] == column].tolist())) for column in columns]
    return list(np.stack([_mixed(cuts, bars, count, rng) for cuts in own], axis=1))


def common(
    decided: tuple[np.ndarray, np.ndarray], assets: int, first: int, bars: int, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Cuts (assets,) of `count` probes, all assets at one bar behind `first`."""
    own = [bar for bar in dict.fromkeys(decided[1].tolist()) if bar > first]
    return [np.full(assets, cut) for cut in _mixed(own, bars, count, rng, first=first)]


def _mixed(own: list[int], bars: int, count: int, rng: np.random.Generator, *, first: int = 0) -> np.ndarray:
    earliest, latest = (first + int(share * (bars - first)) for share in (_EARLIEST, _LATEST))
    cuts = rng.integers(max(first + 1, earliest), max(first + 2, latest), count)
    places = [i for i in range(count) if i % _RANDOM_EVERY != _RANDOM_EVERY - 1]
    taken = own[: len(places)]
    cuts[places[: len(taken)]] = taken
    return cuts
