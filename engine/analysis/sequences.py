"""Trades that follow each other: repeated stop-outs, on one asset and over the market, and rows of losses and of wins.

Each kind is held against a random order of the same trades: what every trade came to is dealt anew among the times at which
trades were made, and counted again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.analysis.shuffles import chained, chained_draws, crowded_draws, longest_draws, longest_row
from engine.analysis.trade_table import follows, is_stopped
from engine.features.entry_states import RECENT, STATES

LEAST = 3
"""So many stop-outs make a sequence."""
CROWD_SHARE = 0.1
SHOWN = 10
_HOUR_NS = 3_600_000_000_000
TELLING = 0.3
"""A state tells the trades of a sequence from the others if its means lie so many standard deviations apart."""


@dataclass(frozen=True)
class Episode:
    """One sequence: positions of its trades in the table, the bars from its first entry to its last exit, its P/L as a share of
    all starting capital; `asset` None where it spreads over several."""

    trades: tuple[int, ...]
    asset: int | None
    first_bar: int
    last_bar: int
    pnl: float


@dataclass(frozen=True)
class Sequences:
    """All sequences of one kind. `count` of them, with so many `trades` and a `pnl` as a share of all starting capital; the
    `longest`; `chance`: the share of random orders that show at least as much; `usual`: what they show on average, in trades (in
    the longest row for streaks); `episodes`: those that made or cost most, first; `state`: (label, mean in them, mean of the
    other trades) of the states that tell them apart; `members`: (trades,) which
    belong to one; `within`: (trades,) which were entered when a sequence was known to be under
    way, None for streaks."""

    kind: str
    what: str
    count: int
    trades: int
    pnl: float
    longest: int
    chance: float
    usual: float
    episodes: tuple[Episode, ...]
    state: tuple[tuple[str, float, float], ...]
    members: np.ndarray
    within: np.ndarray | None = None


def sequences(table: pd.DataFrame, assets: int, *, seed: int = 0) -> list[Sequences]:
    """What there is of each kind in a trade table; nothing of a kind that does not occur. Equal seeds give equal chances."""
    if not len(table):
        return []
    return [found for found in _all(table, assets, seed) if found.count]


def _all(table: pd.DataFrame, assets: int, seed: int) -> Iterator[Sequences]:
    asset, stopped = table["asset"].to_numpy(np.int64), is_stopped(table)
    near = follows(table)
    chain = np.cumsum(~(near & stopped & np.append(False, stopped[:-1]))) - 1
    chains = _long(chain, stopped, LEAST)
    drawn = chained_draws(stopped, asset, near, LEAST, seed)
    what = (
        f"{LEAST} or more entries in a row on one asset, each stopped out at a loss and within {RECENT} bars of the stop before"
    )
    found = _of(table, assets, "stop_outs", what, chains, drawn, chained(stopped, near, LEAST))
    yield replace(found, within=(table["stops_before"] >= LEAST - 1).to_numpy())

    slot = np.unique(table["exit_time"].dt.as_unit("ns").astype("int64").to_numpy() // _HOUR_NS, return_inverse=True)[1]
    least = max(LEAST, int(np.ceil(CROWD_SHARE * assets)))
    counts = np.bincount(slot[stopped], minlength=slot.max() + 1)
    crowds = [np.flatnonzero(stopped & (slot == s)) for s in np.flatnonzero(counts >= least)]
    drawn = crowded_draws(stopped, slot, len(counts), least, seed)
    what = f"hours in which {least} or more assets were stopped out at a loss"
    found = _of(table, assets, "market_stop_outs", what, crowds, drawn, sum(map(len, crowds)))
    yield replace(found, within=_soon_after(table, crowds))

    won = (table["pnl"] > 0).to_numpy()
    by_exit = np.argsort(table["exit_bar"].to_numpy(), kind="stable")
    scopes = {
        "one asset": (np.arange(len(table)), asset),
        "all assets, by time of exit": (by_exit, np.zeros(len(table), np.int64)),
    }
    dealt = {scope: longest_draws(won[order], blocks, seed) for scope, (order, blocks) in scopes.items()}
    for place, (kind, flags, word) in enumerate((("losing_streak", ~won, "losses"), ("winning_streak", won, "wins"))):
        for scope, (order, blocks) in scopes.items():
            longest, drawn = longest_row(flags[order], blocks), dealt[scope][place]
            rows = [order[_row_of(longest, flags[order], blocks)]] if longest >= LEAST else []
            name = kind if scope == "one asset" else f"market_{kind}"
            yield _of(table, assets, name, f"longest row of {word} on {scope}", rows, drawn, longest)


def _soon_after(table: pd.DataFrame, crowds: list[np.ndarray]) -> np.ndarray:
    """Which trades were decided within RECENT bars of the last stop-out of a crowd."""
    ends = np.array([int(table["exit_bar"].iloc[crowd].max()) for crowd in crowds], np.int64)
    decided = table["entry_bar"].to_numpy(np.int64) - 1
    if not len(ends):
        return np.zeros(len(table), bool)
    place = np.searchsorted(ends, decided, side="right") - 1
    return (place >= 0) & (decided - ends[np.maximum(place, 0)] < RECENT)


def _long(chain: np.ndarray, flags: np.ndarray, least: int) -> list[np.ndarray]:
    """The chains of at least so many flagged trades, as positions."""
    length = np.bincount(chain, weights=flags)
    starts = np.searchsorted(chain, np.flatnonzero(length >= least))
    return [np.arange(s, s + int(length[chain[s]])) for s in starts]


def _row_of(length: int, flags: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Positions of the first row of so many flagged trades within a block."""
    edges = np.flatnonzero((np.diff(flags.astype(np.int8)) != 0) | (np.diff(blocks) != 0)) + 1
    starts = np.append(0, edges)
    lengths = np.diff(np.append(starts, len(flags)))
    first = starts[np.flatnonzero(flags[starts] & (lengths == length))[0]]
    return np.arange(first, first + length)


