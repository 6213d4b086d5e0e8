"""How often does a strategy survive where nothing is, and where something is?

    python studies/survival_rates.py STORE [--seeds 4] [--nulls none,mirrored:crypto100] [--strengths 8,4,2] [--scenarios 30]

On each null market, made anew for each seed, of 40 assets: the ten seed strategies with every parameter in the middle of its
range on train, and with the best of so many sets of a grid by train Sharpe, on train and on validation. On planted markets: the
true rule on train. STORE holds the datasets that nulls are made of. A set that makes no profit as it is counts as not surviving
without being tried, since it makes none at twice the costs. Prints a JSON object a line for each group.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ASSETS = 40


class Bench:
    """Counts verdicts on one market."""

    def __init__(self, evaluator: Any, panel: Any) -> None:
        from engine.market.splits import window_named
        from engine.records import Costs

        self.evaluator = evaluator
        self.beds = {
            w: evaluator.bed(panel, panel.symbols, window_named(panel.bars, w), Costs()) for w in ("train", "validation")
        }

    def verdict(self, source: str, params: dict[str, Any], window: str) -> tuple[str, list[str]]:
        """The verdict on that window, and the tests that failed."""
        from engine.research.survival import survive

        bed, ranges = self.beds[window], self.evaluator.ranges(source)
        swept = self.evaluator.sweep(source, [params], bed).table.iloc[0]
        if not swept["total_return"] > 0:
            return "no profit", []
        found = survive(source, params, ranges, bed, self.evaluator)
        return found.survival.verdict, [test.name for test in found.survival.failed]

    def best(self, source: str, scenarios: int) -> dict[str, Any]:
        """The set of a grid with the best Sharpe ratio on train."""
        from engine.strategy.params import grid

        sets = grid(self.evaluator.ranges(source), scenarios)
        sharpes = self.evaluator.sweep(source, sets, self.beds["train"]).table["sharpe"].to_numpy()
        return sets[int(np.argmax(np.where(np.isnan(sharpes), -np.inf, sharpes)))]


def told(group: str, verdicts: list[tuple[str, list[str]]]) -> None:
    """One group's counts."""
    counts, failed = Counter(v for v, _ in verdicts), Counter(name for _, names in verdicts for name in names)
    tried = len(verdicts)
    print(json.dumps({"group": group, "strategies": tried, **counts, "failed": dict(failed.most_common())}), flush=True)


def main() -> None:
    """Every group in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--nulls", default="none,mirrored:crypto100")
    parser.add_argument("--strengths", default="8,4,2")
    parser.add_argument("--scenarios", type=int, default=30)
    asked = parser.parse_args()

    from engine.market.catalog import Catalog
    from engine.market.named_markets import market_named
    from engine.market.planted import RULES
    from engine.research.evaluation import open_evaluator
    from engine.settings import load_settings
    from engine.strategy.params import complete_params

    settings = load_settings(asked.store)
    catalog, seeds = Catalog(settings.bars_dir), range(1, asked.seeds + 1)
    sources = [file.read_text() for file in sorted((ROOT / "data" / "strategies").glob("*.py"))]
    with open_evaluator(settings) as evaluator:
        for strength in [s for s in asked.strengths.split(",") if s]:
            for kind in RULES:
                source = (ROOT / "data" / "planted" / f"{kind}.py").read_text()
                markets = (market_named(f"planted:{kind}:{strength}", seed, catalog) for seed in seeds)
                told(f"planted:{kind}:{strength}", [Bench(evaluator, market).verdict(source, {}, "train") for market in markets])
        for null in [n for n in asked.nulls.split(",") if n]:
            groups: dict[str, list[tuple[str, list[str]]]] = {"as written": [], "tuned": [], "tuned, validation": []}
            for seed in seeds:
                bench = Bench(evaluator, market_named(null, seed, catalog, assets=ASSETS))
                for source in sources:
                    params = complete_params(evaluator.ranges(source), {})[0]
                    groups["as written"].append(bench.verdict(source, params, "train"))
                    best = bench.best(source, asked.scenarios)
                    groups["tuned"].append(bench.verdict(source, best, "train"))
                    groups["tuned, validation"].append(bench.verdict(source, best, "validation"))
                print(f"{null}: seed {seed} done", file=sys.stderr, flush=True)
            for name, verdicts in groups.items():
                told(f"{null}, {name}", verdicts)


if __name__ == "__main__":
    main()
