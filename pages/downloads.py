"""What can be taken away from a run: code, trades, figures."""

import json

import pandas as pd
import streamlit as st

from engine.records import RUN_WINDOWS
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages.look import is_missing
from pages.report import report_html


def trades_of(service: ResearchService, run_id: str) -> pd.DataFrame:
    """All trades of both windows, for a file."""
    return pd.concat([service.results.result(run_id, w).trades.assign(window=w) for w in RUN_WINDOWS], ignore_index=True)


def downloads(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """Files of this run; trades are computed when the button is pressed."""
    name, figures_of = f"run_{run.number}", pd.DataFrame(run.figures).rename_axis("figure")
    for label, make, file, mime in (
        ("Code (.py)", lambda: run.source, f"{name}.py", "text/x-python"),
        ("Trades (CSV)", lambda: trades_of(service, run.run_id).to_csv(index=False), f"{name}_trades.csv", "text/csv"),
        ("Trades (Parquet)", lambda: trades_of(service, run.run_id).to_parquet(index=False), f"{name}_trades.parquet", None),
        ("Figures (CSV)", lambda: figures_of.to_csv(), f"{name}_figures.csv", "text/csv"),
        ("Report (HTML)", lambda: report_html(service, run, campaign), f"{name}.html", "text/html"),
        ("Figures (JSON)", lambda: figures_json(run, campaign), f"{name}_figures.json", "application/json"),
    ):
        st.download_button(label, make, file, mime, on_click="ignore", width="stretch", key=f"download.{file}")


def figures_json(run: RunRow, campaign: CampaignRow) -> str:
    """A run's figures on both windows as JSON, with all that is needed to compute them again; null: not computed."""
    plain = {w: {name: None if is_missing(v) else v for name, v in figures.items()} for w, figures in run.figures.items()}
    told = {
        "run_id": run.run_id, "number": run.number, "campaign_id": run.campaign_id, "code_hash": run.code_hash,
        "data_hash": campaign.spec.data_hash, "params": run.params, "figures": plain, "spec": campaign.spec.as_dict(),
    }  # fmt: skip
    return json.dumps(told, indent=1)