def _of(
    table: pd.DataFrame, assets: int, kind: str, what: str, found: list[np.ndarray], drawn: np.ndarray, measured: int
) -> Sequences:  # fmt: skip
    pnl = table["pnl"].to_numpy(float) / assets
    made = np.array([pnl[trades].sum() for trades in found])
    order = np.argsort(-np.abs(made), kind="stable")[:SHOWN]
    members = np.zeros(len(table), bool)
    members[[i for trades in found for i in trades]] = True
    return Sequences(
        kind, what, len(found), int(members.sum()), float(made.sum()), max(map(len, found), default=0),
        float((np.sum(drawn >= measured) + 1) / (len(drawn) + 1)), float(drawn.mean()),
        tuple(_episode(table, found[i], float(made[i])) for i in order), _telling(table, members), members,
    )  # fmt: skip


def _episode(table: pd.DataFrame, trades: np.ndarray, pnl: float) -> Episode:
    own = table.iloc[trades]
    asset = int(own["asset"].iloc[0]) if own["asset"].nunique() == 1 else None
    return Episode(tuple(map(int, trades)), asset, int(own["entry_bar"].min()), int(own["exit_bar"].max()), pnl)


def _telling(table: pd.DataFrame, inside: np.ndarray) -> tuple[tuple[str, float, float], ...]:
    """What was different when those trades were decided: the numbers that lie furthest from the other trades', at most two."""
    if not 0 < inside.sum() < len(table):
        return ()
    apart = []
    for state in (s for s in STATES if s.kind == "number"):
        values = table[state.name].to_numpy(float)
        if np.isnan(values[inside]).all() or np.isnan(values[~inside]).all():
            continue
        own, others, spread = np.nanmean(values[inside]), np.nanmean(values[~inside]), np.nanstd(values)
        if spread > 0 and abs(own - others) >= TELLING * spread:
            apart.append((abs(own - others) / spread, state.label, float(own), float(others)))
    return tuple((label, own, others) for _, label, own, others in sorted(apart, reverse=True)[:2])
