"""An explanation as compact text: for the model, which reads it by the token, and for people on the command line.

Ordered by money; every rate with its n, what is beyond chance with its interval. Names of assets and times come from the
explanation's `names`: for a model neither symbols nor dates.
"""

from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.around_trades import Around, Surroundings
from engine.analysis.breakdowns import breakdown_table
from engine.analysis.dimensions import Dimension
from engine.analysis.explanation import Explanation
from engine.analysis.findings import NAMED, Finding
from engine.analysis.sequences import Sequences
from engine.analysis.wording import rough, rough_change
from engine.backtest.simulation import Market
from engine.features.entry_states import RECENT

MOST_FINDINGS, MOST_TRADES, MOST_SEQUENCES = 6, 3, 3
MOST_CHARS = 3_600
"""Longest text, whatever the run: some 1,200 tokens."""
CHARS_PER_TOKEN = 3.0
"""Figures and names take more tokens than prose: common tokenizers came to 3.0 to 3.6 characters a token on packs."""


def tokens_in(text: str) -> int:
    """About how many tokens a model reads that text as, rather more than less."""
    return -int(-len(text) // CHARS_PER_TOKEN)


def pack_text(found: Explanation, market: Market, *, most_chars: int = MOST_CHARS) -> str:
    """What the trades of one window say, at most so long: what weighs least is left out."""
    if not found.sample.trades:
        return f"TRADES on {market.window.name}: none"
    around = Surroundings(market)
    sections = [
        [_head(found, market)],
        _findings(found),
        _sequences(found, around),
        _exits(found),
        _extremes(found, around, best=False),
        _extremes(found, around, best=True),
        _kinds(found),
        _split(found),
    ]
    return _fitted(sections, most_chars)


def _fitted(sections: list[list[str]], most_chars: int) -> str:
    """The sections, without the last lines of the last ones where they would be too long, nor a heading of nothing."""
    lines = [(line, len(section) > 1 and not at) for section in sections for at, line in enumerate(section)]
    while lines and (sum(len(line) + 1 for line, _ in lines) - 1 > most_chars or lines[-1][1]):
        lines.pop()
    return "\n".join(line for line, _ in lines)


def _head(found: Explanation, market: Market) -> str:
    sample = found.sample
    (row,) = _cells(found, "all", np.zeros(sample.trades, np.int64), ("all",))
    days, periods = ("day" if sample.period_days == 1 else "days"), ("period" if sample.periods == 1 else "periods")
    return (
        f"TRADES on {market.window.name}: {sample.trades}, P/L {rough_change(row['pnl'])} of capital, won {rough(row['wins'])},"
        f" mean {rough_change(row['expectancy'])}{_interval(row['low'], row['high'])} after costs; {sample.periods} independent"
        f" {periods} of {sample.period_days} {days}"
    )


def _cells(found: Explanation, name: str, codes: np.ndarray, what: tuple[str, ...]) -> list[dict[str, Any]]:
    """What each group of trades made."""
    table = breakdown_table(found.sample, [Dimension(name, name, codes, what)])
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" (95%: {rough_change(low)} to {rough_change(high)})"


def _findings(found: Explanation) -> list[str]:
    tried = int(found.breakdowns["p"].notna().sum())
    if not found.findings:
        return [
            f"BEYOND CHANCE: nothing; none of {tried} groups differs from the other trades (false discovery rate {NAMED:.0%})"
        ]
    head = f"BEYOND CHANCE (of {tried} groups, false discovery rate {NAMED:.0%}), most money first:"
    return [head, *(f"- {finding_line(f)}" for f in found.findings[:MOST_FINDINGS])]


def finding_line(f: Finding) -> str:
    """`entered on a Monday: 789 trades, P/L -29% of capital (95%: -38% to -20%), mean -1.1%, others -0.1%, q 8e-07`."""
    return (
        f"{f.what}: {f.n} trades, P/L {rough_change(f.value)} of capital{_interval(f.low, f.high)}, mean"
        f" {rough_change(f.expectancy)}, others {rough_change(f.others)}, q {f.q:.1g}"
    )


def _sequences(found: Explanation, around: Surroundings) -> list[str]:
    ordered = sorted(found.sequences, key=lambda s: -abs(s.pnl))[:MOST_SEQUENCES]
    head = "SEQUENCES (chance: share of random orders of the same trades with as much):"
    return [head, *(f"- {sequence_line(s, found, around)}" for s in ordered)] if ordered else ["SEQUENCES: none"]


def sequence_line(s: Sequences, found: Explanation, around: Surroundings) -> str:
    """What such sequences came to, and the one that weighs most with what the market did meanwhile."""
    told = f"{s.what}: {s.count} with {s.trades} trades, P/L {rough_change(s.pnl)} of capital, chance {s.chance:.2g}"
    most = s.episodes[0]
    moves = around.around(most.asset, most.first_bar - 1, most.last_bar)
    place = "over several assets" if most.asset is None else f"on {found.names.assets[most.asset]}"
    asset = "" if most.asset is None else f"asset {_move(moves.asset['during'])}, "
    state = "".join(f"; {label} {own:.2g} against {others:.2g}" for label, own, others in s.state)
    bars, begin = most.last_bar - most.first_bar + 1, found.names.bar(most.first_bar)
    return (
        f"{told}; most: {len(most.trades)} {place} within {bars} bars from {begin},"
        f" P/L {rough_change(most.pnl)}, {asset}market {_move(moves.market['during'])} meanwhile{state}"
    )


def _exits(found: Explanation) -> list[str]:
    codes, reasons = pd.factorize(found.table["reason"], sort=True)
    cells = sorted(_cells(found, "reason", codes, tuple(map(str, reasons))), key=lambda row: row["pnl"])
    parts = [f"{row['what']} {row['trades']}, won {rough(row['wins'])}, P/L {rough_change(row['pnl'])}" for row in cells]
    return [f"EXITS (number, won, P/L of capital): {'; '.join(parts)}"]


def _extremes(found: Explanation, around: Surroundings, *, best: bool) -> list[str]:
    """The trades of most or least return, each asset once, so that one episode does not fill the list."""
    table = found.table.sort_values("return", ascending=not best, kind="stable")
    some = table.drop_duplicates("asset").head(min(MOST_TRADES, max(len(table) // 2, 1)))
    head = f"{'BEST' if best else 'WORST'} (asset and market: move {RECENT} bars before / during / {RECENT} bars after):"
    return [head, *(f"- {trade_line(row, found, around)}" for _, row in some.iterrows())]


def trade_line(trade: pd.Series, found: Explanation, around: Surroundings) -> str:
    """One trade: where, how it ended, how far it went, and what went on around it."""
    moves: Around = around.of_trade(trade)
    own, whole = (" / ".join(_move(m) for m in side.values()) for side in (moves.asset, moves.market))
    asset, entered = found.names.assets[int(trade["asset"])], found.names.bar(int(trade["entry_bar"]))
    return (
        f"{asset} {trade['direction']} {rough_change(trade['return'])}, {entered},"
        f" {trade['reason']} after {trade['bars_held']} bars, worst {rough_change(trade['mae'])}, best"
        f" {rough_change(trade['mfe'])}; asset {own}; market {whole}"
    )


def _move(value: float) -> str:
    return "no bars" if np.isnan(value) else rough_change(value)


def _kinds(found: Explanation) -> list[str]:
    if found.clusters is None:
        return []
    cells = sorted(_cells(found, "cluster", found.clusters.codes, found.clusters.what), key=lambda row: row["pnl"])
    lines = [f"- {r['what']}: {r['trades']}, {rough_change(r['expectancy'])}, {rough_change(r['pnl'])}" for r in cells]
    return ["KINDS OF ENTRY (clusters: number, mean, P/L of capital):", *lines]


def _split(found: Explanation) -> list[str]:
    if found.rule is None or np.isnan(found.rule.p):
        return []
    cells = sorted(_cells(found, "rule", found.rule.codes, found.rule.what), key=lambda row: row["expectancy"])
    worst, best = (f"{r['what']} ({r['trades']}, mean {rough_change(r['expectancy'])})" for r in (cells[0], cells[-1]))
    ahead = f"better ones led by {rough_change(found.rule.ahead)}, chance {found.rule.p:.2g}"
    return [f"SPLIT by a tree: best {best}; worst {worst}; on trades that it had not seen its {ahead}"]
