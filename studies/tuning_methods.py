"""How soon does each method find what a grid finds, what does searching itself cost, and what does the first look save or lose?

    python studies/tuning_methods.py STORE [--data crypto100] [--scenarios 200] [--repeats 3] [--methods hybrid,tpe]
                                           [--parts shares,costs] [--quick]

For each seed strategy that has parameters, on train of that dataset (the default split, default costs, Sharpe ratio, at least 100
trades), with two slots and no cache: the best of a grid of so many scenarios, and after how many of its own scenarios each other
method first has as much (median over the repeats, which differ in their seeds; "never" counts as twice the budget). Then the cost
of asking and telling alone, of a robust search beside a plain one, and of a search with a first look beside one without; and how
many of the sets that were given up belonged among the best. `--parts shares` leaves the costs out. `--quick`: 30 assets, 2,000
bars, one repeat. Prints one JSON object.
"""

import argparse
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SLOTS = 2


def overhead(scenarios: int) -> dict[str, float]:
    """CPU milliseconds a scenario for asking and telling alone, five parameters, on a smooth hill."""
    from engine.records import ParamRange
    from engine.research.tuning import METHODS, make_tuner
    from engine.strategy.param_space import positions

    ranges = (
        ParamRange("fast", "int", 5, 40), ParamRange("slow", "int", 20, 200), ParamRange("burst", "float", 1.2, 4.0),
        ParamRange("average", "choice", choices=("ema", "sma")), ParamRange("stop", "float", 0.01, 0.10, log=True),
    )  # fmt: skip
    found = {}
    for method in METHODS:
        make_tuner(method, ranges, 2, np.random.default_rng(0))  # what is imported once is not counted
        tuner, tried, began = make_tuner(method, ranges, scenarios, np.random.default_rng(1)), 0, time.process_time()
        while asked := tuner.ask():
            tuner.tell(asked, 1.0 - np.square(positions(ranges, asked) - 0.4).sum(axis=1))
            tried += len(asked)
        found[method] = round((time.process_time() - began) / tried * 1e3, 2)
    return found


class Bench:
    """Searches of one strategy on one bed."""

    def __init__(self, evaluator: Any, bed: Any, source: str, scenarios: int) -> None:
        from engine.research.objectives import Objective

        self.evaluator, self.bed, self.source, self.scenarios = evaluator, bed, source, scenarios
        self.ranges = evaluator.ranges(source)
        self.objective = Objective("sharpe", 100)

    def search(self, method: str, seed: int, *, looks: bool = False, is_robust: bool = False) -> tuple[Any, float]:
        """(what was found, wall seconds)."""
        from engine.research.objectives import Objective
        from engine.research.search import first_look_of, search
        from engine.research.tuning import make_tuner

        goal = Objective("sharpe", 100, is_robust=is_robust)
        tuner = make_tuner(method, self.ranges, self.scenarios, np.random.default_rng(seed))
        look = first_look_of(method, self.bed, goal, is_cross_sectional=None) if looks else None
        began = time.perf_counter()
        run = lambda sets, screen, before: self.evaluator.sweep(self.source, sets, self.bed, screen=screen)  # noqa: E731
        return search(tuner, self.ranges, goal, run, first_look=look), time.perf_counter() - began

    def needed(self, method: str, seed: int, score: float) -> int | None:
        """After how many scenarios the search first has that score; None if never. It is not followed further."""
        from engine.research.tuning import make_tuner

        tuner, tried = make_tuner(method, self.ranges, self.scenarios, np.random.default_rng(seed)), 0
        while asked := tuner.ask():
            values = self.objective.values(self.evaluator.sweep(self.source, asked, self.bed))
            reached = np.flatnonzero(values >= score)
            if len(reached):
                return tried + int(reached[0]) + 1
            tuner.tell(asked, values)
            tried += len(asked)
        return None

    def robust_over_plain(self) -> float:
        """Time of a robust search over that of one plain sweep of the same sets."""
        robust, robust_s = self.search("robust", 1, is_robust=True)
        began = time.perf_counter()
        self.objective.values(self.evaluator.sweep(self.source, robust.params, self.bed))
        return round(robust_s / (time.perf_counter() - began), 2)

    def first_look(self, seed: int) -> dict[str, float]:
        """Of a hybrid search with first looks: share given up, time beside a search without, and how many of the sets given up
        have a value among the best tenth of all sets asked for, and above the best that was kept."""
        searched, with_looks = self.search("hybrid", seed, looks=True)
        _, without = self.search("hybrid", seed)
        full = self.objective.values(self.evaluator.sweep(self.source, searched.params, self.bed))
        gone = np.array([f is not None and f.kind == "pruned" for f in searched.swept.outcomes.failures])
        winners = full >= np.nanquantile(full, 0.9)
        return {
            "given_up": float(gone.mean()), "time": with_looks / without, "winners": float(winners.sum()),
            "winners_lost": float((winners & gone).sum()), "best_lost": float(np.nanmax(full) > np.nanmax(searched.values)),
        }  # fmt: skip


