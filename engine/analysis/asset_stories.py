"""Which assets carried a run and which cost it, and what changed against the run that it came from."""

import numpy as np
import pandas as pd

from engine.analysis.wording import asset_name, count, rough, rough_change

SHOWN = 3
NOISE = 1e-9
"""Two P/L that differ by less are the same: rounding, not a change."""


def asset_section(assets: pd.DataFrame, symbols: tuple[str, ...], parent: pd.DataFrame | None) -> str:
    """Best and worst traded assets by P/L, and the greatest changes against the parent run both ways.

    `assets`, `parent`: asset figures indexed by symbol; `symbols`: the panel's, whose order gives assets their names. The runs
    are compared on assets that both know and at least one has traded.
    """
    table = assets.reindex(list(symbols)).reset_index(drop=True)
    traded = table[table["trades_with_open"].to_numpy(float) > 0]
    if traded.empty:
        lines = ["ASSETS on train: none traded"]
    else:
        pnl = traded["pnl"].to_numpy(float)
        lines = [
            f"ASSETS on train: {len(traded)} of {len(symbols)} traded, {int((pnl > 0).sum())} at a profit{_top_share(pnl)};"
            " P/L and drawdown of their sleeves",
            *_extremes(traded),
        ]
    if parent is not None:
        lines.append(_changes(table, parent.reindex(list(symbols)).reset_index(drop=True)))
    return "\n".join(lines)


def _top_share(pnl: np.ndarray) -> str:
    """How much hangs on the best few; nothing to say where they are all that made a profit."""
    profits = np.sort(pnl[pnl > 0])[::-1]
    return f" ({rough(profits[:SHOWN].sum() / profits.sum())} of it by the best {SHOWN})" if len(profits) > SHOWN else ""


def _extremes(traded: pd.DataFrame) -> list[str]:
    """Each asset stands in one of the two lists at most."""
    order = np.argsort(-traded["pnl"].to_numpy(float), kind="stable")
    best = order[: min(SHOWN, (len(order) + 1) // 2)]
    worst = order[::-1][: min(SHOWN, len(order) - len(best))]
    rows = [(int(traded.index[i]), traded.iloc[int(i)]) for i in (*best, *worst)]
    texts = [_row(place, row) for place, row in rows]
    return ["best:", *texts[: len(best)], *(["worst:", *texts[len(best) :]] if len(worst) else [])]


def _row(place: int, row: pd.Series) -> str:
    return (
        f"{asset_name(place)} P/L {rough_change(row['pnl'])}, {count(row['trades_with_open'])} trades, won"
        f" {rough(row['win_rate_with_open'])}, {count(row['stop_outs'])} stopped out, drawdown {rough(row['max_drawdown'])},"
        f" asset itself {rough_change(row['buy_and_hold_return'])}"
    )


def _changes(table: pd.DataFrame, parent: pd.DataFrame) -> str:
    now, before = table["pnl"].to_numpy(float), parent["pnl"].to_numpy(float)
    traded = (table["trades_with_open"].to_numpy(float) > 0) | (parent["trades_with_open"].to_numpy(float) > 0)
    moved = np.where(traded, now - before, np.nan)
    known = np.flatnonzero(~np.isnan(moved))
    if not len(known):
        return "against the parent run: no asset in common"
    order = known[np.argsort(-moved[known], kind="stable")]
    up = [i for i in order if moved[i] > NOISE]
    down = [i for i in order[::-1] if moved[i] < -NOISE]
    same = len(known) - len(up) - len(down)
    return (
        f"P/L against the parent run: {len(up)} assets improved, {len(down)} worsened, {same} unchanged;"
        f" most improved {_moves(up, moved)}; most worsened {_moves(down, moved)}"
    )


def _moves(places: list[int], moved: np.ndarray) -> str:
    return ", ".join(f"{asset_name(i)} {rough_change(moved[i])}" for i in places[:SHOWN]) or "none"
