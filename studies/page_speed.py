"""How long does each page take with 10,000 runs and 2 million scenario rows in the ledger?

    python studies/page_speed.py FOLDER [RUNS]

Builds such a ledger in the folder (one real campaign, multiplied), opens every page twice as a viewer would (Streamlit's
AppTest) and prints one JSON object: seconds of the second opening, the first, and what the ledger holds.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGES = ("overview", "research_setup", "campaigns", "runs", "scorecard", "strategy", "parameters", "assets", "data")
SCENARIOS = 200


def build(folder: Path, runs: int) -> None:
    """One campaign of two real runs on `demo`, copied until it has that many, with figures moved by noise."""
    from engine.records import StopConditions
    from engine.research.campaign import Choices
    from engine.research.service import ResearchService
    from engine.settings import load_settings
    from engine.store.database import Database

    settings = load_settings(folder)
    service = ResearchService(settings)
    campaign_id = service.launch(service.draft("demo", Choices(scenarios=20, stop=StopConditions(runs=2))))
    service.wait()
    service.close()
    database = Database(settings.database_path)
    rng = np.random.default_rng(1)
    real = {
        t: database.read(f"SELECT * FROM {t}")
        for t in ("runs", "run_times", "scenarios", "run_assets", "run_returns", "run_luck")
    }
    for start in range(2, runs, 500):
        numbers = np.arange(start, min(start + 500, runs))
        copies = {int(n): real["runs"]["run_id"].iloc[n % 2] for n in numbers}
        with database.transaction() as writer:
            for table, rows in real.items():
                writer.insert(table, _multiplied(rows, copies, table, rng))
    database.close()
    print(f"built a ledger of {runs} runs for campaign {campaign_id}", file=sys.stderr)


def _multiplied(rows: pd.DataFrame, copies: dict[int, str], table: str, rng: np.random.Generator) -> pd.DataFrame:
    by_run = dict(list(rows.groupby("run_id")))
    parts = []
    for number, run_id in copies.items():
        part = by_run[run_id]
        if table == "scenarios":
            part = part.iloc[np.arange(SCENARIOS) % len(part)].assign(scenario=np.arange(SCENARIOS))
        parts.append(part.assign(run_id=f"{number + 1:012d}", **({"number": number + 1} if table == "runs" else {})))
    frame = pd.concat(parts, ignore_index=True)
    figures = [c for c in frame.columns if c.endswith(("sharpe", "return", "objective")) and frame[c].dtype == float]
    return frame.assign(**{c: frame[c] + rng.normal(0, 0.1, len(frame)) for c in figures})


def measure(folder: Path) -> dict[str, object]:
    """Seconds of each page, by a viewer who opens it for the first and for the second time."""
    os.environ["EDGEWISE_STORE"] = str(folder)
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    out: dict[str, object] = {}
    for page in PAGES:
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            app.switch_page(f"pages/{page}.py").run()
            seconds.append(round(time.perf_counter() - began, 3))
        if app.exception:
            raise SystemExit(f"{page}: {app.exception[0].message}")
        out[page] = {"again_s": seconds[1], "first_s": seconds[0]}
    return out


def main() -> None:
    """Build, measure, print."""
    folder, runs = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    if not (folder / "research.duckdb").exists():
        build(folder, runs)
    print(json.dumps({"ledger_runs": runs, "scenario_rows": runs * SCENARIOS, "pages": measure(folder)}))
    os._exit(0)  # the app's cached service has threads that wait


if __name__ == "__main__":
    main()