def main(asked: argparse.Namespace) -> dict[str, Any]:
    from engine.backtest.sweep import prepare
    from engine.market.catalog import Catalog
    from engine.market.splits import split_windows
    from engine.records import Costs, Window
    from engine.research.evaluation import Evaluator
    from engine.settings import Limits, load_settings
    from engine.strategy.sandbox import SandboxPool

    panel = Catalog(load_settings(asked.store).bars_dir).open(asked.data)
    window = split_windows(panel.bars)[0]
    if asked.quick:
        panel, window = panel.select(panel.symbols[:30]), Window("train", 0, 2_000)
    bed, pool = prepare(panel, window, Costs()), SandboxPool(SLOTS, Limits())
    repeats, methods = 1 if asked.quick else asked.repeats, [m for m in asked.methods.split(",") if m]
    rows: dict[str, Any] = {}
    with ThreadPoolExecutor(SLOTS) as executor:
        evaluator = Evaluator(pool, executor)
        for path in sorted((ROOT / "data" / "strategies").glob(asked.strategies)):
            bench = Bench(evaluator, bed, path.read_text(encoding="utf-8"), asked.scenarios)
            if not bench.ranges:
                rows[path.stem] = "no parameters"
                continue
            bench.evaluator.sweep(bench.source, [{r.name: r.choices[0] if r.choices else r.low for r in bench.ranges}], bed)
            grid = bench.search("grid", 1)[0]
            score, count = float(np.nanmax(grid.values)), len(grid.params)
            row: dict[str, Any] = {"grid": round(score, 3), "grid scenarios": count, "share needed": {}}
            for method in methods:
                found = [bench.needed(method, seed, score) for seed in range(1, repeats + 1)]
                row["share needed"][method] = round(statistics.median(2.0 if n is None else n / count for n in found), 3)
            if "costs" in asked.parts:
                row["robust over plain"] = bench.robust_over_plain()
                row["first look"] = bench.first_look(1)
            rows[path.stem] = row
            print(path.stem, json.dumps(row), file=sys.stderr, flush=True)
    pool.close()
    done = [row for row in rows.values() if isinstance(row, dict)]
    looks = [row["first look"] for row in done if "first look" in row]
    costs = {} if not looks else {
        "median robust over plain": statistics.median(row["robust over plain"] for row in done),
        "first look": {
            "median given up": round(statistics.median(look["given_up"] for look in looks), 3),
            "median time": round(statistics.median(look["time"] for look in looks), 3),
            "winners": sum(look["winners"] for look in looks), "winners lost": sum(look["winners_lost"] for look in looks),
            "searches whose best was lost": sum(look["best_lost"] for look in looks),
        },
    }  # fmt: skip
    return {
        "data": asked.data, "assets": panel.assets, "bars": window.bars, "scenarios": asked.scenarios, "repeats": repeats,
        "rows": rows,
        "median share needed": {m: round(statistics.median(row["share needed"][m] for row in done), 3) for m in methods},
        **costs,
        "overhead, CPU ms a scenario": overhead(asked.scenarios), "load": os.getloadavg(),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--data", default="crypto100")
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--methods", default="hybrid,tpe,adaptive,random")
    parser.add_argument("--strategies", default="*.py", help="which files of data/strategies")
    parser.add_argument("--parts", default="shares,costs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(main(parser.parse_args()), indent=1))
