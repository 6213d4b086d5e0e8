"""The peers that the bench runs on the same bars and signals: vectorbt twice, backtesting.py once, each on its best footing.

Imported by the bench alone. Both are imported when they are first run: vectorbt takes seconds, and backtesting.py is no
requirement of the app.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from engine.features.indicators import Indicators
from engine.market.bars import FIELDS, Panel
from engine.records import Costs, Params

Peer = Callable[[list[Params]], float]
"""Runs those scenarios and returns milliseconds per scenario of all the panel's assets."""


class Frames:
    """The panel as frames, with the EMA-cross signals that every peer is given."""

    def __init__(self, panel: Panel) -> None:
        self.index = pd.DatetimeIndex(panel.times_ns, tz="UTC")
        self.ta = Indicators()
        self.frame = {name: self._known(name, getattr(panel, name), list(panel.symbols)) for name in FIELDS}

    def _known(self, name: str, values: np.ndarray, symbols: list[str]) -> pd.DataFrame:
        """A read-only frame that `ta` knows, so that the peers' indicators are cached just as ours are."""
        by_asset = np.ascontiguousarray(values.T)
        by_asset.flags.writeable = False
        frame = pd.DataFrame(by_asset.T, self.index, symbols, copy=False)
        self.ta.register(frame, name)
        return frame

    def signals(self, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Entries and exits, computed as the strategy of the bench does."""
        close = self.frame["close"]
        fast, slow = self.ta.ema(close, params["fast"]), self.ta.ema(close, params["slow"])
        return self.ta.crossed_above(fast, slow), self.ta.crossed_below(fast, slow)


def vectorbt_from_signals(frames: Frames, costs: Costs) -> Peer:
    """vectorbt's `Portfolio.from_signals` on its Rust engine, and the metrics of its own that stand beside ours."""
    import vectorbt as vbt

    def run(params: list[Params]) -> float:
        began = time.perf_counter()
        for p in params:
            entries, exits = frames.signals(p)
            pf = vbt.Portfolio.from_signals(
                frames.frame["close"], entries, exits, open=frames.frame["open"], high=frames.frame["high"],
                low=frames.frame["low"], price=frames.frame["open"].shift(-1), sl_stop=p["stop_loss"], tp_stop=p["take_profit"],
                stop_entry_price="fillprice", stop_exit_price="stopmarket", fees=costs.fee_rate, slippage=costs.slippage_rate,
                freq="1h", engine="rust",
            )  # fmt: skip
            trades = pf.trades
            for metric in (
                pf.total_return, pf.sharpe_ratio, pf.sortino_ratio, pf.max_drawdown, trades.count, trades.win_rate,
                trades.profit_factor, trades.expectancy, trades.sqn,
            ):  # fmt: skip
                metric()
        return (time.perf_counter() - began) / len(params) * 1e3

    return run


def vectorbt_simulate(frames: Frames, costs: Costs) -> Peer:
    """vectorbt's lowest documented simulation call on plain arrays, Rust engine, no metrics at all."""
    from vectorbt.portfolio.dispatch import simulate_from_signals

    close = frames.frame["close"].to_numpy()
    shape = close.shape
    arrays = {f: np.ascontiguousarray(frames.frame[f].to_numpy()) for f in ("open", "high", "low", "close")}
    price = np.ascontiguousarray(frames.frame["open"].shift(-1).to_numpy())
    call_seq = np.tile(np.zeros(1, np.int64), shape)

    def run(params: list[Params]) -> float:
        began = time.perf_counter()
        for p in params:
            entries, exits = (np.ascontiguousarray(s.to_numpy()) for s in frames.signals(p))
            simulate_from_signals(
                shape, np.ones(shape[1], np.int64), np.full(shape[1], 100.0), call_seq, long_entries=entries, long_exits=exits,
                price=price, fees=np.asarray(costs.fee_rate), slippage=np.asarray(costs.slippage_rate),
                sl_stop=np.asarray(p["stop_loss"]), tp_stop=np.asarray(p["take_profit"]), stop_entry_price=np.asarray(2),
                stop_exit_price=np.asarray(1), engine="rust", **arrays,
            )  # fmt: skip
        return (time.perf_counter() - began) / len(params) * 1e3

    return run


def backtesting_py(frames: Frames, costs: Costs, *, assets: int = 4) -> Peer | None:
    """backtesting.py on a few assets one by one, scaled to all of them; None where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from backtesting import Backtest, Strategy
    except ImportError:
        return None
    names = frames.frame["close"].columns[:assets]
    tables = [pd.DataFrame({f.capitalize(): frames.frame[f][n] for f in frames.frame}).dropna().tz_localize(None) for n in names]

    cross = _cross(Strategy)

    def run(params: list[Params]) -> float:
        took = 0.0
        for p in params:
            entries, exits = frames.signals(p)
            began = time.perf_counter()
            for name, table in zip(names, tables, strict=True):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    Backtest(table, cross, cash=1e6, commission=costs.fee_rate).run(  # its progress bar goes to stderr
                        entries=entries[name].to_numpy()[-len(table) :], exits=exits[name].to_numpy()[-len(table) :],
                        stop=p["stop_loss"], target=p["take_profit"],
                    )  # fmt: skip
            took += time.perf_counter() - began
        return took / len(params) * 1e3 * len(frames.frame["close"].columns) / assets

    return run


def _cross(base: Any) -> Any:
    """The strategy of the bench in backtesting.py's form, on signals that it is given; `base` is that library's class."""

    class Cross(base):  # type: ignore[misc]
        entries: Any = None
        exits: Any = None
        stop = 0.1
        target = 0.1

        def init(self) -> None:
            """Nothing to prepare; the base class demands the method."""

        def next(self) -> None:
            at, price = len(self.data) - 1, self.data.Close[-1]
            if self.position:
                if self.exits[at]:
                    self.position.close()
            elif self.entries[at]:
                self.buy(sl=price * (1 - self.stop), tp=price * (1 + self.target))

    return Cross
