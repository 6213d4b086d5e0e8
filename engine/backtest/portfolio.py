"""One strategy's whole result on a window, and the same run as a vectorbt Portfolio. vectorbt lives here, imported late."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.backtest import kernel
from engine.backtest.simulation import Market, TracedSimulation, simulate_hold, simulate_trades
from engine.backtest.sweep import Outcomes, TestBed, outcomes_of, salt_of
from engine.records import Costs, Failure, Params, SharedCash, Signals
from engine.strategy.sandbox import SandboxPool


@dataclass(frozen=True, eq=False)
class Result:
    """All that one parameter set did on a window.

    `trades` as in `simulate_trades`. `equity`, `drawdown`, `exposure`, `buy_and_hold`: series over the bars' opens in UTC;
    equity is a multiple of starting capital at each close, drawdown a negative fraction, exposure a share of equity.
    """

    market: Market
    costs: Costs
    signals: Signals
    simulation: TracedSimulation
    trades: pd.DataFrame
    shared_cash: SharedCash | None = None

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        window = self.market.window
        return pd.DatetimeIndex(self.market.panel.times_ns[window.start : window.stop], tz="UTC", name="time")

    @cached_property
    def equity(self) -> pd.Series:
        return pd.Series(self.simulation.equity, self.times, name="equity")

    @cached_property
    def drawdown(self) -> pd.Series:
        peak = np.maximum(np.maximum.accumulate(self.simulation.equity), 1.0)
        return pd.Series(self.simulation.equity / peak - 1.0, self.times, name="drawdown")

    @cached_property
    def exposure(self) -> pd.Series:
        worth = np.where(self.simulation.equity > 0, self.simulation.equity * self.market.panel.assets, np.inf)
        return pd.Series(self.simulation.curves[kernel.DEPLOYED] / worth, self.times, name="exposure")

    @cached_property
    def buy_and_hold(self) -> pd.Series:
        return pd.Series(simulate_hold(self.market, self.costs).equity, self.times, name="buy_and_hold")

    @cached_property
    def outcomes(self) -> Outcomes:
        """The run as outcomes of one scenario, from which figures are computed."""
        return outcomes_of([self.simulation], self.market)


def run_strategy(source: str, params: Params, bed: TestBed, *, pool: SandboxPool, sides: str = "both") -> Result | Failure:
    """The whole result of one parameter set, or why there is none; its figures equal those of a sweep bit for bit."""
    salt = salt_of(source, bed.market.panel.data_hash)
    (signals,) = pool.signals(source, [params], bed.data, salt=salt, sides=sides)
    if isinstance(signals, Failure):
        return signals
    return run_signals(signals, bed.market, bed.costs, bed.shared_cash)


def run_signals(signals: Signals, market: Market, costs: Costs, shared_cash: SharedCash | None = None) -> Result:
    """The whole result of signals that are there already."""
    simulation, trades = simulate_trades(market, signals, costs, shared_cash)
    return Result(market, costs, signals, simulation, trades, shared_cash)


def as_vectorbt(result: Result) -> Any:
    """The same fills as a `vectorbt.Portfolio` with one column per asset and capital 1 each, for its statistics and plots; under
    shared cash one group of all columns has the whole of it.

    Built from order records, so that every fill is ours; vectorbt then says the same of equity, trades and P/L. It does not
    know liquidation: a sleeve that was liquidated differs by what the fill would have cost beyond its capital.
    """
    import vectorbt as vbt

    window, panel = result.market.window, result.market.panel
    rows = slice(window.start, window.stop)
    is_shared = result.shared_cash is not None
    wrapper = vbt.ArrayWrapper(
        result.times, pd.Index(panel.symbols), 2, freq=pd.Timedelta(seconds=panel.bar_s), group_by=is_shared or None
    )
    close = pd.DataFrame(panel.close[rows], result.times, pd.Index(panel.symbols)).ffill().bfill()
    return vbt.Portfolio(
        wrapper, close, _order_records(result), np.empty(0, vbt.portfolio.enums.log_dt),
        np.array([float(panel.assets)]) if is_shared else np.ones(panel.assets), cash_sharing=is_shared,
    )  # fmt: skip


def _order_records(result: Result) -> np.ndarray:
    """Entry and exit orders of every trade, by column and time, as vectorbt's order records."""
    from vectorbt.portfolio.enums import OrderSide, order_dt

    trades = result.trades
    column = pd.Index(result.market.panel.symbols).get_indexer(pd.Index(trades["symbol"]))
    long = (trades["direction"] == "long").to_numpy()
    closed = (trades["reason"] != "open").to_numpy()
    entry = _orders(order_dt, column, trades["entry_bar"], trades["quantity"], trades["entry_price"], result.costs)
    entry["side"] = np.where(long, OrderSide.Buy, OrderSide.Sell)
    leave = _orders(order_dt, column, trades["exit_bar"], trades["quantity"], trades["exit_price"], result.costs)
    leave["side"] = np.where(long, OrderSide.Sell, OrderSide.Buy)
    orders = np.concatenate([entry, leave[closed]])
    place = np.concatenate([np.arange(len(trades)) * 2, np.flatnonzero(closed) * 2 + 1])
    orders = orders[np.argsort(place)]
    orders["id"] = np.arange(len(orders))
    return orders


def _orders(kind: Any, column: np.ndarray, bar: Any, size: Any, price: Any, costs: Costs) -> np.ndarray:
    out = np.zeros(len(column), kind)
    out["col"], out["idx"], out["size"], out["price"] = column, bar, size, price
    out["fees"] = out["size"] * out["price"] * costs.fee_rate
    return out
