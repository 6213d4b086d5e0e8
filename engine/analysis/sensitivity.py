"""Which parameters a result hangs on: what the objective did over the scenarios of a sweep, parameter by parameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.wording import NOT_COMPUTED, ratio
from engine.figures import PORTFOLIO_FIGURES
from engine.records import Params, ParamValue

MOST_CHARS = 950
"""Longest text of the section: 64 parameters with long names must not crowd the rest out of a prompt."""
LEAST_SCENARIOS = 5
EDGE_SHARE = 0.02
CHOICES_SHOWN = 3
LONGEST_CHOICE = 24


@dataclass(frozen=True)
class _Line:
    """What is said of one parameter, and how strongly the objective hangs on it (0 to 1)."""

    strength: float
    text: str


def sensitivity_section(
    table: pd.DataFrame, values: np.ndarray, params: Sequence[Params], best: int, *, objective: str, min_trades: int,
    most_chars: int = MOST_CHARS,
) -> str:  # fmt: skip
    """For each parameter its rank correlation with the objective (Spearman 1904), the median of its values in the best third
    of scenarios and in the worst, and whether the best set lies at the edge of what was tried.

    `values`: objective by scenario, NaN where there is none; where fewer than LEAST_SCENARIOS have one, the number of trades
    takes its place, since then that is what has to change. A choice of texts shows the median by choice and the correlation
    ratio of the ranks instead. Parameters that matter most come first, and those that do not fit in `most_chars` are counted.
    """
    label = PORTFOLIO_FIGURES[objective].label
    trades = table["trades_with_open"].to_numpy(float)
    head = f"PARAMETER SENSITIVITY on train, {_spread(values, trades, label, min_trades)}"
    scores = np.asarray(values, float)
    if np.isfinite(scores).sum() < LEAST_SCENARIOS:
        head += f"; too few have a {label}, so the number of trades stands in its place"
        scores, label = trades, "number of trades"
    kept = np.isfinite(scores)
    names = list(params[best])
    if not names:
        return f"{head}\nthe strategy has no parameters"
    if kept.sum() < LEAST_SCENARIOS:
        return f"{head}\nnot computed: {kept.sum()} scenarios ran, wanted {LEAST_SCENARIOS}"
    head += (
        f"\nparameter: rank correlation with {label} over {kept.sum()} scenarios; median in best / worst third; best set's value"
        " of range tried"
    )
    rows = np.flatnonzero(kept).tolist()
    lines = [_line(name, [params[i][name] for i in rows], params[best][name], scores[rows]) for name in names]
    return _fit(head, sorted(lines, key=lambda line: -line.strength), most_chars)


def _spread(values: np.ndarray, trades: np.ndarray, label: str, min_trades: int) -> str:
    """How the objective lies over all scenarios: a best that stands alone is luck."""
    found = values[np.isfinite(values)]
    text = f"{len(values)} scenarios"
    if failed := int(np.isnan(trades).sum()):
        text += f", {failed} failed"
    text += f", {int((trades >= min_trades).sum())} with at least {min_trades} trades"
    if len(found):
        low, middle, high = (ratio(float(v)) for v in np.quantile(found, (0.0, 0.5, 1.0)))
        text += f"; {label}: best {high}, median {middle}, worst {low}"
    return text


def _line(name: str, tried: list[ParamValue], chosen: ParamValue, scores: np.ndarray) -> _Line:
    if any(isinstance(v, str | bool) for v in tried):
        return _choice_line(name, tried, chosen, scores)
    numbers = np.array(tried, float)
    if np.ptp(numbers) == 0:
        return _Line(0.0, f"{name}: one value tried, {_shown(chosen)}")
    rho = _correlation(_ranks(numbers), _ranks(scores))
    third = max(1, len(scores) // 3)
    order = np.argsort(scores, kind="stable")
    low, high = np.median(numbers[order[:third]]), np.median(numbers[order[-third:]])
    span = f"{numbers.min():.3g} to {numbers.max():.3g}"
    text = f"{name}: {_signed(rho)}; {high:.3g} / {low:.3g}; {_shown(chosen)} of {span}"
    return _Line(0.0 if math.isnan(rho) else abs(rho), text + _edge(numbers, float(chosen)))


def _edge(tried: np.ndarray, chosen: float) -> str:
    """By share of scenarios beyond the chosen value, which holds for linear and logarithmic ranges alike."""
    below, above = (tried < chosen).mean(), (tried > chosen).mean()
    if min(below, above) > EDGE_SHARE:
        return ""
    return ", AT THE LOW EDGE" if below < above else ", AT THE HIGH EDGE"


def _choice_line(name: str, tried: list[ParamValue], chosen: ParamValue, scores: np.ndarray) -> _Line:
    ranks = pd.Series(_ranks(scores))
    keys = pd.Series([_shown(v) for v in tried])
    means = ranks.groupby(keys).transform("mean")
    total = float(((ranks - ranks.mean()) ** 2).sum())
    strength = math.sqrt(float(((means - ranks.mean()) ** 2).sum()) / total) if total > 0 else math.nan
    medians = pd.Series(scores).groupby(keys).median().sort_values(ascending=False, kind="stable")
    shown = medians.iloc[: CHOICES_SHOWN - 1] if len(medians) > CHOICES_SHOWN else medians
    texts = [f"{key} {ratio(value)}" for key, value in shown.items()]
    if len(medians) > CHOICES_SHOWN:
        texts.append(f"last of {len(medians)} {medians.index[-1]} {ratio(medians.iloc[-1])}")
    text = f"{name}: correlation ratio {ratio(strength)}; median by choice {', '.join(texts)}; best set {_shown(chosen)}"
    return _Line(0.0 if math.isnan(strength) else strength, text)


def _shown(value: ParamValue) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    text = str(value)
    return text if len(text) <= LONGEST_CHOICE else text[: LONGEST_CHOICE - 1] + "…"


def _signed(rho: float) -> str:
    return NOT_COMPUTED if math.isnan(rho) else f"{rho:+.2f}"


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, of equals their mean."""
    return pd.Series(values).rank().to_numpy(float)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0 else math.nan


def _fit(head: str, lines: list[_Line], most_chars: int) -> str:
    """The section with as many lines as fit, and how many were left out."""
    out, room = [head], most_chars - len(head) - 60
    for i, line in enumerate(lines):
        if len(line.text) + 1 > room:
            out.append(f"{len(lines) - i} parameters that matter less are left out")
            break
        room -= len(line.text) + 1
        out.append(line.text)
    return "\n".join(out)
