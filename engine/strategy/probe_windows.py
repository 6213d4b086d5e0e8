"""Windows for checking strategies: parts of a real one, with the bars behind (or before) a cut replaced by made-up ones.

What a strategy says of the bars that were kept must not depend on those that were replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.market.bars import FIELDS, Panel
from engine.records import Window
from engine.strategy.window_data import SealedWindow, seal_rows

Style = Literal["drawn", "opposite", "up", "down", "gone", "plain", "calm"]
"""How a made-up market goes on. `drawn`: each asset in its own way, by a jump to another volatility, drift and volume, or with no
bar any more; `opposite`: what is drawn turned round, down for up, wild for calm, listed for gone. `up`, `down`, `gone`: all
alike. `plain`, `calm`: without a jump, as volatile as before or less, for strategies that refuse a wild market."""
Past = Literal["up", "down", "calm"]

CLOSE, VOLUME = FIELDS.index("close"), FIELDS.index("volume")
_PAST_BARS = 500
"""What an asset was like just before the cut is taken from so many of its bars."""
_FURTHEST = 5.0
"""Made-up prices stay within this many natural logarithms of where they start."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some assets over some last rows of a window, as arrays that are never written.

    `fields`: (5, assets, rows) in the order of FIELDS. `first_bar`: the bar of the window that is the excerpt's bar 0, the
    first one behind its `lead_in` rows. Whatever else a strategy is shown of a window by bar and asset (feature frames) has
    to become a part of `fields`, so that it is replaced with the prices.
    """

    times_ns: np.ndarray
    fields: np.ndarray
    lead_in: int
    first_bar: int
    timeframe: str
    bars_per_year: float
    has_volume: bool

    @property
    def rows(self) -> int:
        return int(self.fields.shape[2])

    @property
    def assets(self) -> int:
        return int(self.fields.shape[1])

    @property
    def bars(self) -> int:
        return self.rows - self.lead_in

    def later(self, rows: int) -> "Excerpt":
        """The excerpt without its first rows."""
        return replace(
            self, times_ns=self.times_ns[rows:], fields=self.fields[:, :, rows:], lead_in=max(0, self.lead_in - rows),
            first_bar=self.first_bar + max(0, rows - self.lead_in),
        )  # fmt: skip

    def until(self, rows: int) -> "Excerpt":
        """The excerpt's first rows alone."""
        return replace(self, times_ns=self.times_ns[:rows], fields=self.fields[:, :, :rows])


def take_excerpt(panel: Panel, window: Window, *, columns: Sequence[int] | None = None, rows: int | None = None) -> Excerpt:
    """The window with its lead-in; on request only those assets, in that order, or only so many of the last rows."""
    dropped = 0 if rows is None else max(0, window.lead_in + window.bars - rows)
    span = slice(window.start - window.lead_in + dropped, window.stop)
    chosen = slice(None) if columns is None else list(columns)
    fields = np.stack([getattr(panel, name)[span].T[chosen] for name in FIELDS])
    return Excerpt(
        panel.times_ns[span], fields, max(0, window.lead_in - dropped), max(0, dropped - window.lead_in), panel.timeframe,
        panel.bars_per_year, panel.has_volume,
    )  # fmt: skip


def seal_excerpt(excerpt: Excerpt) -> SealedWindow:
    """The excerpt as it is."""
    return _seal(excerpt, excerpt.fields)


def seal_probe(excerpt: Excerpt, cuts: np.ndarray, *, seed: int, style: Style = "drawn") -> SealedWindow:
    """The excerpt with a made-up future: `cuts` (assets,) are the first bars that are replaced; the shape and times stay.

    An asset goes on from its last known close, but nothing else of what follows survives: level, volatility, drift, volume,
    which bars exist, and whether it is listed at all. The future of an asset depends on its cut, column and seed alone. Behind
    the last cut the clock goes on in another way too: without gaps, or by one at once, as markets fall silent.
    """
    fields = excerpt.fields.copy()
    for asset, cut in enumerate(cuts + excerpt.lead_in):
        rng = np.random.default_rng([seed, asset])
        if cut < excerpt.rows:
            known = _known_of(excerpt.fields[:, asset, :cut], rng)
            fields[:, asset, cut:] = _made_up(rng, excerpt.rows - cut, known, _mood(rng, style))
    times = _other_clock(excerpt.times_ns, int(cuts.max()) + excerpt.lead_in, np.random.default_rng([seed, 3]))
    return _seal(replace(excerpt, times_ns=times), fields)


