"""Headline figures: a value with its change, its history, its definition, and what it must reach."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.records import Benchmarks
from pages.figures import sparkline
from pages.look import figure_change, figure_help, figure_text, is_missing, percent

HEADLINES = ("sharpe", "total_return", "max_drawdown", "win_rate_with_open", "trades_with_open", "assets_traded")
"""Figures that lead a page, in this order; `Queries.progress` holds all of them for both windows."""


def headline(name: str, progress: pd.DataFrame, number: int, window: str) -> None:
    """One figure of run `number` as a tile: change to the scored run before it, its history up to it, its definition."""
    rows = progress[(progress["number"] <= number) & (progress["status"] == "scored")]
    history = rows[f"{window}_{name}"].astype(float)
    figure = PORTFOLIO_FIGURES.get(name) or ASSET_FIGURES[name]
    value = history.iloc[-1] if len(history) else None
    before = int(rows["number"].iloc[-2]) if len(rows) > 1 else None
    st.metric(
        figure.label.removesuffix(" (with open)"),
        figure_text(name, value),
        figure_change(name, history.diff().iloc[-1]) if before else None,
        delta_color={True: "normal", False: "inverse", None: "off"}[figure.higher_is_better],
        delta_description=f"to run {before:,}" if before else None,
        chart_data=sparkline(history.tail(40)),
        help=f"{figure_help(name)} Window: {window}. Source: run {number:,} in the ledger.",
        border=True,
        height="stretch",
    )


@dataclass(frozen=True)
class Benchmark:
    """One benchmark against a value: texts to show, and how much of the way is made (0 to 1, None if not computed)."""

    label: str
    wanted: str
    found: str
    reached: float | None
    met: bool
    definition: str


def benchmark_rows(wanted: Benchmarks, figures: Mapping[str, float]) -> list[Benchmark]:
    """The benchmarks that are asked for, against the portfolio figures of one window of one run."""
    rows = []
    asked = {"total_return": wanted.total_return, "trades_with_open": wanted.trades, "assets_traded": wanted.assets,
             "win_rate_with_open": wanted.win_rate}  # fmt: skip
    for name, target in asked.items():
        if target is None:
            continue
        value = figures.get(name)
        label = PORTFOLIO_FIGURES[name].label.removesuffix(" (with open)")
        if is_missing(value):
            rows.append(Benchmark(label, _wanted(name, target), figure_text(name, None), None, False, figure_help(name)))
            continue
        found = figure_text(name, value)
        if name == "assets_traded" and not is_missing(figures.get("assets_listed")):
            found += f" of {figures['assets_listed']:,.0f} listed in the window"
        met = value > target if name == "win_rate_with_open" else value >= target
        reached = min(max(value / target, 0.0), 1.0) if target > 0 else float(met)
        rows.append(Benchmark(label, _wanted(name, target), found, reached, bool(met), figure_help(name)))
    return rows


def _wanted(name: str, target: float) -> str:
    if name == "win_rate_with_open":
        return f"more than {percent(target, signed=False)}"
    return f"at least {figure_text(name, target)}"


def show_benchmarks(wanted: Benchmarks, figures: Mapping[str, float]) -> None:
    """The benchmarks as a list of bars, one below the other."""
    for row in benchmark_rows(wanted, figures):
        mark = ":green[:material/check_circle:] met" if row.met else ":gray[not met]"
        with st.container(gap="xxsmall"):
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                st.markdown(f"**{row.label}**", width="content", help=row.definition)
                st.markdown(mark, width="content")
            st.progress(row.reached or 0.0)
            st.caption(f"{row.found}; wanted {row.wanted}")
