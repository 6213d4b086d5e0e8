"""An explanation as plain values, for JSON, tables and downloads.

Rates are fractions. `value` is P/L as a share of all starting capital; `expectancy` the mean over trades of P/L per entry
notional, to which `interval` belongs, but for findings, whose interval is that of their value.
"""

from typing import Any

import pandas as pd

from engine.analysis.around_trades import Surroundings
from engine.analysis.breakdowns import breakdown_table
from engine.analysis.dimensions import Dimension
from engine.analysis.explanation import Explanation
from engine.analysis.findings import Finding
from engine.analysis.group_tests import LEAST_TRADES, q_values
from engine.analysis.pack_text import pack_text, tokens_in
from engine.analysis.sequences import Episode, Sequences
from engine.backtest.simulation import Market

CAPITAL = "of capital"
SHOWN = 5


def plain_explanation(found: Explanation, market: Market) -> dict[str, Any]:
    """findings, worst, best, sequences, breakdowns, clusters, rule, text, tokens; `worst` and `best` have trades and groups."""
    around, text = Surroundings(market), pack_text(found, market)
    return {
        "findings": [_finding(f) for f in found.findings],
        "worst": _extremes(found, around, best=False),
        "best": _extremes(found, around, best=True),
        "sequences": [_sequence(s, found) for s in found.sequences],
        "breakdowns": [_cell(row) for row in found.breakdowns.to_dict("records")],
        "clusters": _clusters(found),
        "rule": _rule(found),
        "trades": found.sample.trades,
        "periods": found.sample.periods,
        "period_days": found.sample.period_days,
        "text": text,
        "tokens": tokens_in(text),
    }


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "kind": f.kind, "what": f.what, "n": f.n, "value": f.value, "unit": CAPITAL, "interval": [f.low, f.high], "q": f.q,
        "p": f.p, "expectancy": f.expectancy, "others": f.others, "dimension": f.dimension,
    }  # fmt: skip


def _cell(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "dimension": row["dimension"], "label": row["label"], "what": row["what"], "known_before": bool(row["is_known_before"]),
        "n": row["trades"], "periods": row["periods"], "win_rate": row["wins"],
        "expectancy": row["expectancy"], "interval": [row["low"], row["high"]], "others": row["others"],
        "mean": row["pnl"] / row["trades"], "value": row["pnl"], "unit": CAPITAL, "q": row.get("q"), "note": row["note"],
    }  # fmt: skip


def _extremes(found: Explanation, around: Surroundings, *, best: bool) -> dict[str, Any]:
    trades = found.table.sort_values("return", ascending=not best, kind="stable").head(min(SHOWN, (len(found.table) + 1) // 2))
    known = found.breakdowns[found.breakdowns["is_known_before"].astype(bool) & (found.breakdowns["trades"] >= LEAST_TRADES)]
    groups = known[known["pnl"] > 0 if best else known["pnl"] < 0].sort_values("pnl", ascending=not best, kind="stable")
    return {
        "trades": [_trade(row, found, around) for _, row in trades.iterrows()],
        "groups": [_cell(row) for row in groups.head(SHOWN).to_dict("records")],
    }


def _trade(trade: pd.Series, found: Explanation, around: Surroundings) -> dict[str, Any]:
    """One trade with what went on around it."""
    moves = around.of_trade(trade)
    names = (
        "direction", "entry_tag", "entry_time", "exit_time", "entry_bar", "exit_bar", "entry_price", "exit_price", "return",
        "bars_held", "reason", "ambiguous", "mae", "mfe",
    )  # fmt: skip
    own = {name: trade[name] for name in names}
    return {
        "asset": found.names.assets[int(trade["asset"])],
        **own,
        "value": trade["pnl"] / len(found.names.assets),
        "unit": CAPITAL,
        "asset_moves": moves.asset,
        "market_moves": moves.market,
    }


def _sequence(s: Sequences, found: Explanation) -> dict[str, Any]:
    return {
        "kind": s.kind, "what": s.what, "count": s.count, "n": s.trades, "value": s.pnl, "unit": CAPITAL, "longest": s.longest,
        "chance": s.chance, "usual": s.usual, "state": [{"what": w, "mean": a, "others": b} for w, a, b in s.state],
        "episodes": [_episode(e, found) for e in s.episodes],
    }  # fmt: skip


def _episode(e: Episode, found: Explanation) -> dict[str, Any]:
    return {
        "asset": None if e.asset is None else found.names.assets[e.asset], "n": len(e.trades), "first_bar": e.first_bar,
        "last_bar": e.last_bar, "from": found.names.bar(e.first_bar), "value": e.pnl, "unit": CAPITAL,
    }  # fmt: skip


def _clusters(found: Explanation) -> list[dict[str, Any]]:
    if found.clusters is None:
        return []
    return _groups(found, Dimension("cluster", "kind of entry", found.clusters.codes, found.clusters.what))


def _rule(found: Explanation) -> dict[str, Any] | None:
    if found.rule is None:
        return None
    leaves = _groups(found, Dimension("rule", "splitting rule", found.rule.codes, found.rule.what))
    return {"leaves": leaves, "ahead": found.rule.ahead, "p": found.rule.p}


def _groups(found: Explanation, dimension: Dimension) -> list[dict[str, Any]]:
    table = breakdown_table(found.sample, [dimension])
    table["q"] = q_values(table["p"].to_numpy(float))
    return [_cell(row) for row in table.to_dict("records")]
