"""Small records for the store's tests, also for the child processes that they kill."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.records import CampaignSpec, Failure, Proposal, RunRecord, TrialBatch, Window

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
DAY_NS = 86_400_000_000_000


def spec(**changes: Any) -> CampaignSpec:
    windows = (Window("train", 0, 600), Window("validation", 1100, 1300, lead_in=500))
    base = CampaignSpec(name="First", dataset="demo", data_hash="d1", assets=SYMBOLS, windows=windows, min_trades=10)
    return dataclasses.replace(base, **changes)


def figures(seed: int, **changes: float) -> dict[str, float]:
    drawn = np.random.default_rng(seed).normal(size=len(PORTFOLIO_FIGURES))
    return dict(zip(PORTFOLIO_FIGURES, drawn.tolist(), strict=True)) | {"trades_with_open": 50.0} | changes


def assets(seed: int, symbols: tuple[str, ...] = SYMBOLS) -> pd.DataFrame:
    drawn = np.random.default_rng(seed).normal(size=(len(symbols), len(ASSET_FIGURES)))
    return pd.DataFrame(drawn, columns=list(ASSET_FIGURES), index=pd.Index(symbols, name="symbol"))


def scenario_table(seed: int, rows: int) -> pd.DataFrame:
    drawn = np.random.default_rng(seed).normal(size=(rows, len(PORTFOLIO_FIGURES)))
    table = pd.DataFrame(drawn, columns=list(PORTFOLIO_FIGURES))
    return table.assign(params=[json.dumps({"fast": i}) for i in range(rows)], objective=table["sharpe"], failure=None)


def run(number: int, *, campaign: str = "c1", validation: float = 0.5, scenarios: int = 4, **changes: Any) -> RunRecord:
    """A scored run of three assets; `validation` is its validation Sharpe."""
    source = f"# strategy {number}\n"
    days = np.arange(19_000, 19_005)
    base = RunRecord(
        run_id=f"{campaign}-{number:04d}",
        campaign_id=campaign,
        number=number,
        proposal=Proposal(source, f"Change {number}", "random"),
        code_hash=hashlib.sha256(source.encode()).hexdigest(),
        params={"fast": 5, "average": "ema"},
        objective=1.0 + number / 100,
        scenarios=scenario_table(number, scenarios),
        best=0,
        figures={"train": figures(number), "validation": figures(number + 1000, sharpe=validation)},
        assets={"train": assets(number), "validation": assets(number + 1000)},
        daily_returns={w: np.linspace(-0.01, 0.01, 5).astype(np.float32) * number for w in ("train", "validation")},
        days={"train": days, "validation": days + 100},
    )
    return dataclasses.replace(base, **changes)


def failed_run(number: int, campaign: str = "c1") -> RunRecord:
    return run(
        number,
        campaign=campaign,
        failure=Failure("error", "ZeroDivisionError: division by zero", 7),
        scenarios=0,
        params=None,
        objective=float("nan"),
        best=None,
        figures={},
        assets={},
        daily_returns={},
        days={},
    )


def batch(batch_id: str, **changes: Any) -> TrialBatch:
    base = TrialBatch(
        batch_id=batch_id,
        origin="loop",
        arm="random",
        data_hash="d1",
        symbols=SYMBOLS,
        first_ns=0,
        last_ns=10 * DAY_NS,
        window="train",
        scenarios=4,
        code_hash="code",
    )
    return dataclasses.replace(base, **changes)
