"""A small, eventful market as strategies see it, and the running of strategy source on it inside the test's process."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from engine.features.indicators import Indicators
from engine.records import Params, Signals
from engine.strategy.contract import Shape, read_answer
from engine.strategy.params import complete_params, draw, read_ranges

FIELDS = ("open", "high", "low", "close", "volume")


def fake_market(seed: int = 5, *, bars: int = 1_600, assets: int = 12) -> SimpleNamespace:
    """Hourly bars with a common factor, changing drift and volatility, fat tails and volume bursts.

    A003 is listed late, A005 has holes.
    """
    rng = np.random.default_rng(seed)
    blocks = -(-bars // 80)
    drift = np.repeat(rng.normal(0, 0.0015, (blocks, assets)), 80, axis=0)[:bars]
    level = np.repeat(rng.choice([0.003, 0.008, 0.02], (blocks, assets)), 80, axis=0)[:bars]
    shock = (0.6 * rng.standard_t(4, (bars, 1)) + 0.8 * rng.standard_t(4, (bars, assets))) * level
    close = 50 * np.exp(np.cumsum(drift + shock, axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    span = level * np.abs(rng.normal(0, 1, (2, bars, assets)))
    high, low = np.maximum(opened, close) * np.exp(span[0]), np.minimum(opened, close) * np.exp(-span[1])
    volume = 1_000 * np.exp(rng.normal(0, 0.6, (bars, assets)) + 60 * np.abs(shock))
    missing = np.zeros((bars, assets), bool)
    missing[:300, 3] = True
    missing[:, 5] = rng.random(bars) < 0.03
    hours = np.arange(bars)[:, None] + np.zeros((1, assets), int)
    arrays = {name: np.where(missing, np.nan, a) for name, a in zip(FIELDS, (opened, high, low, close, volume), strict=True)}
    return _market(arrays | {"hour": hours % 24, "weekday": hours // 24 % 7})


def _market(arrays: dict[str, np.ndarray]) -> SimpleNamespace:
    rows, assets = arrays["close"].shape
    index, columns = pd.RangeIndex(4_711, 4_711 + rows), pd.Index([f"A{i:03d}" for i in range(assets)])
    frames = {}
    for name, values in arrays.items():
        kept = np.ascontiguousarray(values.T)
        kept.flags.writeable = False
        frames[name] = pd.DataFrame(kept.T, index=index, columns=columns, copy=False)
    return SimpleNamespace(**frames, features={}, timeframe="1h", bars_per_year=8_760.0)


def truncated(market: SimpleNamespace, bars: int) -> SimpleNamespace:
    """The market as it stood after its first bars, with nothing behind them."""
    names = (*FIELDS, "hour", "weekday")
    return _market({name: getattr(market, name).to_numpy()[:bars] for name in names})


class Bench:
    """Strategy source on one market, with indicators kept between runs."""

    def __init__(self, market: SimpleNamespace) -> None:
        self.market, self.ta = market, Indicators(cache_mb=200)
        for name in FIELDS:
            self.ta.register(getattr(market, name), name)

    def answer(self, source: str, params: Params) -> dict[str, Any]:
        """What `signals` returns, as it returns it."""
        return _module(source)["signals"](self.market, params, self.ta)

    def signals(self, source: str, params: Params) -> Signals:
        """What `signals` returns, read by the contract; a breach of it raises."""
        frame = self.market.close
        return read_answer(self.answer(source, params), Shape(frame.index, frame.columns, 0))


def _module(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "strategy", "exec"), names)
    return names


def default_params(source: str) -> Params:
    return complete_params(read_ranges(_module(source)["PARAMS"]), {})[0]


def drawn_params(source: str, rng: np.random.Generator) -> Params:
    return draw(read_ranges(_module(source)["PARAMS"]), 1, rng)[0]


def entry_flags(answer: dict[str, Any]) -> np.ndarray:
    """Where a strategy wants in, on either side: bool (bars, assets)."""
    entries = answer["entries"]
    longs = np.logical_or.reduce([np.asarray(e) for e in entries.values()]) if isinstance(entries, dict) else np.asarray(entries)
    return longs | np.asarray(answer["short_entries"]) if "short_entries" in answer else longs


def first_difference(full: dict[str, Any], early: dict[str, Any], bars: int) -> str | None:
    """Name of the first output in `early`, a run on the first bars alone, that differs from what `full` says of them."""
    for key, value in early.items():
        pairs = [(full[key][tag], value[tag]) for tag in value] if isinstance(value, dict) else [(full[key], value)]
        if not all(_agree(whole, part, bars) for whole, part in pairs):
            return key
    return None


def _agree(whole: Any, part: Any, bars: int) -> bool:
    if not isinstance(part, pd.DataFrame):
        return whole == part
    return np.array_equal(whole.to_numpy()[:bars], part.to_numpy(), equal_nan=part.to_numpy().dtype.kind == "f")
