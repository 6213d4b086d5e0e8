"""The report of a run: one file that needs nothing else, with the run's own figures, and nothing in it that could run."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research
from pages.look import figure_text
from pages.report import report_html

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def report(page: Callable[[str], AppTest]) -> str:
    """The report of the best run, under a summary and with a comment that want to be more than text."""
    page("strategy")
    queries = research().queries
    campaign = queries.campaign(str(queries.campaigns()["campaign_id"].iloc[0]))
    run = queries.run(str(queries.runs(campaign.campaign_id)["run_id"].iloc[0]))
    return report_html(research(), replace(run, summary=HOSTILE, source=f"# {HOSTILE}\n{run.source}"), campaign)


def test_it_holds_the_figures_curves_trades_and_code_and_loads_nothing(report: str) -> None:
    queries = research().queries
    run = queries.run(str(queries.runs(str(queries.campaigns()["campaign_id"].iloc[0]))["run_id"].iloc[0]))
    for window in ("train", "validation"):
        for name in ("total_return", "sharpe", "trades_with_open"):
            assert figure_text(name, run.figures[window][name]) in report
    assert "TRADES on train" in report
    assert "def signals(market, params, ta)" in report
    assert report.count("plotly-graph-div") >= 6
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", report)


def test_what_a_strategy_or_a_model_has_written_is_text(report: str) -> None:
    assert HOSTILE not in report
    assert report.count("&lt;script&gt;alert(1)") == 2
