"""How long does a scenario take under shared cash, as a multiple of what it takes in equal sleeves?

    python studies/shared_cash_speed.py STORE [DATA] [SETS]

Takes so many parameter sets (default 8) of each seed strategy, on a grid, over all rows of that dataset (default demo), and times
the kernels alone, in turn, on one thread, the best of seven. Prints one JSON object: for each account and strategy milliseconds
a scenario and the ratio to equal sleeves, and over all strategies their sums. A ratio of at most 4 is wanted.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TURNS = 7


def main(store: str, data: str, sets: int) -> dict[str, Any]:
    from engine.backtest import kernel
    from engine.backtest.simulation import BATCH, Room, simulate_batch
    from engine.backtest.sweep import prepare, salt_of
    from engine.market.catalog import Catalog
    from engine.records import Costs, SharedCash, Signals, Window
    from engine.settings import Limits, load_settings
    from engine.strategy.params import grid
    from engine.strategy.sandbox import SandboxPool

    catalog = Catalog(load_settings(store).bars_dir)
    catalog.ensure_demo()
    panel = catalog.open(data)
    bed, room = prepare(panel, Window("all", 0, panel.bars), Costs()), Room(panel.bars)
    accounts = {
        "10 of 10 %": SharedCash(),
        "all of 1/N": SharedCash(panel.assets, 1 / panel.assets),
        "3 of 50 %": SharedCash(3, 0.5),
    }
    ms: dict[str, dict[str, float]] = {name: {} for name in ("sleeves", *accounts)}
    facts: dict[str, dict[str, int]] = {name: {"trades": 0, "rejected": 0} for name in ms}
    pool = SandboxPool(1, Limits())
    for path in sorted((ROOT / "data" / "strategies").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        params = grid(pool.ranges(source), sets)  # type: ignore[arg-type]
        answers = pool.signals(source, params, bed.data, salt=salt_of(source, panel.data_hash))
        batch = [answer for answer in answers if isinstance(answer, Signals)][:BATCH]

        def run(account: SharedCash | None, batch: list[Signals] = batch) -> Any:
            return simulate_batch(bed.market, batch, bed.costs, room, account)

        for name, account in {"sleeves": None, **accounts}.items():
            for found in run(account):
                facts[name]["trades"] += found.trades
                facts[name]["rejected"] += int(found.sums[:, kernel.REJECTED].sum())
        best = _in_turn({name: (lambda a=account: run(a)) for name, account in {"sleeves": None, **accounts}.items()})
        for name, seconds in best.items():
            ms[name][path.stem] = seconds / len(batch) * 1e3
    pool.close()
    sleeves = ms["sleeves"]
    return {
        "data": data, "bars": panel.bars, "assets": panel.assets, "load": os.getloadavg()[0], "done": facts,
        "ms_a_scenario": {name: {k: round(v, 2) for k, v in of.items()} for name, of in ms.items()},
        "ratio": {name: {k: round(v / sleeves[k], 2) for k, v in of.items()} for name, of in ms.items()},
        "ratio_of_sums": {name: round(sum(of.values()) / sum(sleeves.values()), 2) for name, of in ms.items()},
    }  # fmt: skip


def _in_turn(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each, the best of several turns in which one follows the other, so that a busy machine slows all alike."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(TURNS):
        for name, act in work.items():
            began = time.perf_counter()
            act()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(json.dumps(main(sys.argv[1], *sys.argv[2:3] or ["demo"], int(sys.argv[3]) if len(sys.argv) > 3 else 8), indent=1))
