"""Frames for tables, from records and frames of the engine: reshaped and worded, with nothing computed but differences."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from engine.analysis.benchmarks import meets_all
from engine.figures import PORTFOLIO_FIGURES
from engine.records import RUN_WINDOWS, Benchmarks, Params
from pages.look import figure_help, figure_label, figure_text, is_missing

CHANGES = ("validation_sharpe", "train_sharpe", "validation_total_return", "train_trades_with_open")
"""Figures whose change from run to run is told."""


def side_by_side(columns: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """All portfolio figures, one a row, as text in their units: a column for each entry, then the definition."""
    table: dict[str, list[str]] = {"Figure": [figure_label(name) for name in PORTFOLIO_FIGURES]}
    for title, figures in columns.items():
        table[title] = [figure_text(name, figures.get(name)) for name in PORTFOLIO_FIGURES]
    return pd.DataFrame(table | {"Definition": [figure_help(name) for name in PORTFOLIO_FIGURES]})


def filter_board(board: pd.DataFrame, *, arms: list[str], status: str, text: str, benchmarks: Benchmarks | None) -> pd.DataFrame:
    """The runs of a board that fit. `text` is looked for in summary, failure and number; with `benchmarks`, only runs that
    meet all of them on train and on validation."""
    shown = board[board["arm"].isin(arms)] if arms else board
    if status != "all":
        shown = shown[shown["status"] == status]
    if text:
        told = shown[["number", "run_id", "summary", "failure_message"]].fillna("").astype(str).agg(" ".join, axis=1)
        shown = shown[told.str.contains(text, case=False, regex=False)]
    if benchmarks is not None:
        shown = shown[_meeting(shown, benchmarks)]
    return shown


def _meeting(board: pd.DataFrame, benchmarks: Benchmarks) -> list[bool]:
    asked = list(dict.fromkeys(b.figure for b in benchmarks.asked))
    found = [board[[f"{window}_{name}" for name in asked]].set_axis(asked, axis=1).to_dict("records") for window in RUN_WINDOWS]
    return [meets_all(dict(zip(RUN_WINDOWS, of, strict=True)), benchmarks) for of in zip(*found, strict=True)]


def what_changed(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs in any order -> newest first, each with where it came from, its parameters, and the change of its main figures
    to the scored run before it (NaN for a failed run and for the first)."""
    told = runs.sort_values("number").reset_index(drop=True)
    scored = told[told["status"] == "scored"]
    for name in CHANGES:
        told[f"change_{name}"] = scored[name].astype(float).diff()
    params = {row.run_id: row.params for row in told.itertuples()}
    numbers = {row.run_id: row.number for row in told.itertuples()}
    told["origin"] = [_origin(parent, numbers) for parent in told["parent_run_id"]]
    told["parameters"] = [
        params_text(own, params.get(parent)) for own, parent in zip(told["params"], told["parent_run_id"], strict=True)
    ]
    return told.iloc[::-1]


def _origin(parent: Any, numbers: Mapping[str, int]) -> str:
    if is_missing(parent):
        return "fresh draw: no parent"
    return f"from run {numbers[parent]:,}" if parent in numbers else f"from run {parent}"


def params_text(own: str | None, parent: str | None = None) -> str:
    """Parameters (JSON text) in words: all of them, or what differs from the parent's."""
    if is_missing(own):
        return ""
    mine, before = json.loads(str(own)), None if is_missing(parent) else json.loads(str(parent))
    if before is None:
        return ", ".join(f"{name} {_value(value)}" for name, value in mine.items()) or "no parameters"
    changed = [f"{n} {_value(before[n])} → {_value(v)}" for n, v in mine.items() if n in before and before[n] != v]
    changed += [f"new: {n} {_value(v)}" for n, v in mine.items() if n not in before]
    changed += [f"gone: {n}" for n in before if n not in mine]
    return ", ".join(changed) or "same parameters"


def _value(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def params_table(params: Params, tried: pd.DataFrame) -> pd.DataFrame:
    """Each parameter's chosen value, and among which the sweep has looked: lowest, highest, how many, place between them."""
    rows = []
    for name, value in params.items():
        values = tried[name] if name in tried else pd.Series([value])
        row: dict[str, Any] = {"Parameter": name, "Chosen": _value(value), "Different values": values.nunique()}
        if isinstance(value, bool | str):
            row["Tried"] = ", ".join(sorted(map(str, values.unique())))
        else:
            low, high = values.min(), values.max()
            row |= {
                "Tried": f"{_value(low)} to {_value(high)}" if high > low else f"{_value(low)} alone",
                "Place": (value - low) / (high - low) if high > low else None,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=["Parameter", "Chosen", "Tried", "Place", "Different values"])


def tried_params(scenarios: pd.DataFrame) -> pd.DataFrame:
    """The parameter sets of a sweep, one column a parameter, indexed like `scenarios`."""
    return pd.DataFrame([json.loads(text) for text in scenarios["params"]], index=scenarios.index)


def scenario_table(scenarios: pd.DataFrame) -> pd.DataFrame:
    """A run's sweep with one column for each parameter, best objective first, failed and uncounted sets last."""
    figures = [name for name in PORTFOLIO_FIGURES if name in scenarios]
    table = pd.concat([scenarios[["scenario", "objective"]], tried_params(scenarios), scenarios[[*figures, "failure"]]], axis=1)
    return table.sort_values("objective", ascending=False, na_position="last", kind="stable")


def trade_table(trades: pd.DataFrame, sleeve: float) -> pd.DataFrame:
    """Trades for a person: fractions in percent, P/L also in money, reasons as words; `sleeve` is an asset's starting capital."""
    shown = trades.copy()
    shown["money"] = shown["pnl"] * sleeve
    shown[["pnl", "return"]] *= 100
    shown["reason"] = shown["reason"].astype(str).str.replace("_", " ")
    return shown


def warnings_on(figures: Mapping[str, float]) -> list[str]:
    """What a reader must know before he trusts a window's figures, in sentences."""
    trades, ambiguous = figures.get("trades_with_open"), figures.get("ambiguous_trades")
    if is_missing(trades) or is_missing(ambiguous) or not trades or not ambiguous:
        return []
    share = f"{ambiguous / trades:.1%}"
    return [f"{ambiguous:,.0f} of {trades:,.0f} trades ({share}) touched stop and target inside one bar; the stop was taken."]
