"""Two runs on the same bars, trade by trade: which trades stayed, ended otherwise, vanished or appeared, and what that made."""

import pandas as pd

KINDS = ("the same", "other end", "vanished", "appeared")
_PLACE = ["symbol", "direction", "entry_time"]
_END = ["exit_time", "reason", "pnl"]


def trade_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """A row for each trade of either run, matched by asset, side and time of entry: those columns, `kind` of KINDS,
    `exit_time`, `reason`, `pnl` of the second run and the same with `_before` of the first (missing where it has no such trade),
    and `change`: P/L after less before, a missing trade counted as none.

    Both as `simulate_trades` gives them. A trade is the same if it ended at the same time for the same reason, also where its
    sleeve had other cash and so made another P/L.
    """
    both = before[[*_PLACE, *_END]].merge(
        after[[*_PLACE, *_END]], on=_PLACE, how="outer", suffixes=("_before", ""), indicator=True
    )
    ended = (both["exit_time"] == both["exit_time_before"]) & (both["reason"] == both["reason_before"])
    kind = both["_merge"].map({"left_only": "vanished", "right_only": "appeared", "both": "other end"}).astype(object)
    both["kind"] = kind.where(~ended, "the same")
    both["change"] = both["pnl"].fillna(0.0) - both["pnl_before"].fillna(0.0)
    return both[[*_PLACE, "kind", *(f"{name}_before" for name in _END), *_END, "change"]]


def summed(changes: pd.DataFrame) -> pd.DataFrame:
    """A row for each of KINDS, also those that do not occur: `kind`, `trades`, `pnl_before`, `pnl` and `change`, summed."""
    sums = changes.groupby("kind")[["pnl_before", "pnl", "change"]].sum().reindex(KINDS, fill_value=0.0)
    sums.insert(0, "trades", changes["kind"].value_counts().reindex(KINDS, fill_value=0))
    return sums.rename_axis("kind").reset_index()
