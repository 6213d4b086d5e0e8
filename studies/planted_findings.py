"""Does the explanation name what was planted, with its figures, and nothing where nothing is?

    python -m studies.planted_findings [SEEDS]

Demo markets without an edge, on which a strategy of random entries with a stop trades; then one of four truths is planted in the
prices. For each: at which place the explanation names it, and the figures beside those that are counted by hand. Then as many
seeds (100) without a plant, by random entries and by a strategy that buys falls: in how many anything is named. Prints tables for
docs/explain.md.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.analysis.explanation import Explanation, explain
from engine.analysis.names import names_for_people
from engine.backtest.portfolio import run_signals
from engine.backtest.simulation import open_market
from engine.market.bars import FIELDS, Panel
from engine.market.demo import demo_market
from engine.records import Costs, Signals, Window
from engine.strategy.packing import pack_signals

ASSETS, BARS = 30, 6_000
FALL_BARS, FALL, FALLS = 6, 0.05, 4


@dataclass(frozen=True)
class Truth:
    """A planted truth: what is changed in the prices, who trades there, the trades that it is about, and how it is recognised."""

    plant: Callable[[Panel, np.random.Generator], Panel]
    trade: Callable[[Panel, np.random.Generator], Signals]
    about: Callable[[Explanation], np.ndarray]
    words: str


def moved(panel: Panel, drift: np.ndarray) -> Panel:
    """The panel with so much more log return in each bar (bars, assets); no bar loses its shape."""
    end = np.exp(np.cumsum(drift, axis=0))
    start = np.exp(np.cumsum(drift, axis=0) - drift)
    opened, close = panel.open * start, panel.close * end
    high = np.fmax(np.fmax(panel.high * np.minimum(start, end), opened), close)
    low = np.fmin(np.fmin(panel.low * np.maximum(start, end), opened), close)
    fields = dict(zip(FIELDS, (opened, high, low, close, panel.volume), strict=True))
    return replace(panel, **{name: np.asfortranarray(values) for name, values in fields.items()})


def weekday(panel: Panel) -> np.ndarray:
    return pd.DatetimeIndex(panel.times_ns, tz="UTC").day_of_week.to_numpy()


def mondays(panel: Panel, rng: np.random.Generator) -> Panel:
    """Every hour of a Monday loses 0.15 %."""
    return moved(panel, np.where(weekday(panel) == 0, -0.0015, 0.0)[:, None] * np.ones((1, panel.assets)))


def after_volume(panel: Panel, rng: np.random.Generator) -> Panel:
    """Ten bars behind a bar with volume in the highest tenth of the asset's last 200 rise by 0.2 % each."""
    burst = pd.DataFrame(panel.volume).rolling(200).rank(pct=True).to_numpy() > 0.9
    after = pd.DataFrame(burst).rolling(10, min_periods=1).max().shift(1, fill_value=0).to_numpy()
    return moved(panel, 0.002 * np.nan_to_num(after))


def one_asset(panel: Panel, rng: np.random.Generator) -> Panel:
    """One asset rises by 0.4 % an hour."""
    return moved(panel, 0.004 * (np.arange(panel.assets) == 11)[None, :] * np.ones((panel.bars, 1)))


def falls(panel: Panel, rng: np.random.Generator) -> Panel:
    """Every asset falls a few times by 5 % a bar, six bars in a row."""
    drift = np.zeros((panel.bars, panel.assets))
    for asset in range(panel.assets):
        for start in rng.choice(np.arange(300, panel.bars - 100, 80), FALLS, replace=False):
            drift[start : start + FALL_BARS, asset] = -FALL
    return moved(panel, drift)


def at_random(panel: Panel, rng: np.random.Generator) -> Signals:
    """Long for 8 bars after one close in 25, with a stop."""
    flags = {"entries": rng.random((panel.bars, panel.assets)) < 0.04}
    return replace(pack_signals(flags, {"stop_loss": 0.04}), max_bars=8)


def buys_falls(panel: Panel, rng: np.random.Generator) -> Signals:
    """Long for 8 bars after a bar that lost more than 3 %, with a stop at 4 %."""
    close = pd.DataFrame(panel.close)
    flags = {"entries": (close.pct_change(fill_method=None) < -0.03).to_numpy()}
    return replace(pack_signals(flags, {"stop_loss": 0.04}), max_bars=8)


TRUTHS = {
    "loses on Mondays": Truth(mondays, at_random, lambda e: (e.table["weekday"] == 0).to_numpy(), "Monday"),
    "wins only in high volume": Truth(after_volume, at_random, lambda e: (e.table["volume"] > 0.9).to_numpy(), "volume"),
    "one asset carries all profit": Truth(one_asset, at_random, lambda e: (e.table["asset"] == 11).to_numpy(), "in "),
    "stopped out again and again in a fall": Truth(
        falls, buys_falls, lambda e: next(s.members for s in e.sequences if s.kind == "stop_outs"), "stopped out"
    ),
}


def explained(panel: Panel, signals: Signals, seed: int) -> Explanation:
    market = open_market(panel, Window("train", 0, panel.bars))
    return explain(run_signals(signals, market, Costs()), names_for_people(market), seed=seed)


def planted(truth: Truth, seed: int) -> Explanation:
    """The explanation of a market with that truth in it."""
    rng = np.random.default_rng(seed)
    panel = truth.plant(demo_market(seed=seed, edge=None, assets=ASSETS, bars=BARS), rng)
    return explained(panel, truth.trade(panel, rng), seed)


def unplanted(seed: int, trade: Callable[[Panel, np.random.Generator], Signals]) -> Explanation:
    """The explanation of a market without anything to find."""
    panel = demo_market(seed=seed, edge=None, assets=ASSETS, bars=BARS)
    return explained(panel, trade(panel, np.random.default_rng(seed)), seed)


def place_of(truth: Truth, found: Explanation) -> int | None:
    """At which place, from 1 on, the truth is named; None if it is not."""
    return next((i for i, f in enumerate(found.findings, 1) if truth.words in f.what), None)


def main(seeds: int) -> None:
    print("| planted | named at place | what is named | trades (by hand) | P/L, % of capital (by hand) | q |")
    print("|---" * 6 + "|")
    for name, truth in TRUTHS.items():
        found = planted(truth, 1)
        place, about = place_of(truth, found), truth.about(found)
        by_hand = f"({about.sum():,})", f"({found.sample.pnl[about].sum():+.2%})"
        if place is None:
            print(f"| {name} | not named | | {by_hand[0]} | {by_hand[1]} | |", flush=True)
            continue
        f = found.findings[place - 1]
        figures = f"{f.n:,} {by_hand[0]} | {f.value:+.2%} {by_hand[1]} | {f.q:.1g}"
        print(f"| {name} | {place} of {len(found.findings)} | {f.what} | {figures} |", flush=True)
    for trade in (at_random, buys_falls):
        named = [unplanted(seed, trade).findings for seed in range(1_000, 1_000 + seeds)]
        told = [f.what for found in named for f in found]
        print(
            f"{trade.__name__}: something is named in {sum(map(bool, named))} of {seeds} markets without a plant: {told}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
