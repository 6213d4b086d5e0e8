"""Twins of a strategy: the same decisions at other times. Whoever times well beats most of them."""

from dataclasses import dataclass

import numpy as np

from engine.analysis.decisions import Decisions, unpack_signals
from engine.analysis.metrics import daily_returns, sharpe
from engine.backtest.simulation import BATCH, Market, Room, simulate_batch
from engine.records import Costs, SharedCash, Signals
from engine.strategy.packing import RISKS, pack_signals

LEAST_SHARE = 0.05
"""Of the window: no twin is shifted by less, to either side."""


@dataclass(frozen=True, eq=False)
class Twins:
    """`own`: the strategy's annualised Sharpe ratio; `twins` (n,): theirs, NaN where one did not trade."""

    own: float
    twins: np.ndarray

    @property
    def beaten(self) -> float:
        """Share of the twins below the strategy, ties counting half; NaN without any. Half of them is chance."""
        known = self.twins[np.isfinite(self.twins)]
        if not len(known) or not np.isfinite(self.own):
            return float("nan")
        return float(np.mean((known < self.own) + 0.5 * (known == self.own)))


def shifted_twins(
    signals: Signals, market: Market, costs: Costs, *, n: int = 20, seed: int = 0, shared_cash: SharedCash | None = None
) -> Twins:
    """The strategy against `n` twins, all simulated on that window.

    A twin takes every decision, with its stops and sizes, so many bars later, the same for all assets; what leaves the window at
    its end comes in at its beginning. So it enters as often, and holds as long as the rules say, while what prices do around its
    entries is left to chance. Offsets are drawn without replacement while there are enough. A decision that falls on a missing
    bar lapses. Equal seeds give equal twins.
    """
    bars = signals.bars
    least = max(1, round(LEAST_SHARE * bars))
    possible = np.arange(least, bars - least + 1)
    if not len(possible):
        return Twins(float("nan"), np.full(n, np.nan))
    offsets = np.random.default_rng(seed).choice(possible, n, replace=n > len(possible))
    decisions, room = unpack_signals(signals), Room(market.window.bars)
    moved = [signals, *(shifted(signals, decisions, int(offset)) for offset in offsets)]
    found = [
        simulation
        for at in range(0, len(moved), BATCH)
        for simulation in simulate_batch(market, moved[at : at + BATCH], costs, room, shared_cash)
    ]
    own, *twins = sharpe(daily_returns(np.array([s.daily_equity for s in found])), market.panel.days_per_year).tolist()
    return Twins(own, np.array(twins))


def shifted(signals: Signals, decisions: Decisions, offset: int, *, wraps: bool = True) -> Signals:
    """All decisions so many bars later: what leaves the window at its end comes in at its beginning, or not at all.

    `decisions`: the signals unpacked. Tags are left out.
    """

    def later(table: np.ndarray) -> np.ndarray:
        moved = np.roll(table, offset, axis=1)
        if not wraps:
            moved[:, :offset] = 0
        return moved.T

    flags = {name: later(table) for name, table in decisions.flags.items()}
    constants = {name: getattr(signals, name) for name in RISKS if name not in decisions.values}
    risks = {name: later(decisions.values[name]) for name in RISKS if name in decisions.values}
    rank = decisions.values.get("rank")
    return pack_signals(
        flags, constants | risks, max_bars=signals.max_bars, cooldown=signals.cooldown, rank=None if rank is None else later(rank)
    )
