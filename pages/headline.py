"""Headline figures: a value with its change, its history, its definition, and what it must reach."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import streamlit as st

from engine.analysis.benchmarks import RELATIONS, check_benchmarks
from engine.analysis.intervals import share_interval
from engine.records import Benchmarks
from engine.store.answers import RunRow
from pages.figures import sparkline
from pages.look import count, delta_colour, figure_change, figure_help, figure_text, interval, is_missing, short_label

HEADLINES = ("sharpe", "total_return", "max_drawdown", "win_rate_with_open", "trades_with_open", "assets_traded")
"""Figures that lead a page, in this order; `Queries.progress` holds all of them for both windows."""

HELD = ("sharpe", "annual_return", "max_drawdown", "win_rate_with_open", "total_return", "trades_with_open")
_GROWING = ("total_return", "trades_with_open")  # the windows differ in length


def headline(name: str, progress: pd.DataFrame, number: int, window: str) -> None:
    """One figure of run `number` as a tile: change to the scored run before it, its history up to it, its definition."""
    rows = progress[(progress["number"] <= number) & (progress["status"] == "scored")]
    history = rows[f"{window}_{name}"].astype(float)
    value = history.iloc[-1] if len(history) else None
    before = int(rows["number"].iloc[-2]) if len(rows) > 1 else None
    st.metric(
        short_label(name),
        figure_text(name, value),
        figure_change(name, history.diff().iloc[-1]) if before else None,
        delta_color=delta_colour(name),
        chart_data=sparkline(history.tail(40)),
        help=f"{figure_help(name)} Window: {window}. Source: run {number:,} in the ledger."
        + (f" Change: to run {before:,}, the scored run before it." if before else ""),
        border=True,
        height="stretch",
    )


def show_benchmarks(
    figures: Mapping[str, float], wanted: Benchmarks, window: str, without_skill: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Each benchmark that is asked for on that window, one below the other: met or not, found, wanted, the way as a bar.
    `without_skill`: figure -> who else meets it."""
    for check in check_benchmarks(figures, wanted, window):
        label, reached = short_label(check.figure) + ("" if check.is_required else " (wished)"), 0.0
        if not is_missing(check.found) and check.wanted > 0 and check.relation in (">=", ">"):
            reached = min(max(check.found / check.wanted, 0.0), 1.0)
        found = figure_text(check.figure, check.found)
        if check.figure == "assets_traded" and not is_missing(figures.get("assets_listed")):
            found += f" of {count(figures['assets_listed'])} listed in the window"
        if check.figure == "win_rate_with_open":
            trades = figures.get("trades_with_open", math.nan)
            bounds = interval(*share_interval(check.found, trades))
            found += f" of {count(trades)} trades, 95% interval {bounds} with trades taken as independent"
        with st.container(gap="xxsmall"):
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                st.markdown(f"**{label}**", width="content", help=figure_help(check.figure))
                other = without_skill.get(check.figure, "") if check.is_met else ""
                told = ":orange[:material/casino: met without skill]" if other else ":green[:material/check_circle: met]"
                st.markdown(told if check.is_met else ":gray[not met]", width="content", help=f"Here {other}." if other else None)
            st.progress(float(check.is_met) or reached)
            st.caption(f"{found}; wanted {RELATIONS[check.relation]} {figure_text(check.figure, check.wanted)}")


def holds(run: RunRow) -> None:
    """The main figures on validation beside those on train: does it hold? Those that grow with time are not subtracted."""
    train, validation = run.figures["train"], run.figures["validation"]
    with st.grid(3, min_column_width=230):
        for name in HELD:
            inside, outside = train.get(name), validation.get(name)
            computed = not is_missing(inside) and not is_missing(outside)
            change = figure_change(name, outside - inside) if computed and name not in _GROWING else None
            st.metric(
                f"{short_label(name)} on validation",
                figure_text(name, outside),
                change or f"{figure_text(name, inside)} on train",
                delta_color=delta_colour(name) if change else "off",
                delta_arrow="auto" if change else "off",
                delta_description=f"to train, {figure_text(name, inside)}" if change else None,
                help=f"{figure_help(name)} Source: run {run.number:,}, `{run.run_id}`, in the ledger.",
                border=True, height="stretch",
            )  # fmt: skip
