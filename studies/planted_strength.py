"""What does the true rule of each planted market earn at a given gain per trade?

    python studies/planted_strength.py [SEEDS] [FIRST_SEED]

Runs the rules in data/planted through the kernel, default costs, on whole markets of the standard size, and prints a line for
each kind and gain: mean annual Sharpe over the seeds, its standard error, the same with luck taken out, and its standard error.

Luck is taken out by a control: the same signals on the twin without an edge earn nothing on average before costs, and what they
did earn there is what chance gave. It is subtracted from the mean daily return, by its regression slope.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main(seeds: int, first: int) -> None:
    from engine.analysis.metrics import daily_returns
    from engine.backtest.simulation import open_market, simulate_signals
    from engine.backtest.sweep import prepare, salt_of
    from engine.market.demo import demo_market
    from engine.market.edges import GAIN_PER_STRENGTH
    from engine.market.planted import ASSETS, BARS, RULES
    from engine.records import Costs, Signals, Window
    from engine.settings import Limits
    from engine.strategy.sandbox import SandboxPool

    whole, days_per_year = Window("all", 0, BARS), 365.0
    found: dict[tuple[str, float], list[tuple[float, float]]] = {}
    pool = SandboxPool(1, Limits())
    for seed in range(first, first + seeds):
        twin = open_market(demo_market(seed=seed, edge=None, assets=ASSETS, bars=BARS), whole)
        for kind, rule in RULES.items():
            source = (ROOT / "data" / "planted" / f"{kind}.py").read_text(encoding="utf-8")
            for gain in rule.gains:
                strength = gain / GAIN_PER_STRENGTH
                bed = prepare(demo_market(seed=seed, edge=rule.edge, strength=strength, assets=ASSETS, bars=BARS), whole, Costs())
                (signals,) = pool.signals(source, [{}], bed.data, salt=salt_of(source, bed.market.panel.data_hash))
                assert isinstance(signals, Signals), signals
                real = daily_returns(simulate_signals(bed.market, signals, Costs()).daily_equity)
                luck = daily_returns(simulate_signals(twin, signals, Costs(0, 0)).daily_equity)
                slope = np.cov(real, luck)[0, 1] / luck.var(ddof=1)
                scale = np.sqrt(days_per_year) / real.std(ddof=1)
                found.setdefault((kind, gain), []).append((real.mean() * scale, (real.mean() - slope * luck.mean()) * scale))
    pool.close()
    for (kind, gain), sharpes in found.items():
        mean, error = np.mean(sharpes, axis=0), np.std(sharpes, axis=0, ddof=1) / np.sqrt(len(sharpes))
        figures = dict(zip(("sharpe", "sharpe_without_luck"), np.round(mean, 3).tolist(), strict=True))
        errors = dict(zip(("error", "error_without_luck"), np.round(error, 3).tolist(), strict=True))
        print(json.dumps({"kind": kind, "gain": gain, "seeds": len(sharpes), **figures, **errors}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
