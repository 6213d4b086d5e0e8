"""Small markets for tests, made by hand or from a seed."""

from dataclasses import replace

import numpy as np

from engine.market.bars import FIELDS, Panel
from engine.records import Window

START_NS = 1_640_995_200_000_000_000  # 2022-01-01 UTC


def panel_of(bars: np.ndarray, *, volume: np.ndarray | None = None, bar_s: int = 3600, name: str = "test") -> Panel:
    """A panel of an array (bars, assets, 4) of open, high, low, close; a bar that is not whole and positive is none."""
    good = (np.isfinite(bars) & (bars > 0)).all(axis=2)
    clean = np.where(good[:, :, None], bars, np.nan)
    volume = np.where(good, 1.0 if volume is None else volume, np.nan)
    fields = [np.asfortranarray(clean[:, :, i]) for i in range(4)]
    times = START_NS + np.arange(len(bars), dtype=np.int64) * bar_s * 1_000_000_000
    symbols = tuple(f"S{i}" for i in range(bars.shape[1]))
    return Panel(name, symbols, times, *fields, np.asfortranarray(volume), "sha256:test", bar_s, 365)


def whole(panel: Panel) -> tuple[Panel, Window]:
    """The panel and the window of all its rows."""
    return panel, Window("all", 0, panel.bars)


def random_bars(rng: np.random.Generator, bars: int, assets: int, *, step: float = 0.02, missing: float = 0.0) -> np.ndarray:
    """(bars, assets, 4) of a random walk with wide bars, gaps between bars, and NaN rows where bars are missing."""
    close = 100 * np.exp(np.cumsum(rng.normal(0, step, (bars, assets)), axis=0))
    opened = np.roll(close, 1, axis=0) * np.exp(rng.normal(0, step / 3, (bars, assets)))
    opened[0] = 100
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, step, (bars, assets))))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, step, (bars, assets))))
    out = np.stack([opened, high, low, close], axis=2)
    out[rng.random((bars, assets)) < missing] = np.nan
    return out


def first_rows(panel: Panel, rows: int) -> Panel:
    """The panel as it stood after its first rows."""
    arrays = {field: np.asfortranarray(getattr(panel, field)[:rows]) for field in FIELDS}
    return replace(panel, times_ns=panel.times_ns[:rows], **arrays)
