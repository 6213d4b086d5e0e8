"""The quality report: what a dataset holds, what is missing or strange in it, in the order of its gravity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.market.assemble import Intake
from engine.market.bars import DAY_NS, DAY_S, Panel
from engine.market.moves import RULES, AssetMoves, find_moves
from engine.market.remarks import flags_of, iso, messages_on

COUNTS = (
    "gaps", "nan_rows", "ohlc_violations", "zero_volume", "missing_volume", "outlier_moves", "wrong_closes", "bars_out_of_place",
    "long_wicks",
)  # fmt: skip


@dataclass(frozen=True)
class QualityReport:
    """What is to be known about a dataset before one trusts a result on it.

    `assets`, indexed by symbol in panel order: counts `bars`, `gaps` (panel rows without a bar between its first and last),
    `nan_rows` (file rows that are no bar), `ohlc_violations`, `zero_volume`, `missing_volume`, and as `market["rules"]` tells
    `outlier_moves`, `wrong_closes`, `bars_out_of_place`, `long_wicks`; `largest_move` (signed fraction, close to close, NaN for
    a single bar); `first_bar`, `last_bar` (UTC); `listed_late`, `ended_early`; `flags`, sentences, empty if nothing is to be
    said (`assets["flags"]`: pandas has an attribute of that name). `market`: the same for the whole, JSON-ready. `messages`:
    sentences, the gravest first.
    """

    assets: pd.DataFrame
    market: dict[str, Any]
    messages: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: times as ISO text, what was not computed as None, one dict for each asset."""
        table = self.assets.reset_index(names="symbol").astype(object)
        for column in ("first_bar", "last_bar"):
            table[column] = [t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in table[column]]
        moves = [None if np.isnan(m) else float(m) for m in self.assets["largest_move"]]
        table["largest_move"] = pd.Series(moves, dtype=object)
        return {"market": self.market, "messages": list(self.messages), "assets": table.to_dict("records")}


def assess(panel: Panel, intake: Intake | None = None) -> QualityReport:
    """The report on a panel; `intake` adds what only the import has seen (rows dropped, rows that are no bar)."""
    intake = intake or Intake(file_rows=int(panel.exists.sum()))
    moves = find_moves(panel)
    assets = _asset_table(panel, intake, moves)
    assets["flags"] = [flags_of(panel, i, row, moves[i]) for i, row in enumerate(assets.itertuples())]
    market = _market(panel, intake, assets)
    return QualityReport(assets, market, tuple(messages_on(panel, intake, assets, market, moves)))


def _asset_table(panel: Panel, intake: Intake, moves: list[AssetMoves]) -> pd.DataFrame:
    exists = panel.exists
    bars = exists.sum(axis=0)
    first, last = panel.first_row, panel.last_row
    body_high, body_low = np.maximum(panel.open, panel.close), np.minimum(panel.open, panel.close)
    violates = (panel.high < np.maximum(body_high, panel.low)) | (panel.low > np.minimum(body_low, panel.high))
    times = pd.to_datetime(panel.times_ns, utc=True)
    nan_rows = intake.nan_rows or {}
    return pd.DataFrame(
        {
            "bars": bars,
            "gaps": last - first + 1 - bars,
            "nan_rows": [nan_rows.get(s, 0) for s in panel.symbols],
            "ohlc_violations": violates.sum(axis=0),
            "zero_volume": (panel.volume == 0).sum(axis=0),
            "missing_volume": (exists & np.isnan(panel.volume)).sum(axis=0) if panel.has_volume else 0,
            "outlier_moves": [m.outliers for m in moves],
            "wrong_closes": [len(m.wrong_closes) for m in moves],
            "bars_out_of_place": [len(m.out_of_place) for m in moves],
            "long_wicks": ((panel.low < body_low / 2) | (panel.high > 2 * body_high)).sum(axis=0),
            "largest_move": [float(np.expm1(m.largest)) for m in moves],
            "first_bar": times[first],
            "last_bar": times[last],
            "listed_late": first > 0,
            "ended_early": last < panel.bars - 1,
        },
        index=pd.Index(panel.symbols, name="symbol"),
    )


def _market(panel: Panel, intake: Intake, assets: pd.DataFrame) -> dict[str, Any]:
    totals = {name: int(assets[name].sum()) for name in COUNTS}
    return {
        "rows": panel.bars,
        "assets": panel.assets,
        "bars": int(assets["bars"].sum()),
        "file_rows": intake.file_rows,
        "first": iso(panel.times_ns[0]),
        "last": iso(panel.times_ns[-1]),
        "timeframe": panel.timeframe,
        "reference": panel.symbols[0],
        "outages": find_outages(panel),
        "unsorted": intake.unsorted,
        "duplicates": intake.duplicates,
        "left_out": list(intake.left_out),
        **totals,
        "listed_late": int(assets["listed_late"].sum()),
        "ended_early": int(assets["ended_early"].sum()),
        "survivors_only": panel.survivors_only,
        "has_volume": panel.has_volume,
        "rules": RULES,
    }


def find_outages(panel: Panel) -> list[dict[str, Any]]:
    """Times at which the whole market is missing: first and last missing bar (ISO) and their number.

    Steps longer than the bar where a market trades round the clock; where it closes (under 80 % of a full grid) only closures
    of more than five days, which no calendar of nights, weekends and holidays explains.
    """
    bar_ns = panel.bar_s * 1_000_000_000
    steps = np.diff(panel.times_ns)
    full_grid = (panel.times_ns[-1] - panel.times_ns[0]) / bar_ns + 1
    never_closes = panel.bar_s > DAY_S or (panel.days_per_year == 365 and panel.bars >= 0.8 * full_grid)
    allowed = 1.5 * bar_ns if never_closes else max(1.5 * bar_ns, 5 * DAY_NS)
    return [
        {
            "first": iso(panel.times_ns[i] + bar_ns),
            "last": iso(panel.times_ns[i] + bar_ns * (missing := max(1, round(steps[i] / bar_ns) - 1))),
            "bars": missing,
        }
        for i in np.flatnonzero(steps > allowed)
    ]
