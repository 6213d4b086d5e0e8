"""The execution rules once more, slowly: one asset, bar after bar, plain Python, written from the rules and not from the kernel.

Tests hold the kernel against it, and pages show what it says of a trade beside what the kernel has recorded. The rules' numbers
stand at the code that carries them out: 1 the open, 2 inside the bar, 3 the close, 4 missing bars, 5 the floor. Money is kept
as an account: cash, and units held (below zero when short).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Bar = tuple[float, float, float, float]


@dataclass
class Orders:
    """What a strategy wants of one asset. Flags: one bool a bar. Risk values: None, a number, or one number a bar."""

    entries: Sequence[bool]
    exits: Sequence[bool]
    short_entries: Sequence[bool]
    short_exits: Sequence[bool]
    stop_loss: Any = None
    take_profit: Any = None
    trailing_stop: Any = None
    size: Any = None
    max_bars: int | None = None
    cooldown: int = 0

    def value(self, name: str, t: int) -> float | None:
        """A risk value as it stands at the close of bar t."""
        value = getattr(self, name)
        return value[t] if isinstance(value, list) else value

    def side_wanted(self, t: int) -> int:
        """+1, -1 or 0: the entry decided at the close of t. Own exits veto, a tie cancels, a NaN risk value means none."""
        risks = [self.value(name, t) for name in ("stop_loss", "take_profit", "trailing_stop", "size")]
        if any(risk is not None and math.isnan(risk) for risk in risks):
            return 0
        long = self.entries[t] and not self.exits[t]
        short = self.short_entries[t] and not self.short_exits[t]
        return int(long) - int(short)


@dataclass
class Position:
    side: int
    entry_bar: int
    price_in: float
    quantity: float
    cash_before: float
    stop: float | None
    target: float | None
    trail: float | None
    best: float
    pending: str | None = None
    closes_held: int = 0


@dataclass
class Sleeve:
    """One asset's account and what happened to it."""

    fee: float
    slip: float
    cash: float = 1.0
    position: Position | None = None
    first_decision: int = 0
    is_ruined: bool = False
    trades: list[dict[str, Any]] = field(default_factory=list)
    beyond: float = 0.0

    def worth(self, price: float) -> float:
        """Cash and what the units held are worth at that price."""
        return self.cash + (self.position.side * self.position.quantity * price if self.position else 0.0)

    def after_exit(self, price: float) -> float:
        """Cash after leaving the position at that fill price."""
        assert self.position
        return self.worth(price) - self.fee * self.position.quantity * price

    def slipped(self, price: float) -> float:
        """What leaving at the market costs: sells fill lower, buys higher."""
        assert self.position
        return price * (1 - self.slip) if self.position.side > 0 else price * (1 + self.slip)

    def enter(self, t: int, side: int, opened: float, orders: Orders) -> None:
        price = opened * (1 + self.slip) if side > 0 else opened * (1 - self.slip)
        size, trail = orders.value("size", t - 1), orders.value("trailing_stop", t - 1)
        stop, target = orders.value("stop_loss", t - 1), orders.value("take_profit", t - 1)
        quantity = self.cash * (1.0 if size is None else size) / (price * (1 + self.fee))
        before = self.cash
        self.cash -= side * quantity * price + self.fee * quantity * price
        self.position = Position(
            side, t, price, quantity, before,
            None if stop is None else price * (1 - stop if side > 0 else 1 + stop),
            None if target is None else price * (1 + target if side > 0 else 1 - target),
            trail, price,
        )  # fmt: skip

    def leave(self, t: int, price: float, reason: str, ambiguous: bool = False) -> None:
        position = self.position
        assert position
        cash = self.after_exit(price)
        if reason == "liquidated" or cash <= 0:  # 5: no sleeve falls below zero
            reason, cash, self.is_ruined = "liquidated", 0.0, True
        self.record(t, price, cash - position.cash_before, reason, ambiguous)
        self.cash, self.position = cash, None

    def record(self, t: int, price: float, pnl: float, reason: str, ambiguous: bool = False) -> None:
        p = self.position
        assert p
        self.trades.append({
            "direction": "long" if p.side > 0 else "short", "entry_bar": p.entry_bar, "exit_bar": t, "entry_price": p.price_in,
            "exit_price": price, "pnl": pnl, "reason": reason, "ambiguous": ambiguous, "quantity": p.quantity,
            "fees": self.fee * p.quantity * (p.price_in + (0.0 if reason == "open" else price)), "bars_held": p.closes_held,
        })  # fmt: skip

    def inside(self, t: int, bar: Bar) -> bool:
        """2 and 5 on the part of the bar after its open; true if the position was stopped out."""
        p = self.position
        assert p
        opened, high, low, _ = bar
        stop, reason = p.stop, "stop_loss"
        if p.trail is not None:
            trailing = p.best * (1 - p.trail if p.side > 0 else 1 + p.trail)
            if stop is None or (trailing > stop if p.side > 0 else trailing < stop):
                stop, reason = trailing, "trailing_stop"

        def falls_to(price: float, level: float | None) -> bool:  # "falls" as a long sees it
            return level is not None and (price <= level if p.side > 0 else price >= level)

        def rises_to(price: float, level: float | None) -> bool:
            if level is None:
                return False
            reach = level * (1 + p.side * self.beyond)
            return price >= reach if p.side > 0 else price <= reach

        worst, best = (low, high) if p.side > 0 else (high, low)
        if falls_to(opened, stop):
            self.leave(t, self.slipped(opened), reason)
        elif rises_to(opened, p.target):
            self.leave(t, opened, "take_profit")
            return False
        elif falls_to(worst, stop):
            assert stop is not None
            self.leave(t, self.slipped(stop), reason, ambiguous=rises_to(best, p.target))
        elif self.worth(worst) <= 0:
            self.leave(t, self.cash / p.quantity, "liquidated")  # the price at which a short is worth nothing
        elif rises_to(best, p.target):
            assert p.target is not None
            self.leave(t, p.target, "take_profit")
            return False
        return self.position is None

    def decide(self, t: int, orders: Orders) -> None:
        """3: what the close of t makes pending for the next bar's open."""
        p = self.position
        assert p
        if p.pending is None:
            if (orders.exits if p.side > 0 else orders.short_exits)[t]:
                p.pending = "exit_signal"
            elif orders.side_wanted(t) == -p.side:
                p.pending = "reverse"
            elif orders.max_bars is not None and t - p.entry_bar + 1 >= orders.max_bars:
                p.pending = "max_bars"