def seal_other_past(excerpt: Excerpt, row: int, *, seed: int, style: Past) -> SealedWindow:
    """The excerpt with other bars before that row, from which on it is real; which bars exist stays.

    `up`: all of the past lies far above where the real bars begin, and is wild; `down`: far below; `calm`: around it.
    """
    fields = excerpt.fields.copy()
    side = {"up": 1.0, "down": -1.0, "calm": 0.0}[style]
    for asset in range(excerpt.assets):
        rng = np.random.default_rng([seed, asset])
        close = excerpt.fields[CLOSE, asset]
        known = _known_of(excerpt.fields[:, asset], rng)
        begins = close[row:][~np.isnan(close[row:])]
        start = float(begins[0]) if len(begins) else known.close
        made = _made_up(rng, row, replace(known, close=start), replace(_FIXED[style], jump=0.0))
        path = np.log(made[CLOSE] / start)
        if side:
            made[:VOLUME] *= np.exp(side * (1.0 + np.abs(path)) - path)
        fields[:, asset, :row] = np.where(np.isnan(close[:row]), np.nan, made)
    return _seal(excerpt, fields)


def _other_clock(times_ns: np.ndarray, cut: int, rng: np.random.Generator) -> np.ndarray:
    """The times with others from that row on, a usual step apart, the first of them after a gap in half of all cases."""
    left = len(times_ns) - cut
    if cut < 2 or left < 1:
        return times_ns
    step = int(np.median(np.diff(times_ns[:cut])))
    gap = int(rng.integers(1, 60)) if rng.random() < 0.5 else 0
    return np.concatenate([times_ns[:cut], times_ns[cut - 1] + step * (np.arange(1, left + 1) + gap)])


def _seal(excerpt: Excerpt, fields: np.ndarray) -> SealedWindow:
    if not excerpt.has_volume:
        fields[VOLUME] = np.nan
    return seal_rows(
        excerpt.times_ns, list(fields), lead_in=excerpt.lead_in, timeframe=excerpt.timeframe,
        bars_per_year=excerpt.bars_per_year, has_volume=excerpt.has_volume,
    )  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """What an asset was like: last close, standard deviation of its log returns, median volume; drawn where it had no bar."""

    close: float
    volatility: float
    volume: float


@dataclass(frozen=True)
class _Mood:
    """How a future differs from what was known. `jump` in logarithms, `volatility` and `volume` as multiples, `drift` in
    standard deviations a bar, `missing` the share of bars that do not exist."""

    jump: float = 0.0
    volatility: float = 1.0
    volume: float = 1.0
    drift: float = 0.0
    missing: float = 0.0


_FIXED: dict[str, _Mood] = {
    "up": _Mood(jump=1.0, volatility=2.0, volume=8.0, drift=0.05),
    "down": _Mood(jump=-1.0, volatility=0.5, volume=0.125, drift=-0.05),
    "gone": _Mood(missing=1.0),
    "plain": _Mood(),
    "calm": _Mood(volatility=0.4),
}


def _mood(rng: np.random.Generator, style: Style) -> _Mood:
    if style in _FIXED:
        return _FIXED[style]
    turned = -1.0 if style == "opposite" else 1.0
    side = turned if rng.random() < 0.5 else -turned
    jump, wildness, busyness, drift = rng.uniform([0.2, -1.5, -3.0, -0.1], [1.2, 1.5, 3.0, 0.1])
    missing = float(rng.choice([0.0, 0.05, 0.5, 1.0], p=[0.5, 0.2, 0.1, 0.2]))
    return _Mood(
        jump=side * jump,
        volatility=float(2.0 ** (turned * wildness)),
        volume=float(2.0 ** (turned * busyness)),
        drift=turned * drift,
        missing=0.0 if style == "opposite" and missing == 1.0 else missing,
    )


def _known_of(fields: np.ndarray, rng: np.random.Generator) -> _Known:
    """What the bars (5, rows) say of an asset."""
    close = fields[CLOSE]
    bars = np.flatnonzero(~np.isnan(close))[-_PAST_BARS:]
    drawn = _Known(float(2.0 ** rng.uniform(0.0, 8.0)), 0.01, 1e4)
    if not len(bars):
        return drawn
    steps = np.diff(np.log(close[bars]))
    volatility = float(np.std(steps)) if len(steps) > 1 else 0.0
    volume = float(np.median(fields[VOLUME, bars]))
    return _Known(float(close[bars[-1]]), min(max(volatility, 1e-4), 0.3), volume if volume > 0 else drawn.volume)


def _made_up(rng: np.random.Generator, rows: int, known: _Known, mood: _Mood) -> np.ndarray:
    """(5, rows) of bars that go on from what is known."""
    volatility = known.volatility * mood.volatility
    steps = volatility * (rng.standard_normal(rows) + mood.drift)
    path = mood.jump + np.cumsum(steps)
    path = np.abs((path - _FURTHEST) % (4 * _FURTHEST) - 2 * _FURTHEST) - _FURTHEST  # folded back at either end
    close = known.close * np.exp(path)
    before = np.concatenate([[known.close * np.exp(mood.jump)], close[:-1]])
    opened = before * np.exp(0.25 * volatility * rng.standard_normal(rows))
    reach = np.exp(0.5 * volatility * np.abs(rng.standard_normal((2, rows))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    volume = known.volume * mood.volume * np.exp(rng.standard_normal(rows))
    out = np.stack([opened, high, low, close, volume])
    if mood.missing:
        out[:, rng.random(rows) < mood.missing] = np.nan
    return out
