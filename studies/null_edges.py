"""What do rules earn before costs on markets that are said to hold no edge?

    python studies/null_edges.py STORE DATASET [SEEDS]

Runs the seed strategies with the middle of their ranges, and two rules that leave inside the bar, on mirrored and permuted
markets of a dataset in that store, without costs. Prints a line for each null and strategy: the mean over seeds of the t-value of
its daily returns, and their standard deviation. Noise has a mean of 0 within 2 / sqrt(seeds), and a deviation of about 1.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PROBE = 'PARAMS = {{}}\n\n\ndef signals(market, params, ta):\n    return {{"entries": market.close > 0, {exits}}}\n'
PROBES = {
    "target of 3 %, 24 bars": PROBE.format(exits='"take_profit": 0.03, "max_bars": 24'),
    "stop of 3 %, 24 bars": PROBE.format(exits='"stop_loss": 0.03, "max_bars": 24'),
    "target and stop of 1 %": PROBE.format(exits='"take_profit": 0.01, "stop_loss": 0.01'),
}


def main(store: str, dataset: str, seeds: int) -> None:
    from engine.analysis.metrics import daily_returns
    from engine.backtest.simulation import simulate_signals
    from engine.backtest.sweep import prepare, salt_of
    from engine.market.catalog import Catalog
    from engine.market.named_markets import market_named
    from engine.records import Costs, Signals, Window
    from engine.settings import Limits, load_settings
    from engine.strategy.params import complete_params
    from engine.strategy.sandbox import SandboxPool

    catalog, pool, free = Catalog(load_settings(store).bars_dir), SandboxPool(1, Limits()), Costs(0, 0)
    sources = {p.stem: p.read_text(encoding="utf-8") for p in sorted((ROOT / "data" / "strategies").glob("*.py"))} | PROBES
    params = {name: complete_params(pool.ranges(source), {})[0] for name, source in sources.items()}  # type: ignore[arg-type]
    for null in ("mirrored", "permuted"):
        found: dict[str, list[float]] = {name: [] for name in sources}
        for seed in range(seeds):
            panel = market_named(f"{null}:{dataset}", seed, catalog)
            bed = prepare(panel, Window("all", 0, panel.bars), free)
            for name, source in sources.items():
                salt = salt_of(source, panel.data_hash)
                (signals,) = pool.signals(source, [params[name]], bed.data, salt=salt)
                assert isinstance(signals, Signals), signals
                daily = daily_returns(simulate_signals(bed.market, signals, free).daily_equity)
                if daily.any():
                    found[name].append(float(daily.mean() / daily.std(ddof=1) * np.sqrt(len(daily))))
        for name, values in found.items():
            mean, deviation = np.round([np.mean(values), np.std(values, ddof=1)], 2).tolist()
            print(json.dumps({"null": null, "strategy": name, "seeds": len(values), "mean_t": mean, "sd_t": deviation}))
    pool.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 20)
