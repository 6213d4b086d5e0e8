"""How things look: one colour for one meaning, one form for one unit.

Colours were chosen so that those that meet in one chart stay apart for deuteranopia, protanopia and tritanopia, on light and
dark ground; lines and marks carry a second sign (dash, shape) beside. `.streamlit/config.toml` repeats profit, loss and warning.
"""

import math
import re
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES, Figure

NOT_COMPUTED = "not computed"
ROW_PX = 35  # of a table: Streamlit's default
SYNTHETIC = "A made-up market: it shows how the search works; nothing can be earned on it."

COLOURS: dict[str, tuple[str, str]] = {
    "train": ("#1267D6", "#4796F5"),
    "validation": ("#CC5F00", "#F2B04B"),
    "vault": ("#562A80", "#DCC8F7"),
    "all": ("#4A5563", "#C3CCD6"),
    "model": ("#8F1B5F", "#EB5E9F"),
    "random": ("#7D8FA9", "#B3C3DA"),
    "mutate": ("#4E6E46", "#A9C79C"),
    "null": ("#D5DAE1", "#333D4A"),
    "buy_and_hold": ("#8F8674", "#938A79"),
    "long": ("#1E93C4", "#3BAFEA"),
    "short": ("#9B7F70", "#B5766B"),
    "profit": ("#00734E", "#86E8BF"),
    "loss": ("#DB4A0F", "#FF6A3A"),
    "warning": ("#A35F00", "#F2B04B"),
    "neutral": ("#5E6B7A", "#9AA7B6"),
    "text": ("#18212B", "#E4E9EF"),
    "grid": ("#E6EAEF", "#242D39"),
    "ground": ("#FFFFFF", "#10151C"),
}
"""Meaning -> (on light ground, on dark ground)."""

ARMS = {"random": "random", "mutate": "mutate", "model": "model", "human": "by hand"}
"""Who wrote a strategy -> how it is told."""

ISOLATION = {
    "full": ("full", "green"),
    "seccomp": ("seccomp only", "green"),
    "seatbelt": ("seatbelt", "green"),
    "policy": ("policy only", "orange"),
    "none": ("none", "red"),
    "": ("being tested", "gray"),
}
"""Level of isolation -> word, colour."""

_SHARES = ("win_rate", "exposure", "max_exposure", "largest_position_share", "fees")
"""Fractions that cannot be negative by their nature: shown without a sign."""


def colour(meaning: str, dark: bool) -> str:
    """The hex colour of that meaning. Raises KeyError for a meaning that has none."""
    return COLOURS[meaning][dark]


def is_dark() -> bool:
    """Whether this viewer's theme is dark."""
    return st.context.theme.type == "dark"


def show(figure: go.Figure, key: str, **options: Any) -> Any:
    """Put a figure of `pages.figures` on the page, as it is, with a bar of tools that stays out of the way."""
    shown_charts()[key] = figure
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"], "scrollZoom": False}
    return st.plotly_chart(figure, theme=None, key=key, config=config, **options)


def shown_charts() -> dict[str, go.Figure]:
    """The charts that the page has shown, by key, since the frame cleared them."""
    return st.session_state.setdefault("look.charts", {})  # type: ignore[no-any-return]


def arm_text(arm: str) -> str:
    """Who writes it, in words; arms that take turns are joined by +."""
    return " and ".join(ARMS.get(part, part) for part in arm.split("+"))


def isolation_badge(level: str, told: str) -> None:
    """How well strategy code is held here, as a badge; hovering tells the whole."""
    word, tint = ISOLATION[level]
    st.badge(f"Isolation: {word}", color=tint, icon=":material/shield:", help=plain(told))  # type: ignore[arg-type]


def problem(error: object) -> None:
    """An error as text: what it says may come from a strategy or a file, and is shown letter for letter."""
    st.error(plain(str(error)), icon=":material/error:")


def header(title: str, question: str) -> None:
    """A page's title and, under it, the question that it answers."""
    st.title(title, anchor=False)
    st.caption(question)


def table_height(rows: int, most: int) -> int | Literal["content"]:
    """Height for `st.dataframe`: as high as its rows while they fit into `most` pixels, then that, with a scroll bar."""
    return "content" if ROW_PX * (rows + 1) <= most else most


def told_table(rows: list[dict[str, str]], name: str) -> None:
    """A short table of tests, readable on a phone: `name` is the column of their names, behind which the sentence "In words"
    stands whole."""
    shown = [{title: plain(text) for title, text in row.items() if title != "In words"} for row in rows]
    told = [{name: f"**{own[name]}**: {plain(row['In words'])}"} for own, row in zip(shown, rows, strict=True)]
    st.table(pd.DataFrame([own | words for own, words in zip(shown, told, strict=True)]), hide_index=True)


def is_missing(value: Any) -> bool:
    """True for what was not computed: None, NaN, NaT, infinite."""
    return value is None or bool(pd.isna(value)) or value in (math.inf, -math.inf)


def percent(value: float | None, *, signed: bool = True, digits: int = 2) -> str:
    """+12.34% of a fraction 0.1234."""
    return NOT_COMPUTED if is_missing(value) else f"{100 * value:{'+' if signed else ''},.{digits}f}%"


