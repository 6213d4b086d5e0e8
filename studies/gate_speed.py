"""How long does the causality gate take, and does it refuse anyone who is honest?

    python studies/gate_speed.py STORE [DRAWS] [BARS]

Screens the seed strategies and so many draws of the random proposer (default 30) on the first bars (default 8,760) of the demo
market in that store, with two slots, confirms the seeds with k = 30, and prints one JSON object: seconds, refusals, load.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SLOTS = 2


def main(store: str, draws: int, bars: int) -> dict[str, Any]:
    from engine.analysis.causality import Verdict, confirm, screen
    from engine.backtest.sweep import prepare, salt_of
    from engine.market.catalog import Catalog
    from engine.market.splits import split_windows
    from engine.proposal.random_proposer import RandomProposer
    from engine.records import Costs, Signals, Window
    from engine.research.gate import ends_of
    from engine.settings import Limits, load_settings
    from engine.strategy.packing import Digester
    from engine.strategy.params import complete_params, draw
    from engine.strategy.sandbox import SandboxPool

    catalog = Catalog(load_settings(store).bars_dir)
    catalog.ensure_demo()
    panel = catalog.open("demo")
    bed = prepare(panel, Window("train", 0, bars), Costs())
    pool = SandboxPool(SLOTS, Limits())
    seconds: dict[str, list[float]] = {"seeds": [], "draws": [], "confirmed": []}
    refused: dict[str, str] = {}

    def timed(what: str, name: str, verdict: Any) -> Verdict:
        began = time.perf_counter()
        found: Verdict = verdict()
        seconds[what].append(time.perf_counter() - began)
        if found.failure:
            refused[f"{what} {name}"] = str(found.failure)
        return found

    with ThreadPoolExecutor(SLOTS) as executor:
        how: Any = {"pool": pool, "executor": executor, "seed": 1, "ends": ends_of(split_windows(panel.bars))}
        for path in sorted((ROOT / "data" / "strategies").glob("*.py")):
            source = path.read_text(encoding="utf-8")
            params, _ = complete_params(pool.ranges(source), {})  # type: ignore[arg-type]
            known = timed("seeds", path.stem, lambda s=source, p=params: screen(s, p, bed, **how))
            (signals,) = pool.signals(source, [params], bed.data, salt=salt_of(source, panel.data_hash))
            if isinstance(signals, Signals):
                digest = Digester().digest(signals)
                deep = lambda s=source, p=params, d=digest, v=known: confirm(s, p, d, v, bed, **how)  # noqa: E731
                timed("confirmed", path.stem, deep)
        for number in range(draws):
            rng = np.random.default_rng(number)
            source = RandomProposer().draw(rng).source
            (params,) = draw(pool.ranges(source), 1, rng)  # type: ignore[arg-type]
            timed("draws", str(number), lambda s=source, p=params: screen(s, p, bed, **how))
    pool.close()
    quantiles = {
        k: dict(zip(("median", "p90", "most"), np.percentile(v, [50, 90, 100]).round(3), strict=True))
        for k, v in seconds.items()
        if v
    }
    return {"bars": bars, "assets": panel.assets, "seconds": quantiles, "refused": refused, "load": os.getloadavg()}


if __name__ == "__main__":
    given = sys.argv[1:]
    print(
        json.dumps(main(given[0], int(given[1]) if len(given) > 1 else 30, int(given[2]) if len(given) > 2 else 8_760), indent=1)
    )
