"""Markets with one regularity of known worth, to measure whether a search finds what is there.

**Strength** is the net annual Sharpe ratio of the true rule, on average over seeds: of the rule that trades exactly what was
planted, through the kernel, in equal sleeves, with fees of 0.1 % and slippage of 0.05 % a fill. One seed's market gives more
or less: over two years a Sharpe ratio has a standard error of 0.7. The rules stand in `data/planted`.

The markets are demo markets (`demo`) of 40 assets, whose sleeves share a market factor: with other numbers of assets the
same gain would give another Sharpe ratio, so the number is fixed. That of bars is free.
"""

from dataclasses import dataclass

import numpy as np

from engine.errors import DataError
from engine.market.bars import Panel
from engine.market.demo import demo_market
from engine.market.edges import GAIN_PER_STRENGTH

ASSETS, BARS = 40, 17_520
DEFAULT_STRENGTH, LEAST_STRENGTH, MOST_STRENGTH = 8.0, 1.0, 10.0


@dataclass(frozen=True)
class TrueRule:
    """What is planted. `edge`: its name in `edges.KINDS`. `sharpes`: net annual Sharpe of the true rule at `GAINS`, measured
    by `studies/planted_strength.py` on 8 seeds with luck taken out.
    """

    edge: str
    sharpes: tuple[float, ...]

    def gain(self, strength: float) -> float:
        """Mean gain of a trade before costs, as a fraction, at which the true rule has that Sharpe ratio."""
        return float(np.interp(strength, self.sharpes, GAINS))


GAINS = (0.003, 0.006, 0.009, 0.012, 0.016)
RULES = {
    "momentum": TrueRule("volume_burst", (0.46, 3.05, 5.46, 7.63, 10.16)),
    "reversion": TrueRule("mean_reversion", (0.42, 3.72, 6.70, 9.19, 11.62)),
    "hour": TrueRule("time_of_day", (0.00, 4.20, 8.39, 12.58, 18.15)),
}


def planted(kind: str, strength: float = DEFAULT_STRENGTH, *, seed: int, bars: int = BARS) -> Panel:
    """A synthetic hourly panel of `ASSETS` assets in which the true rule of that kind has that Sharpe ratio.

    Kinds: `momentum` (rises after volume bursts), `reversion` (recovers after falls) and `hour` (rises at one time of day).
    Named `planted:KIND:STRENGTH`; equal arguments give equal bits. Raises DataError for another kind, a strength outside 1 to
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
