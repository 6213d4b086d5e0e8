"""The charts of a page as one HTML file: each as it is on the screen, to be looked at closely without the app."""

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go
import streamlit as st

from pages import look


def chart_html(figure: go.Figure, *, first: bool) -> str:
    """One chart for a page of HTML; the first brings the library that draws all of them."""
    return str(figure.to_html(full_html=False, include_plotlyjs=first, config={"displaylogo": False, "responsive": True}))


def html_page(title: str, style: str, body: str) -> str:
    """A whole file of HTML."""
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    return f"<!doctype html><html lang=en><head>{head}<style>{style}</style></head><body>{body}</body></html>"


def charts_html(page: str, charts: Mapping[str, go.Figure], *, dark: bool) -> str:
    """A file that needs nothing else, with these charts one below the other."""
    text, ground = (look.colour(meaning, dark) for meaning in ("text", "ground"))
    style = f"body{{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:{text};background:{ground}}}"
    shown = (
        f"<h2>{escape(_title(key, figure))}</h2>{chart_html(figure, first=not at)}"
        for at, (key, figure) in enumerate(charts.items())
    )
    return html_page(page, style, f"<h1>{escape(page)}</h1>{''.join(shown)}")


def take_away(page: str) -> None:
    """A button for the charts that this page has shown; nothing on a page without any."""
    charts = look.shown_charts()
    if charts:
        dark = look.is_dark()
        st.download_button(
            f"Charts of this page: {len(charts)} (HTML)", lambda: charts_html(f"Edgewise, {page}", charts, dark=dark),
            f"edgewise_{page.lower().replace(' ', '_')}.html", "text/html", on_click="ignore", type="tertiary",
            icon=":material/download:", key="page.charts",
        )  # fmt: skip


def _title(key: str, figure: go.Figure) -> str:
    """What the axes say, else the name under which the page knows it."""
    axes = [axis.title.text for axis in (figure.layout.yaxis, figure.layout.xaxis) if axis.title.text]
    return " by ".join(axes) or key
