"""A part of a test bed's market on which scenarios are seen first, so that the kernel does the whole work for few of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.backtest.simulation import Market, Room, open_market, simulate_batch
from engine.backtest.sweep import Outcomes, TestBed, hold_outcomes, outcomes_of
from engine.records import Signals
from engine.strategy.packing import BITS, RISKS, words_for

ASSET_SHARE, TIME_SHARE = 0.2, 0.3
LEAST_ASSETS, LEAST_BARS = 30, 500
"""With fewer assets, or bars, a part of them says too little."""
_BY_CELL = (*RISKS, "rank", "tag")


@dataclass(frozen=True, eq=False)
class Part:
    """Some assets over the whole window, or all assets over its first bars; `told` says which in words. `market`, `hold` and
    `columns` are of the part, `bed` is the whole."""

    bed: TestBed
    market: Market
    hold: Outcomes
    columns: np.ndarray
    told: str

    def outcomes(self, batch: Sequence[Signals], room: Room) -> Outcomes:
        """What at most BATCH scenarios do on the part; `room` is of its bars, and the thread's own."""
        cut = [cut_signals(signals, self.columns, self.market.window.bars) for signals in batch]
        return outcomes_of(simulate_batch(self.market, cut, self.bed.costs, room, self.bed.shared_cash), self.market)


def part_of(bed: TestBed, *, is_joint: bool) -> Part | None:
    """A fifth of the assets, drawn once and for all, or, if their scenarios are joint (assets compete for cash, or are compared
    with each other), the first three tenths of the bars; None where the market is too small for that."""
    panel, window = bed.market.panel, bed.market.window
    if is_joint or bed.shared_cash is not None:
        if window.bars < LEAST_BARS:
            return None
        first = replace(window, stop=window.start + round(TIME_SHARE * window.bars))
        market, columns = open_market(panel, first), np.arange(panel.assets)
        told = f"its first {first.bars:,} of {window.bars:,} bars"
    else:
        if panel.assets < LEAST_ASSETS:
            return None
        count = round(ASSET_SHARE * panel.assets)
        columns = np.sort(np.random.default_rng(0).choice(panel.assets, count, replace=False))
        market = open_market(panel.select(tuple(panel.symbols[c] for c in columns)), window)
        told = f"{count} of {panel.assets} assets"
    return Part(bed, market, hold_outcomes(market, bed.costs), columns, told)


def cut_signals(signals: Signals, columns: np.ndarray, bars: int) -> Signals:
    """The signals of those assets on the first `bars` bars."""
    last = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(-bars % 64)

    def cut(table: np.ndarray | None) -> np.ndarray | None:
        if table is None:
            return None
        out = np.ascontiguousarray(table[columns, : words_for(bars)])
        out[:, -1] &= last
        return out

    changed: dict[str, Any] = {name: cut(getattr(signals, name)) for name in BITS}
    by_cell = {name: getattr(signals, name) for name in _BY_CELL}
    if any(isinstance(value, np.ndarray) for value in by_cell.values()):
        kept = _decisions(changed["entries"], changed["short_entries"])
        cells = _cells(signals, columns, kept)
        changed |= {name: value[cells] for name, value in by_cell.items() if isinstance(value, np.ndarray)}
    return replace(signals, bars=bars, assets=len(columns), **changed)


def _cells(signals: Signals, columns: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Positions of the part's deciding cells among all of them: of each asset the first `kept`, as they are in bar order."""
    counts = _decisions(signals.entries, signals.short_entries)
    first = (np.cumsum(counts) - counts)[columns]
    return np.arange(kept.sum()) + np.repeat(first - (np.cumsum(kept) - kept), kept)


def _decisions(entries: np.ndarray, short_entries: np.ndarray | None) -> np.ndarray:
    """(assets,) number of deciding cells."""
    either = entries if short_entries is None else entries | short_entries
    return np.bitwise_count(either).sum(axis=1, dtype=np.int64)
