"""Shared cash once more, slowly: all assets, bar after bar, plain Python, written from the rules and not from the kernel.

Every position is an account of its own that starts with the stake it was given: `slow_twin.Sleeve` holds the rules for what
happens in it. Here stand who gets a stake, how much, and what comes back. Money is in units of 1/N of the capital.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.backtest.slow_twin import Bar, Orders, Sleeve
from engine.records import SharedCash

LEAST_CASH = 1e-9


@dataclass
class Asset:
    """One asset: its bars, what the strategy wants of it, the position it may have, and what became of those before.

    `pnl` is its P/L at each close, `rejected` how many entries found no place or no cash.
    """

    bars: Sequence[Bar | None]
    orders: Orders
    ranks: Sequence[float] | None
    ends_for_good: bool
    first_decision: int
    position: Sleeve | None = None
    last_close: float = math.nan
    trades: list[dict[str, Any]] = field(default_factory=list)
    pnl: list[float] = field(default_factory=list)
    rejected: int = 0

    def side_wanted(self, t: int) -> int:
        """The side that it would enter at the open of t, 0 for none."""
        if t < 1 or self.bars[t] is None or self.bars[t - 1] is None or self.position or t - 1 < self.first_decision:
            return 0
        return self.orders.side_wanted(t - 1)

    def open(self, t: int) -> float:
        bar = self.bars[t]
        assert bar is not None
        return bar[0]

    def rank(self, t: int) -> float:
        """Its rank at the deciding bar; none comes behind all others."""
        if self.ranks is None or math.isnan(self.ranks[t]):
            return -math.inf
        return self.ranks[t]

    def worth(self) -> float:
        """What its position is worth at the last close, the stake included."""
        return self.position.worth(self.last_close) if self.position else 0.0

    def mark(self) -> None:
        """Note the P/L so far, that of the position included."""
        stake = self.position.position.cash_before if self.position and self.position.position else 0.0
        self.pnl.append(sum(trade["pnl"] for trade in self.trades) + self.worth() - stake)

    def give_back(self) -> float:
        """The cash of a position that has ended."""
        assert self.position
        self.trades += self.position.trades
        cash, self.position = self.position.cash, None
        return cash


def simulate(assets: Sequence[Asset], shared: SharedCash, *, fee: float, slip: float, beyond: float = 0.0) -> list[float]:
    """Equity at each close as a multiple of starting capital; all else is noted in the assets."""
    free, equity = float(len(assets)), [float(len(assets))]
    bars = len(assets[0].bars)
    for t in range(bars):
        for asset in assets:  # exits of all assets come first
            bar, held = asset.bars[t], asset.position
            if bar is not None and held is not None and held.position and held.position.pending:
                held.leave(t, held.slipped(bar[0]), held.position.pending)
                free += asset.give_back()
        willing = [(asset, side) for asset in assets if (side := asset.side_wanted(t))]
        for asset, side in sorted(willing, key=lambda w: -w[0].rank(t - 1)):  # a stable sort: ties by column
            least = LEAST_CASH * max(equity[-1], equity[0])
            if sum(other.position is not None for other in assets) >= shared.max_positions or free <= least:
                asset.rejected += 1
                continue
            size = asset.orders.value("size", t - 1)
            stake = min(equity[-1] * shared.fraction * (1.0 if size is None else size), free)
            free -= stake
            asset.position = Sleeve(fee, slip, cash=stake, beyond=beyond)
            asset.position.enter(t, side, asset.open(t), replace(asset.orders, size=None))
        free += sum(during(asset, t) for asset in assets)
        equity.append(free + sum(asset.worth() for asset in assets))
        for asset in assets:
            asset.mark()
    for asset in assets:
        if held := asset.position:
            price = held.slipped(asset.last_close)
            assert held.position
            held.record(bars - 1, price, max(held.after_exit(price), 0.0) - held.position.cash_before, "open")
            asset.trades += held.trades
    return [e / len(assets) for e in equity[1:]]


def during(asset: Asset, t: int) -> float:
    """The bar after its open: the cash that comes back, for the next open."""
    bar, held = asset.bars[t], asset.position
    if bar is None:
        return 0.0
    asset.last_close = bar[3]
    if held is None:
        return 0.0
    is_last = all(b is None for b in asset.bars[t + 1 :])
    if held.inside(t, bar):
        if held.trades[-1]["reason"] in ("stop_loss", "trailing_stop"):
            asset.first_decision = t + asset.orders.cooldown
    elif held.position and is_last and asset.ends_for_good:
        held.leave(t, held.slipped(bar[3]), "delisted")
    if held.position is None:
        return asset.give_back()
    p = held.position
    p.closes_held += 1
    p.best = max(p.best, bar[1]) if p.side > 0 else min(p.best, bar[2])
    held.decide(t, asset.orders)
    return 0.0
