"""Markets with one regularity of known worth, to measure whether a search finds what is there.

**Strength** is the net annual Sharpe ratio of the true rule, on average over seeds: of the rule that trades exactly what was
planted, through the kernel, in equal sleeves, with fees of 0.1 % and slippage of 0.05 % a fill. One seed's market gives more
or less: over two years a Sharpe ratio has a standard error of 0.7. The rules stand in `data/planted`.

The markets are demo markets (`demo`) of 40 assets, whose sleeves share a market factor: with other numbers of assets the
same gain would give another Sharpe ratio, so the number is fixed. That of bars is free.

An edge lasts for hours, longer than those of the demo market, so that rules which come near the true one, as a search finds
them, earn a good part of what it earns.
"""

from dataclasses import dataclass

import numpy as np

from engine.errors import DataError
from engine.market.bars import Panel
from engine.market.demo import demo_market
from engine.market.edges import GAIN_PER_STRENGTH, KINDS, Edge, Path

ASSETS, BARS = 40, 17_520
DEFAULT_STRENGTH, LEAST_STRENGTH, MOST_STRENGTH = 8.0, 2.0, 10.0


def _fall(path: Path, t: int) -> np.ndarray:
    last = path.close[t - 47 : t + 1]
    return path.close[t] < last.mean(axis=0) - 2 * last.std(axis=0)


def _morning(path: Path, t: int) -> np.ndarray:
    return np.full(path.close.shape[1], path.shocks.hour[t] == 11)


@dataclass(frozen=True)
class TrueRule:
    """What is planted: the edge, and the net annual Sharpe ratio `sharpes` of its true rule at `gains` a trade before costs,
    measured by `studies/planted_strength.py` on 12 seeds with luck taken out, to 2 % (one standard error).
    """

    edge: Edge
    gains: tuple[float, ...]
    sharpes: tuple[float, ...]

    def gain(self, strength: float) -> float:
        """Mean gain of a trade before costs, as a fraction, at which the true rule has that Sharpe ratio."""
        return float(np.interp(strength, self.sharpes, self.gains))


RULES = {
    "momentum": TrueRule(
        Edge(
            24,
            KINDS["volume_burst"].event,
            "When an asset trades more than 3 times its mean hourly volume of the 24 hours before and closes that hour above its"
            " open, its price rises by {gain} on average over the next {hours} hours.",
        ),
        (0.005, 0.01, 0.02, 0.03, 0.04),
        (0.91, 2.67, 6.07, 9.24, 12.14),
    ),
    "reversion": TrueRule(
        Edge(
            24,
            _fall,
            "When an asset closes more than 2 standard deviations below its mean of the last 48 hours, its price recovers by"
            " {gain} on average over the next {hours} hours.",
        ),
        (0.005, 0.01, 0.02, 0.03, 0.04),
        (1.07, 2.90, 6.67, 10.49, 14.14),
    ),
    "hour": TrueRule(
        Edge(8, _morning, "Every day from 12:00 to 20:00 UTC all prices rise by {gain} on average."),
        (0.004, 0.008, 0.012, 0.018),
        (0.88, 4.39, 7.89, 13.11),
    ),
}


def planted(kind: str, strength: float = DEFAULT_STRENGTH, *, seed: int, bars: int = BARS) -> Panel:
    """A synthetic hourly panel of `ASSETS` assets in which the true rule of that kind has that Sharpe ratio.

    Kinds: `momentum` (rises after volume bursts), `reversion` (recovers after falls) and `hour` (rises at one time of day).
    Named `planted:KIND:STRENGTH`; equal arguments give equal bits. Raises DataError for another kind, a strength outside 2 to
    10, fewer than 500 bars or a seed below 0.
    """
    if kind not in RULES:
        raise DataError(f"found kind {kind!r} of a planted market; wanted one of {', '.join(RULES)}: choose one of them")
    if not LEAST_STRENGTH <= strength <= MOST_STRENGTH:
        raise DataError(
            f"found strength {strength:g} of a planted market; wanted a Sharpe ratio from {LEAST_STRENGTH:g} to"
            f" {MOST_STRENGTH:g}: a market without an edge is named none"
        )
    if seed < 0:
        raise DataError(f"the seed is {seed}; wanted a whole number of 0 or more")
    rule = RULES[kind]
    return demo_market(
        f"planted:{kind}:{strength:g}",
        seed=seed,
        edge=rule.edge,
        strength=rule.gain(strength) / GAIN_PER_STRENGTH,
        assets=ASSETS,
        bars=bars,
    )


def describe_planted(kind: str, strength: float) -> str:
    """What is planted, in plain sentences with numbers. Raises KeyError for another kind."""
    rule = RULES[kind]
    return (
        f"{rule.edge.sentence(f'{rule.gain(strength):.2%}')} Who trades exactly that has a Sharpe ratio of {strength:g} a year"
        " after default costs, on average over such markets."
    )
