"""The statistics pack: all that a model is told of a run, computed from train alone, as compact text.

Assets go by position (A000, A001, …), bars by number, prices never: nothing in it could recite history. Nothing of
validation or the vault is an argument, and of the panel only the rows of train are read. Equal inputs give equal bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.asset_stories import asset_section
from engine.analysis.benchmarks import RELATIONS, Check, check_benchmarks
from engine.analysis.cost_section import cost_section
from engine.analysis.explanation import explain
from engine.analysis.folds import fold_sharpes
from engine.analysis.names import names_for_model
from engine.analysis.pack_text import pack_text
from engine.analysis.sensitivity import MOST_CHARS as LONGEST_SENSITIVITY
from engine.analysis.sensitivity import sensitivity_section
from engine.analysis.wording import NOT_COMPUTED, count, figure_text, percent, ratio
from engine.backtest.portfolio import Result
from engine.figures import PORTFOLIO_FIGURES, Figure
from engine.records import Benchmarks, Params

MOST_CHARS = 4_500
"""Longest text of a pack, whatever the run: a test fills every section. Typical packs have some 4,000 characters, about
1,500 tokens: parameters that matter little make room for the rest."""
_TRADES_CHARS = 1_500
"""What the whole pack tells of trades; who reviews trades alone is told more."""
_IN_COSTS = ("turnover", "fees")
_COMPARED = (
    "total_return", "sharpe", "max_drawdown", "trades_with_open", "win_rate_with_open", "profit_factor_with_open",
    "expectancy_with_open", "exposure", "assets_traded",
)  # fmt: skip
"""Figures that stand beside the parent's; the others follow from them or are the same for both."""


@dataclass(frozen=True)
class Pack:
    """The text, whole; what there is to say of trades alone, for who reviews those, the same as on the Trades page; the section
    on parameters alone; Sharpe by fold of train."""

    text: str
    trades: str
    sensitivity: str
    folds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ParentFacts:
    """What is compared of the parent run, all on train: portfolio figures, asset figures by symbol, Sharpe by fold."""

    figures: Mapping[str, float]
    assets: pd.DataFrame
    folds: tuple[float, ...]


def statistics_pack(
    *, table: pd.DataFrame, values: np.ndarray, params: Sequence[Params], best: int, result: Result, assets: pd.DataFrame,
    daily: np.ndarray, benchmarks: Benchmarks, parent: ParentFacts | None, objective: str, min_trades: int,
    indicators: pd.DataFrame | None = None,
) -> Pack:  # fmt: skip
    """The pack of a run's best set.

    `table`: portfolio figures on train, one row a scenario; `values`: the objective by scenario, NaN where there is none;
    `params`: by scenario; `best`: the row that won; `result`, `assets`, `daily`: what that set did on train, its asset figures
    indexed by symbol, its daily returns; `indicators`: as in `trade_table`. At most MOST_CHARS characters.
    """
    figures = {str(name): float(value) for name, value in table.iloc[best].items()}
    folds = fold_sharpes(daily, result.market.panel.days_per_year)
    explained = explain(result, names_for_model(result.market), indicators=indicators)
    before = (
        _portfolio(figures, parent, result.market.window.bars),
        _benchmarks(check_benchmarks(figures, benchmarks, "train")),
        _folds(folds, parent),
        asset_section(assets, result.market.panel.symbols, None if parent is None else parent.assets),
        pack_text(explained, result.market, most_chars=_TRADES_CHARS),
    )
    costs = cost_section(result)
    room = MOST_CHARS - sum(len(section) + 2 for section in (*before, costs))
    sensitivity = sensitivity_section(
        table, values, params, best, objective=objective, min_trades=min_trades, most_chars=min(room, LONGEST_SENSITIVITY)
    )
    trades = f"{pack_text(explained, result.market)}\n{costs}"
    return Pack("\n\n".join((*before, sensitivity, costs)), trades, sensitivity, folds)


def _portfolio(figures: Mapping[str, float], parent: ParentFacts | None, bars: int) -> str:
    """Figures of the best set; of those in two forms the one that counts open positions."""
    shown = [
        figure
        for name, figure in PORTFOLIO_FIGURES.items()
        if f"{name}_with_open" not in PORTFOLIO_FIGURES and name not in _IN_COSTS
    ]
    head = f"PORTFOLIO on train ({bars} bars; open positions count as trades, at the last close less exit costs)"
    return "\n".join([head, *(_figure(figure, figures, parent) for figure in shown)])


def _figure(figure: Figure, figures: Mapping[str, float], parent: ParentFacts | None) -> str:
    text = f"{figure.label.removesuffix(' (with open)')} {figure_text(figures.get(figure.name, np.nan), figure.unit)}"
    if parent is None or figure.name not in _COMPARED:
        return text
    return f"{text} (parent {figure_text(parent.figures.get(figure.name, np.nan), figure.unit)})"


def _benchmarks(checks: tuple[Check, ...]) -> str:
    if not checks:
        return "BENCHMARKS: none asked for"
    return "\n".join([f"BENCHMARKS: {sum(c.is_met for c in checks)} of {len(checks)} met on train", *map(_gap, checks)])


def _gap(check: Check) -> str:
    figure = PORTFOLIO_FIGURES[check.figure]
    label, unit = figure.label.removesuffix(" (with open)"), figure.unit
    wanted = f"{label} {RELATIONS[check.relation].replace('more than', 'over')} {figure_text(check.wanted, unit)}"
    gap = check.found - check.wanted
    if np.isnan(gap):
        return f"{wanted}: {NOT_COMPUTED}, not met"
    shares = percent(abs(gap)).replace("%", " points")
    size = {"count": count(abs(gap)), "fraction": shares, "sleeve": shares}.get(unit, ratio(abs(gap)))
    return f"{wanted}: {'met by' if check.is_met else 'short by'} {size}"


def _folds(folds: tuple[float, ...], parent: ParentFacts | None) -> str:
    text = f"FOLDS: Sharpe ratio on {len(folds)} consecutive parts of train: {', '.join(map(ratio, folds))}"
    return text if parent is None else f"{text} (parent {', '.join(map(ratio, parent.folds))})"