def bars_of(prices: np.ndarray) -> list[Bar | None]:
    """The bars of an array (bars, 4) of open, high, low, close; one that is not whole and positive is none."""
    return [tuple(map(float, row)) if (np.isfinite(row) & (row > 0)).all() else None for row in prices]  # type: ignore[misc]


def simulate(
    bars: Sequence[Bar | None], orders: Orders, *, fee: float, slip: float, beyond: float = 0.0, warm_up: int = 0,
    ends_for_good: bool = False, cash: float = 1.0,
) -> tuple[list[dict[str, Any]], list[float]]:  # fmt: skip
    """(trades, equity at each close) of one sleeve that begins with that cash; a missing bar is None.

    `beyond`: a target is filled where the price comes that fraction beyond it. `ends_for_good`: the asset leaves the market
    after its last bar here. A position left open is the last trade, `open`.
    """
    sleeve, equity, last_close = Sleeve(fee, slip, cash, first_decision=warm_up, beyond=beyond), [], math.nan
    last = max((t for t, bar in enumerate(bars) if bar is not None), default=-1)
    for t, bar in enumerate(bars):
        if bar is not None:  # 4: no fills and no decisions on a missing bar
            if sleeve.position and sleeve.position.pending:
                sleeve.leave(t, sleeve.slipped(bar[0]), sleeve.position.pending)
            may_decide = t >= 1 and bars[t - 1] is not None and t - 1 >= sleeve.first_decision
            if sleeve.position is None and may_decide and not sleeve.is_ruined and (side := orders.side_wanted(t - 1)):
                sleeve.enter(t, side, bar[0], orders)
            if sleeve.position and sleeve.inside(t, bar):
                sleeve.first_decision = t + orders.cooldown
            if sleeve.position and t == last and ends_for_good:
                sleeve.leave(t, sleeve.slipped(bar[3]), "delisted")
            if sleeve.position:
                p = sleeve.position
                p.closes_held += 1
                p.best = max(p.best, bar[1]) if p.side > 0 else min(p.best, bar[2])
                sleeve.decide(t, orders)
            last_close = bar[3]
        equity.append(sleeve.worth(last_close) if sleeve.position else sleeve.cash)
    if sleeve.position:
        price = sleeve.slipped(last_close)
        sleeve.record(len(bars) - 1, price, max(sleeve.after_exit(price), 0.0) - sleeve.position.cash_before, "open")
    return sleeve.trades, equity
