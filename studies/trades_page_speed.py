"""How long does the Trades page take for a run of some 50,000 trades?

    python -m studies.trades_page_speed FOLDER

Builds a store in the folder with a made-up market of 100 assets whose train has 17,520 bars, and one run by hand on it; opens
each view of the page twice as a viewer would (Streamlit's AppTest): once when nothing is known yet, then again. Wanted: 1.5 s.
"""

import os
import sys
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from engine.market.catalog import Catalog
from engine.market.demo import demo_market
from engine.market.quality import assess
from engine.records import StopConditions
from engine.research.campaign import Choices
from engine.research.service import ResearchService
from engine.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
ASSETS, TRAIN_BARS, TRAIN_SHARE = 100, 17_520, 0.6
VIEWS = ("Groups", "Sequences", "Worst and best", "Kinds of entries", "What if")
STRATEGY = '''"""Enters where the sixth digit of a move says so: many trades without a meaning."""

PARAMS = {"share": (1, 2)}


def signals(market, params, ta):
    digit = (market.close.pct_change().abs() * 1e6) % 92
    return {
        "entries": digit < params["share"],
        "short_entries": digit > 92 - params["share"],
        "stop_loss": 0.03,
        "take_profit": 0.05,
        "max_bars": 30,
    }
'''


def build(folder: Path) -> int:
    """The store with its run; how many trades it made on train."""
    settings = load_settings(folder)
    panel = demo_market("wide", assets=ASSETS, bars=int(TRAIN_BARS / TRAIN_SHARE))
    Catalog(settings.bars_dir).save(panel, source="SYNTHETIC", quality=assess(panel))
    service = ResearchService(settings)
    campaign_id = service.enter(service.draft("wide", Choices(scenarios=1, stop=StopConditions(runs=1))))
    service.run_by_hand(campaign_id, STRATEGY)
    service.wait()
    run = service.queries.run(str(service.queries.runs(campaign_id)["run_id"].iloc[0]))
    service.close()
    if run.failure or not run.figures["train"]:
        raise SystemExit(f"the run failed: {run.failure or run.reason}")
    return int(run.figures["train"]["trades_with_open"])


def opened(app: AppTest, view: str) -> float:
    """Seconds that the page takes with that view."""
    began = time.perf_counter()
    app.segmented_control(key="trades.view").set_value(view).run()
    seconds = time.perf_counter() - began
    if app.exception:
        raise SystemExit(f"{view}: {app.exception[0].message}")
    return seconds


def main(folder: Path) -> None:
    print(f"{build(folder):,} trades on train\n")
    os.environ["EDGEWISE_STORE"] = str(folder)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    began = time.perf_counter()
    app.switch_page("pages/trades.py").run()
    print(f"| what | first, s | again, s |\n|---|---|---|\n| the page, nothing known yet | {time.perf_counter() - began:.2f} | |")
    firsts = {view: opened(app, view) for view in VIEWS[1:] + VIEWS[:1]}
    for view in VIEWS:
        print(f"| {view} | {firsts[view]:.2f} | {opened(app, view):.2f} |", flush=True)
    sys.stdout.flush()
    os._exit(0)  # the app's cached service has threads that wait


if __name__ == "__main__":
    main(Path(sys.argv[1]))
