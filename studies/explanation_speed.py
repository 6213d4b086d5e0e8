"""How long does it take to explain a run of many trades, to write the model's text of it, and to answer a what-if?

    python -m studies.explanation_speed [TURNS]

A made-up market of 100 assets and 17,520 bars, on which random entries with a stop make more than 50,000 trades; the best and the
median of so many turns (5), in one process. Wanted: the whole explanation in at most 2 s, the model's text in at most 300 ms, a
what-if in at most 1 s.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from engine.analysis.explanation import explain
from engine.analysis.names import names_for_model
from engine.analysis.pack_text import pack_text, tokens_in
from engine.analysis.plain_explanation import plain_explanation
from engine.analysis.what_if import WhatIf, what_if
from engine.backtest.portfolio import run_signals
from engine.backtest.simulation import open_market
from engine.market.demo import demo_market
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals

ASSETS, BARS, SHARE = 100, 17_520, 0.02


def main(turns: int) -> None:
    panel = demo_market("speed", assets=ASSETS, bars=BARS)
    market, rng = open_market(panel, Window("train", 0, BARS)), np.random.default_rng(0)
    flags = {name: rng.random((BARS, ASSETS)) < SHARE for name in ("entries", "short_entries")}
    signals = pack_signals(flags, {"stop_loss": 0.03, "take_profit": 0.05}, max_bars=30)
    result, names = run_signals(signals, market, Costs()), names_for_model(market)
    found = explain(result, names)
    text = pack_text(found, market)
    print(f"{len(result.trades):,} trades; the text has {len(text):,} characters, about {tokens_in(text):,} tokens\n")
    print("| what | best, s | median, s |\n|---|---|---|")
    cases: dict[str, Callable[[], object]] = {
        "the whole explanation": lambda: explain(result, names),
        "the model's text": lambda: pack_text(found, market),
        "the answer of `engine explain`": lambda: plain_explanation(found, market),
        "what if: without one side": lambda: what_if(result, found, WhatIf(leave_out=("direction", 0))),
        "what if: without the lowest volume": lambda: what_if(result, found, WhatIf(leave_out=("volume", 0))),
        "what if: a pause of 24 bars": lambda: what_if(result, found, WhatIf(cooldown=24)),
        "what if: stops twice as far": lambda: what_if(result, found, WhatIf(stop=2.0)),
    }
    for what, run in cases.items():
        took = []
        for _ in range(turns):
            began = time.perf_counter()
            run()
            took.append(time.perf_counter() - began)
        print(f"| {what} | {min(took):.2f} | {statistics.median(took):.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
