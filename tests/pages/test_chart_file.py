"""The charts of a page as a file: all that were shown, with their values, and nothing that is loaded from elsewhere."""

import re

import plotly.graph_objects as go

from pages.chart_file import charts_html

HOSTILE = "<script>alert(1)</script>"


def test_every_chart_is_there_with_its_values_and_nothing_is_loaded() -> None:
    figures = {
        "first": go.Figure(go.Scatter(y=[1.25, 7.125]), {"yaxis": {"title": {"text": "Equity, %"}}}),
        HOSTILE: go.Figure(go.Bar(y=[3.0625])),
    }
    told = charts_html(f"Trades {HOSTILE}", figures, dark=True)
    assert told.count("plotly-graph-div") == 2
    assert "[1.25,7.125]" in told
    assert "[3.0625]" in told
    assert "<h2>Equity, %</h2>" in told
    assert HOSTILE not in told
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", told)


def test_the_page_names_how_many_charts_it_has_shown(page) -> None:
    strategy = page("strategy")
    assert len(strategy.session_state["look.charts"]) >= 3
