"""The demo market: synthetic hourly bars that look like crypto, with at most one planted edge.

**What is in it.** Returns are a common factor plus each asset's own part; both have Student-t shocks (7 degrees of freedom)
and a log-volatility that persists over hours and over weeks. Volume is log-normal, persistent, larger when prices move and in
the afternoon hours UTC. Some assets are listed late. The asset with the deepest two-week fall in the third quarter of the
panel is delisted at the bottom of it.

**What is not.** Without an edge every price is a martingale: shocks are symmetric and independent of everything before, so no
rule that looks at the past (trend, hour, volume, another asset) gains anything before costs. High and low are the extremes of a
Brownian path with the variance that the bar's shock was drawn with, so a stop or a target inside a bar is fair too. With an
edge (`edges`) one seed gives the same shocks, volumes and listings: two markets of a seed are twins but for the drift.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.errors import DataError, UnknownDataset
from engine.market.assemble import content_hash
from engine.market.bars import Panel
from engine.market.edges import GAIN_PER_STRENGTH, KINDS, Edge, Shocks, plant

DEMO_EDGE, DEMO_STRENGTH = "volume_burst", 5.0
START_NS = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC
HOUR_NS = 3_600_000_000_000
HOURS_PER_YEAR = 8_760
BURN_IN_BARS = 2_160  # bars before the first one shown: edges and their pay-back run in steady state when the panel begins
DEGREES_OF_FREEDOM = 7
MOST_CELLS = 50_000_000  # assets times bars: some gigabytes while the market is made
# Chosen so that the market of the default seed goes nowhere in its train and validation windows: a newcomer then sees what a
# strategy adds. Where chance itself is measured, use other seeds.
SALT = 27


def make_demo(name: str) -> Panel:
    """One of the two standing markets: `demo` with a modest edge, `demo-null`, its twin, without. Raises UnknownDataset."""
    if name == "demo":
        return demo_market("demo")
    if name == "demo-null":
        return demo_market("demo-null", edge=None)
    raise UnknownDataset(f"found no demo market {name!r}; there are 'demo' and 'demo-null': name one of them")


def describe_edge(kind: str | None, strength: float) -> str:
    """What is planted, in two plain sentences with numbers. Raises DataError for an unknown kind."""
    if kind is None or strength == 0:
        return "No edge is planted: no rule on past bars gains anything before costs."
    gain = _known(kind, strength) * GAIN_PER_STRENGTH
    return f"{KINDS[kind].sentence(f'{gain:.2%}')} Fees and slippage of one trade are 0.30% at the default rates."


def demo_market(
    name: str = "demo",
    *,
    seed: int = 7,
    edge: str | Edge | None = DEMO_EDGE,
    strength: float = DEMO_STRENGTH,
    assets: int = 100,
    bars: int = 17_520,
) -> Panel:
    """A synthetic hourly panel from 2023-01-01 UTC; equal arguments give bit-equal bars.

    `edge`: one of `edges.KINDS`, an edge of one's own, or None; `strength`: see `edges`, 0 is no edge. Raises DataError for an
    unknown edge, a strength outside 0 to 20 of a known one, fewer than 2 assets or 500 bars, and more than
    `MOST_CELLS` bars of all assets together.
    """
    if isinstance(edge, str):
        _known(edge, strength)
    if assets < 2 or bars < 500:
        raise DataError(f"found {assets} assets and {bars} bars; a demo market needs at least 2 and 500: ask for more")
    if assets * bars > MOST_CELLS:
        raise DataError(
            f"found {assets:,} assets of {bars:,} bars; a demo market is made in memory and holds at most {MOST_CELLS:,} bars of"
            " all assets together: ask for less"
        )
    # A stream for each part: a change to one leaves the draws of the others as they were.
    streams = [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence((seed, SALT)).spawn(6)]
    rows = BURN_IN_BARS + bars
    vol = _volatility(streams[0], rows, assets)
    move, bar_sd = _moves(streams[1], vol)
    gap = 1e-4 * streams[2].standard_normal((rows, assets))
    dollars = _dollar_volume(streams[3], vol, move)
    first_row, last_row = _listings(streams[4], move)
    price = _first_prices(streams[4], assets)
    reach = streams[5].exponential(size=(2, rows, assets))

    row = np.arange(rows)[:, None]
    volume = dollars / (price * np.cumprod(1 + move, axis=0))
    shocks = Shocks(move, gap, volume, np.arange(rows) % 24, (row >= first_row) & (row <= last_row))
    open_, close, planted = plant(shocks, edge, strength)
    high, low = _range(open_, planted, bar_sd, reach)
    shown = {"open": open_ * price, "high": high * price, "low": low * price, "close": close * price, "volume": volume}
    return _panel(name, {f: np.where(shocks.visible, x, np.nan)[BURN_IN_BARS:] for f, x in shown.items()})


def _panel(name: str, shown: dict[str, np.ndarray]) -> Panel:
    bars, assets = shown["close"].shape
    arrays = {f: np.asfortranarray(x) for f, x in shown.items()}
    digits = max(3, len(str(assets - 1)))
    symbols = tuple(f"SYN{i:0{digits}d}USD" for i in range(assets))
    times_ns = START_NS + HOUR_NS * np.arange(bars, dtype=np.int64)
    return Panel(
        name=name,
        symbols=symbols,
        times_ns=times_ns,
        open=arrays["open"],
        high=arrays["high"],
        low=arrays["low"],
        close=arrays["close"],
        volume=arrays["volume"],
        data_hash=content_hash(symbols, times_ns, arrays),
        bar_s=3_600,
        days_per_year=365,
        synthetic=True,
    )


def _known(kind: str, strength: float) -> float:
    if kind not in KINDS:
        raise DataError(f"found edge {kind!r}; wanted one of {', '.join(KINDS)}: choose one of them")
    if not (math.isfinite(strength) and 0 <= strength <= 20):
        raise DataError(f"found edge strength {strength}; wanted a number from 0 to 20: 5 is a modest edge")
    return strength


@dataclass(frozen=True)
class _Volatility:
    """How far each return spreads.

    `factor` (bars,): the common factor's volatility relative to its usual one; `loading` (assets,): an asset's hourly standard
    deviation due to the factor; `own` (bars, assets): the one due to itself; `log` (bars, assets): how far an asset's
    volatility stands above its usual one, in logs.
    """

    factor: np.ndarray
    own: np.ndarray
    log: np.ndarray
    loading: np.ndarray


def _volatility(rng: np.random.Generator, rows: int, assets: int) -> _Volatility:
    """Log-volatility with half-lives of 12 hours and 8 days, in part common to all assets.

    Measured on 100 hourly crypto pairs: |r| autocorrelates by 0.30, 0.19 and 0.13 at lags of 1, 24 and 168 hours.
    """
    common = _persistent(rng, (rows, 1), 12, 0.42) + _persistent(rng, (rows, 1), 192, 0.36)
    common = common.clip(max=1.1)  # a rare storm would otherwise carry all of a sample's kurtosis
    special = _persistent(rng, (rows, assets), 12, 0.32) + _persistent(rng, (rows, assets), 192, 0.25)
    own_log = common + special
    annual = rng.uniform(0.85, 1.25, assets)
    annual[0] = 0.55
    share = rng.uniform(0.615, 0.745, assets)  # of the factor in an asset's standard deviation
    share[0] = 0.95
    hourly = annual / math.sqrt(HOURS_PER_YEAR)
    factor = np.exp(common[:, 0])
    own = np.exp(own_log)
    # The realised level is set, not only the expected one: a volatile month more or less must not move it between seeds.
    factor /= np.sqrt(np.mean(factor[BURN_IN_BARS:] ** 2))
    own /= np.sqrt(np.mean(own[BURN_IN_BARS:] ** 2, axis=0))
    return _Volatility(factor, own * hourly * np.sqrt(1 - share**2), own_log, hourly * share)


def _persistent(rng: np.random.Generator, shape: tuple[int, int], half_life: float, sd: float) -> np.ndarray:
    """A stationary first-order autoregression along the rows with that half-life (in rows) and standard deviation."""
    keep = 0.5 ** (1 / half_life)
    series = rng.standard_normal(shape) * sd
    series[1:] *= math.sqrt(1 - keep**2)
    for t in range(1, len(series)):
        series[t] += keep * series[t - 1]
    return series


def _moves(rng: np.random.Generator, vol: _Volatility) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric returns from open to close, and the standard deviation that each bar's Gaussian was drawn with."""
    rows, assets = vol.own.shape
    factor_sd = (vol.factor * _tail(rng, (rows,)))[:, None] * vol.loading
    own_sd = vol.own * _tail(rng, (rows, assets))
    move = factor_sd * rng.standard_normal((rows, 1)) + own_sd * rng.standard_normal((rows, assets))
    return move.clip(-0.4, 0.4), np.sqrt(factor_sd**2 + own_sd**2)


