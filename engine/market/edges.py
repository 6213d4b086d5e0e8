"""Regularities that can be planted into a synthetic market, and the recursion that plants one.

**Strength.** Whatever the kind, an event at the close of bar t moves the expected return of the next `hold_bars` bars, and
`strength × 0.15 %` is what one trade that is opened at the next open and held for these bars gains on average before costs.
A round trip at the default rates (fee 0.1 % and slippage 0.05 % a fill) costs 0.30 %: strength 1 shows in a statistic but
loses money, 2 breaks even, 4 nets 0.30 % a trade, and every further point adds 0.15 %. How *significant* that is depends on
how often the event occurs and on how many assets share it.

**Balance.** What an edge adds to an asset is taken back from it, little by little, in its idle bars, so that holding an asset
gains nothing by the edge. A 720th of the debt goes back in each: a month, long beside every event and short beside a sample.
The debt is known from the past; nothing in a bar depends on a later one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

GAIN_PER_STRENGTH = 0.0015
PAYBACK_BARS = 720


@dataclass(frozen=True)
class Shocks:
    """What drives the market before any edge: all of shape (bars, assets) unless noted.

    `move`: return from open to close; `gap`: return from a close to the next open; `volume`; `hour`: UTC hour of each bar
    (bars,); `visible`: the asset is listed. Averages and ranks are taken over visible assets.
    """

    move: np.ndarray
    gap: np.ndarray
    volume: np.ndarray
    hour: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class Path:
    """The market while it is being planted: rows up to t are final, later ones are not yet there.

    `change`: return from close to close; `relative`: the same less its mean over assets; `burst`: volume above 3 times its
    mean over the 24 bars before.
    """

    shocks: Shocks
    open: np.ndarray
    close: np.ndarray
    change: np.ndarray
    relative: np.ndarray
    burst: np.ndarray


def _volume_burst(path: Path, t: int) -> np.ndarray:
    return path.burst[t] & (path.close[t] > path.open[t])


def _time_of_day(path: Path, t: int) -> np.ndarray:
    return np.full(path.close.shape[1], path.shocks.hour[t] == 13)


def _mean_reversion(path: Path, t: int) -> np.ndarray:
    usual = np.sqrt(np.mean(path.relative[t - 168 : t] ** 2, axis=0))
    return path.relative[t] < -2.5 * usual


def _momentum(path: Path, t: int) -> np.ndarray:
    week = path.close[t] / path.close[t - 168]
    return week > np.quantile(week[path.shocks.visible[t]], 0.8)


def _lead_lag(path: Path, t: int) -> np.ndarray:
    leader = path.change[:, 0]
    usual = np.sqrt(np.mean(leader[t - 168 : t] ** 2))
    side = np.full(path.close.shape[1], np.sign(leader[t]) * (abs(leader[t]) > 2 * usual))
    side[0] = 0.0
    return side


def _breakout(path: Path, t: int) -> np.ndarray:
    return path.close[t] > path.close[t - 72 : t].max(axis=0)


@dataclass(frozen=True)
class Edge:
    """One kind of edge.

    `rule`: one sentence with a place for the gain. `event(path, t)`: for each asset +1 (it drifts up from now on), −1 (down)
    or 0, from bars up to t alone.
    """

    hold_bars: int
    event: Callable[[Path, int], np.ndarray]
    rule: str

    def sentence(self, gain: str) -> str:
        """What happens and how a strategy takes the gain."""
        return self.rule.format(gain=gain, hours=self.hold_bars)


KINDS = {
    "volume_burst": Edge(
        6,
        _volume_burst,
        "When an asset trades more than 3 times its mean hourly volume of the 24 hours before and closes that hour above its "
        "open, its price rises by {gain} on average over the next {hours} hours: buy at the next open and hold for as long.",
    ),
    "time_of_day": Edge(
        3,
        _time_of_day,
        "Every day from 14:00 to 17:00 UTC all prices rise by {gain} on average: buy at 14:00 and sell {hours} hours later.",
    ),
    "mean_reversion": Edge(
        4,
        _mean_reversion,
        "When an asset's hourly return falls short of the mean of all assets by more than 2.5 times the usual difference "
        "of the 168 hours before, its price recovers by {gain} on average over the next {hours} hours: buy at the next open.",
    ),
    "momentum": Edge(
        24,
        _momentum,
        "An asset that is among the 20 % with the highest return over the last 168 hours rises by {gain} on average over the "
        "next {hours} hours: hold the winners of the last week.",
    ),
    "lead_lag": Edge(
        3,
        _lead_lag,
        "When the reference asset moves in an hour by more than 2 times its usual move of the 168 hours before, every other "
        "asset moves the same way by {gain} on average over the next {hours} hours: buy after a rise, go short after a fall.",
    ),
    "breakout": Edge(
        12,
        _breakout,
        "When an asset closes above all closes of the 72 hours before, its price rises by {gain} on average over the next "
        "{hours} hours: buy at the next open and hold for as long.",
    ),
}
LOOK_BACK_BARS = 169  # the longest look back of any event


def plant(shocks: Shocks, kind: str | Edge | None, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open and close of every bar, as multiples of each asset's first open, and the return of each bar from open to close.

    `kind`: one of `KINDS`, or an edge of one's own. The events are looked for in the path that earlier drift has already
    shaped. With `kind` None or strength 0 the shocks pass unchanged, bit for bit. The first `LOOK_BACK_BARS` rows carry no event.
    """
    move, rows = shocks.move.copy(), len(shocks.move)
    path = _empty_path(shocks)
    edge = KINDS[kind] if isinstance(kind, str) else kind
    drift = Drift(edge.hold_bars, strength * GAIN_PER_STRENGTH, move.shape[1]) if edge and strength else None
    last_close = np.ones(move.shape[1])
    for t in range(rows):
        if drift:
            move[t] += drift.next_bar()
        path.open[t] = last_close * (1 + shocks.gap[t])
        path.close[t] = path.open[t] * (1 + move[t])
        path.change[t] = path.close[t] / last_close - 1
        path.relative[t] = path.change[t] - path.change[t, shocks.visible[t]].mean()
        last_close = path.close[t]
        if edge and drift and t >= LOOK_BACK_BARS:
            drift.start(edge.event(path, t))
    return path.open, path.close, move


def _empty_path(shocks: Shocks) -> Path:
    shape = shocks.move.shape
    total = np.cumsum(np.vstack([np.zeros((1, shape[1])), shocks.volume]), axis=0)
    burst = np.zeros(shape, dtype=bool)
    burst[24:] = shocks.volume[24:] > 3 * (total[24:-1] - total[:-25]) / 24
    return Path(shocks, np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape), burst)


class Drift:
    """The drift under way in each asset, and what each still has to give back."""

    def __init__(self, hold_bars: int, gain: float, assets: int) -> None:
        self._hold_bars = hold_bars
        self._per_bar = gain / hold_bars
        self._side = np.zeros(assets)
        self._left = np.zeros(assets, dtype=int)
        self._owed = np.zeros(assets)

    def start(self, side: np.ndarray) -> None:
        """Take in the events of a close: they set side and duration anew; an asset without one goes on as it was."""
        self._side = np.where(side != 0, side, self._side)
        self._left = np.where(side != 0, self._hold_bars, self._left)

    def next_bar(self) -> np.ndarray:
        """The drift of the next bar for each asset."""
        active = self._left > 0
        drift = np.where(active, self._per_bar * self._side, -self._owed / PAYBACK_BARS)
        self._owed += drift
        self._left -= active
        return drift