def interval(low: float, high: float) -> str:
    """36.87 to 40.41%, of two fractions."""
    return NOT_COMPUTED if is_missing(low) else f"{100 * low:.2f} to {100 * high:.2f}%"


def number(value: float | None, digits: int = 2) -> str:
    """1,234.50"""
    return NOT_COMPUTED if is_missing(value) else f"{value:,.{digits}f}"


def count(value: float | None) -> str:
    """1,234"""
    return NOT_COMPUTED if is_missing(value) else f"{round(value):,}"


def money(value: float | None, currency: str) -> str:
    """100,000.00 USD"""
    return NOT_COMPUTED if is_missing(value) else f"{value:,.2f} {currency}"


def moment(value: datetime | pd.Timestamp | None) -> str:
    """2026-11-22 14:13 UTC; a time without a zone is taken as UTC."""
    if is_missing(value):
        return "never"
    at = pd.Timestamp(value)
    return f"{(at.tz_localize(UTC) if at.tzinfo is None else at.tz_convert(UTC)):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float | None) -> str:
    """A span as people say it: 40 s, 3 min 20 s, 5 h 10 min, 2 d 3 h."""
    if is_missing(seconds):
        return NOT_COMPUTED
    rest = round(max(seconds, 0))
    for size, unit, smaller, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if rest >= size:
            return f"{rest // size} {unit} {rest % size // smaller} {part}"
    return f"{rest} s"


def _figure(name: str) -> Figure:
    return PORTFOLIO_FIGURES.get(name) or ASSET_FIGURES[name]


def figure_text(name: str, value: float | None) -> str:
    """A figure of `engine.figures` as text in its unit; "not computed" for None and NaN."""
    unit = _figure(name).unit
    if unit in ("fraction", "sleeve"):
        return percent(value, signed=name.removesuffix("_with_open") not in _SHARES)
    if unit in ("count", "bars"):
        return count(value)
    return number(value) + ("×" if unit == "multiple" and not is_missing(value) else "")


def figure_label(name: str) -> str:
    """Label and unit, for an axis or a column: `Win rate, %`."""
    figure = _figure(name)
    unit = {"fraction": ", %", "sleeve": ", % of sleeve", "multiple": ", ×", "bars": "", "ratio": "", "count": ""}[figure.unit]
    return figure.label + unit


def short_label(name: str) -> str:
    """Label without the form of a trade figure, where a page shows one form only: `Win rate`."""
    return _figure(name).label.removesuffix(" (with open)")


def delta_colour(name: str) -> Literal["normal", "inverse", "off"]:
    """How `st.metric` is to colour a change of the figure: by which way is better, and not at all where neither is."""
    better = _figure(name).higher_is_better
    return "off" if better is None else ("normal" if better else "inverse")


def figure_help(name: str) -> str:
    """Definition of a figure, for a tooltip."""
    return _figure(name).definition


def figure_table(frame: pd.DataFrame, *, prefixes: tuple[str, ...] = ("",)) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A frame for `st.dataframe` and the column_config of its figures, unit in the header, definition on hovering.

    Columns named `prefix + figure` are taken as figures, `validation.sharpe` for the prefix "validation."; fractions are
    shown in percent. Other columns stay as they are. Pass `placeholder=look.NOT_COMPUTED` to `st.dataframe` beside it.
    """
    shown, config = frame.copy(), {}
    for column in frame.columns:
        prefix = next((p for p in sorted(prefixes, key=len, reverse=True) if p and str(column).startswith(p)), "")
        name = str(column).removeprefix(prefix)
        if name not in PORTFOLIO_FIGURES and name not in ASSET_FIGURES:
            continue
        unit = _figure(name).unit
        if unit in ("fraction", "sleeve"):
            shown[column] = 100 * frame[column].astype(float)
        signed = unit in ("fraction", "sleeve") and name.removesuffix("_with_open") not in _SHARES
        sign = "+" if signed or prefix.startswith("change") else ""
        of = f" ({prefix.rstrip('._ ').replace('_', ', ')})" if prefix else ""
        config[column] = st.column_config.NumberColumn(
            figure_label(name) + of,
            help=figure_help(name),
            format=f"%{sign},d" if unit in ("count", "bars") else f"%{sign},.2f",
        )
    return shown, config


def figure_change(name: str, change: float | None) -> str | None:
    """A difference of two values of a figure, with sign: +1.20 pp, +0.31, +31, 0; None where one was not computed."""
    if is_missing(change):
        return None
    unit = _figure(name).unit
    if unit in ("fraction", "sleeve"):
        text = f"{100 * change:+,.2f} pp"
    else:
        text = f"{change:+,.0f}" if unit in ("count", "bars") else f"{change:+,.2f}"
    return text if text.strip("+-0., p") else "0"


def plain(text: str) -> str:
    """Text that a person or a strategy wrote, safe to put into Markdown: shown letter for letter."""
    return re.sub(r"([\\`*_{}\[\]()#+\-!|~:$<>])", r"\\\1", text)