def _tail(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The random scale that turns a Gaussian into a Student t of unit variance."""
    return np.sqrt((DEGREES_OF_FREEDOM - 2) / (2 * rng.standard_gamma(DEGREES_OF_FREEDOM / 2, shape)))


def _dollar_volume(rng: np.random.Generator, vol: _Volatility, move: np.ndarray) -> np.ndarray:
    """Dollars traded in each bar: they know the size of the bar's move, not its sign.

    Noise, persistence and the pattern of the day are about those of 100 hourly crypto pairs.
    """
    rows, assets = move.shape
    level = np.sort(rng.normal(math.log(2e5), 1.1, assets))[::-1]
    level = np.concatenate([[max(level[0], math.log(2e7)) + 1.0], rng.permutation(level[1:])])
    hour = np.arange(rows) % 24
    pattern = 0.25 * np.cos(2 * np.pi * (hour - 15) / 24)
    slow = _persistent(rng, (rows, 1), 480, 0.4) + _persistent(rng, (rows, assets), 480, 0.6)
    quick = _persistent(rng, (rows, 1), 8, 0.3) + _persistent(rng, (rows, assets), 8, 0.35)
    surprise = np.abs(move) / np.abs(move).mean(axis=0)
    noise = 0.4 * rng.standard_normal((rows, assets))
    return np.exp(level + pattern[:, None] + slow + quick + 0.8 * vol.log + 0.7 * np.log1p(surprise) + noise)


def _listings(rng: np.random.Generator, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each asset's first and last visible row: 15 % are listed late, one ends early.

    The delisting is found, not made: no drift leads down to it, and nobody can trade what would have come after.
    """
    rows, assets = move.shape
    bars = rows - BURN_IN_BARS
    first_row, last_row = np.zeros(assets, dtype=int), np.full(assets, rows - 1)
    late = 1 + rng.choice(assets - 1, round(0.15 * assets), replace=False)
    first_row[late] = BURN_IN_BARS + rng.integers(bars // 20, bars // 2, len(late))
    log_price = np.cumsum(np.log1p(move), axis=0)
    window = BURN_IN_BARS + np.arange(bars // 2, bars * 3 // 4)
    fall = log_price[window] - log_price[window - min(336, bars // 4)]
    fall[:, [0, *late]] = 0.0
    at, asset = np.unravel_index(np.argmin(fall), fall.shape)
    last_row[asset] = window[at]
    return first_row, last_row


def _first_prices(rng: np.random.Generator, assets: int) -> np.ndarray:
    price = np.exp(rng.normal(math.log(0.8), 2.2, assets))
    price[0] = 20_000.0
    return price


def _range(open_: np.ndarray, move: np.ndarray, bar_sd: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """High and low: the extremes of a Brownian bridge from open to close, P(max > m) = exp(−2m(m − move) / sd²).

    Each of the two follows its exact law given the close; between themselves they are independent, which a real path's are
    not quite. `reach`: two standard exponentials per bar, (2, bars, assets).
    """
    up, down = (np.sqrt(move**2 + 2 * bar_sd**2 * r) for r in reach)
    high, low = open_ * (1 + (move + up) / 2), open_ * np.maximum(1 + (move - down) / 2, 0.5 * (1 + np.minimum(move, 0)))
    close = open_ * (1 + move)
    # Rounding alone could put an extreme a hair inside the body.
    return np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close))
