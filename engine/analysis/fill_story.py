"""One trade's arithmetic, step by step: what was decided, at which price it filled and why, where its stop and target lay, what
it cost and came to; and what the slow twin says of the same trade.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.decisions import unpack_signals
from engine.backtest import slow_twin
from engine.backtest.levels import trade_levels
from engine.backtest.portfolio import Result
from engine.strategy.packing import BITS, RISKS

COSTS, OPEN, INSIDE, CLOSE, ENDS, FLOOR = "Costs", "1", "2", "3", "4", "5"
"""The sections of docs/execution.md that a step follows."""
_AT_OPEN = {"exit_signal": "an exit signal", "reverse": "a signal of the other side", "max_bars": "the longest time to be held"}
_COMPARED = ("entry_bar", "exit_bar", "entry_price", "exit_price", "quantity", "fees", "pnl", "reason", "ambiguous")


@dataclass(frozen=True)
class Step:
    """`bar`: of the window; `rule`: section of the execution rules; `what` in words; `sum` is the arithmetic, with its result."""

    bar: int
    rule: str
    what: str
    sum: str


@dataclass(frozen=True, eq=False)
class FillStory:
    """`trade`: its row of `simulate_trades`; `levels`: `trade_levels`; `twin`: the slow twin's trade, None if it made none;
    `differs`: names of what differs between the two."""

    trade: pd.Series
    steps: tuple[Step, ...]
    levels: pd.DataFrame
    twin: dict[str, Any] | None
    differs: tuple[str, ...]


def fill_story(result: Result, number: int, *, unit: float = 1.0, currency: str = "sleeves") -> FillStory:
    """The story of the trade at that position of the result's trades. `unit`: what one sleeve's starting capital is in that
    currency."""
    trade = result.trades.iloc[number]
    levels = trade_levels(result.market, result.trades.iloc[[number]])
    twin = _twin(result, trade)
    differs = _COMPARED if twin is None else tuple(name for name in _COMPARED if not _equal(trade[name], twin[name]))
    told = _Teller(result, trade, levels, unit, currency)
    return FillStory(trade, told.steps(), levels, twin, differs)


def _equal(own: Any, other: Any) -> bool:
    return bool(own == other) or (isinstance(other, float) and math.isclose(own, other, rel_tol=1e-9, abs_tol=1e-9))


def _twin(result: Result, trade: pd.Series) -> dict[str, Any] | None:
    """The slow twin's trade that begins at the same bar. A sleeve is lived through from its first bar; under shared cash the
    stake is taken as given, since it hangs on all other assets."""
    market, costs = result.market, result.costs
    asset = market.panel.symbols.index(trade["symbol"])
    decided = unpack_signals(result.signals, [asset])
    is_shared = result.shared_cash is not None
    first = int(trade["entry_bar"]) - 1 if is_shared else 0
    risks: dict[str, Any] = {
        name: decided.values[name][0, first:].tolist() if name in decided.values else decided.constants[name] for name in RISKS
    }
    stake = float(trade["quantity"] * trade["entry_price"]) * (1 + costs.fee_rate)
    orders = slow_twin.Orders(
        **{name: decided.flags[name][0, first:].tolist() for name in BITS}, **(risks | {"size": None} if is_shared else risks),
        max_bars=result.signals.max_bars, cooldown=result.signals.cooldown,
    )  # fmt: skip
    prices = market.panel.by_bar[asset, market.window.start + first : market.window.stop]
    trades, _ = slow_twin.simulate(
        slow_twin.bars_of(prices), orders, fee=costs.fee_rate, slip=costs.slippage_rate, beyond=costs.beyond_rate,
        warm_up=max(market.window.warm_up_bars - first, 0), ends_for_good=bool(market.delist_bars[asset] >= 0),
        cash=stake if is_shared else 1.0,
    )  # fmt: skip
    for found in trades:
        if found["entry_bar"] + first == trade["entry_bar"]:
            return found | {"entry_bar": found["entry_bar"] + first, "exit_bar": found["exit_bar"] + first}
    return None


class _Teller:
    """Tells one trade."""

    def __init__(self, result: Result, trade: pd.Series, levels: pd.DataFrame, unit: float, currency: str) -> None:
        self._result, self._trade, self._levels, self._unit, self._currency = result, trade, levels, unit, currency
        market = result.market
        asset = market.panel.symbols.index(trade["symbol"])
        self._bars = market.panel.by_bar[asset, market.window.start : market.window.stop]
        self._fee, self._slip = result.costs.fee_rate, result.costs.slippage_rate
        self._entry, self._exit = int(trade["entry_bar"]), int(trade["exit_bar"])
        self._is_long = trade["direction"] == "long"

    def steps(self) -> tuple[Step, ...]:
        return (self._decided(), *self._entered(), *self._guarded(), *self._left(), self._made())

    def _money(self, amount: float) -> str:
        return f"{amount * self._unit:,.2f} {self._currency}"

    def _slipped(self, price: float, *, buys: bool) -> str:
        """`100 × (1 + 0.0005)`: what the market charges who buys or sells."""
        return f"{_price(price)} × (1 {'+' if buys else '-'} {self._slip:g})"

    def _decided(self) -> Step:
        trade, bar = self._trade, self._entry - 1
        tag = f", entry rule {trade['entry_tag']}" if trade["entry_tag"] else ""
        wish = {"stop_loss": "stop", "take_profit": "target", "trailing_stop": "trailing stop", "size": "size"}
        values = [f"{label} {trade[name]:.6g}" for name, label in wish.items() if not np.isnan(trade[name])]
        asked = f"; {', '.join(values)}" if values else ""
        return Step(bar, OPEN, f"A {trade['direction']} entry was decided at this close{tag}{asked}", _price(self._bars[bar, 3]))

    def _entered(self) -> tuple[Step, Step]:
        trade, bar, price = self._trade, self._entry, float(self._trade["entry_price"])
        verb = "Bought" if self._is_long else "Sold short"
        fills = f"{self._slipped(self._bars[bar, 0], buys=self._is_long)} = {_price(price)}"
        size = 1.0 if np.isnan(trade["size"]) else float(trade["size"])
        quantity = float(trade["quantity"])
        cash = quantity * price * (1 + self._fee)
        whole = self._money(cash / size) + (f" × {size:g}" if size != 1 else "")
        if self._result.shared_cash is not None:
            whole = self._money(cash)
        units = f"{whole} / ({_price(price)} × (1 + {self._fee:g})) = {quantity * self._unit:,.8g} units"
        source = "The stake" if self._result.shared_cash is not None else "The sleeve's cash"
        return (
            Step(bar, OPEN, f"{verb} at the next open, slippage against it", fills),
            Step(bar, COSTS, f"{source} bought so much, fee included", units),
        )

    def _guarded(self) -> list[Step]:
        """Where stop and target lay at first, and how far a trailing stop came."""
        trade, price, found = self._trade, float(self._trade["entry_price"]), []
        against, ahead = ("-", "+") if self._is_long else ("+", "-")
        if not np.isnan(trade["stop_loss"]):
            level = price * (1 - trade["stop_loss"] if self._is_long else 1 + trade["stop_loss"])
            text = f"{_price(price)} × (1 {against} {trade['stop_loss']:.6g}) = {_price(level)}"
            found.append(Step(self._entry, INSIDE, "The stop", text))
        if not np.isnan(trade["trailing_stop"]):
            last = self._levels.iloc[-1]
            moved = f"; the tighter of the stops on the last bar: {_price(last['stop'])}"
            text = f"best of earlier bars × (1 {against} {trade['trailing_stop']:.6g}){moved}"
            found.append(Step(self._entry, INSIDE, "The trailing stop, from the price of entry on", text))
        if not np.isnan(trade["take_profit"]):
            level = price * (1 + trade["take_profit"] if self._is_long else 1 - trade["take_profit"])
            text = f"{_price(price)} × (1 {ahead} {trade['take_profit']:.6g}) = {_price(level)}"
            found.append(Step(self._entry, INSIDE, "The target", text))
        return found

    def _left(self) -> list[Step]:
        trade, bar, reason = self._trade, self._exit, str(self._trade["reason"])
        opened, filled = self._bars[bar, 0], _price(float(trade["exit_price"]))
        if reason in _AT_OPEN:
            held = [t for t in range(self._entry, bar) if not np.isnan(self._bars[t, 3])]
            why = Step(held[-1] if held else self._entry, CLOSE, f"Its end was decided at this close by {_AT_OPEN[reason]}", "")
            fill = f"{self._slipped(opened, buys=not self._is_long)} = {filled}"
            return [why, Step(bar, OPEN, "Closed at the next open, slippage against it", fill)]
        if reason in ("stop_loss", "trailing_stop"):
            return self._stopped("stop" if reason == "stop_loss" else "trailing stop", filled)
        if reason == "take_profit":
            level = float(self._levels["target"].iloc[-1])
            if (opened >= level) if self._is_long else (opened <= level):
                return [Step(bar, INSIDE, "The bar opened at or beyond the target: out at the open, no slippage", filled)]
            best = self._bars[bar, 1] if self._is_long else self._bars[bar, 2]
            return [Step(bar, INSIDE, f"The bar reached the target ({_price(best)}): out at the target, no slippage", filled)]
        if reason == "liquidated":
            text = "A price of this bar would have taken more than there was: liquidated where nothing is left before exit costs"
            return [Step(bar, FLOOR, text, filled)]
        known = self._bars[: bar + 1, 3]
        price = f"{self._slipped(known[~np.isnan(known)][-1], buys=not self._is_long)} = {filled}"
        if reason == "delisted":
            return [Step(bar, ENDS, "The asset's bars end here: closed at its last close, slippage against it", price)]
        return [Step(bar, ENDS, "Still held when the window ends: valued at the last close, as if left there", price)]

    def _stopped(self, name: str, filled: str) -> list[Step]:
        bar, opened, level = self._exit, self._bars[self._exit, 0], float(self._levels["stop"].iloc[-1])
        if (opened <= level) if self._is_long else (opened >= level):
            text, price = f"The bar opened at or beyond the {name} at {_price(level)}: out at the open", opened
        else:
            worst = self._bars[bar, 2] if self._is_long else self._bars[bar, 1]
            text, price = f"The bar touched the {name} ({_price(worst)}): out at the stop", level
        found = [Step(bar, INSIDE, f"{text}, slippage against it", f"{self._slipped(price, buys=not self._is_long)} = {filled}")]
        if self._trade["ambiguous"]:
            text = "The target was touched by the same bar; which came first nobody knows, so the worse is taken"
            found.append(Step(bar, INSIDE, text, _price(float(self._levels["target"].iloc[-1]))))
        return found

    def _made(self) -> Step:
        trade = self._trade
        quantity, price_in, price_out = (float(trade[name]) for name in ("quantity", "entry_price", "exit_price"))
        first, last = (price_out, price_in) if self._is_long else (price_in, price_out)
        if trade["reason"] == "liquidated":
            text = f"all that there was: {self._money(trade['pnl'])}"
        else:
            fees = self._fee * quantity * (price_in + price_out)
            text = (
                f"{quantity * self._unit:,.8g} × ({_price(first)} - {_price(last)}) - fees of {self._money(fees)} ="
                f" {self._money(trade['pnl'])}"
            )
        return Step(self._exit, COSTS, f"P/L after costs, {trade['return']:+.3%} of what was put in", text)


def _price(value: float) -> str:
    return f"{value:,.8g}"
