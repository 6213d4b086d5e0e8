"""Compares volume with what is usual at the same hour: groupby with a known statistic, per asset, causally."""

import pandas as pd

PARAMS = {"days": (5, 15), "burst": (1.5, 4.0)}


def signals(market, params, ta):
    hour = market.hour.iloc[:, 0]
    usual = market.volume.groupby(hour).transform(lambda v: v.shift(1).rolling(params["days"], min_periods=3).mean())
    order = market.volume.groupby(hour).cumcount()
    columns = {}
    for name in market.close.columns:
        columns[name] = order > params["days"]
    warm = pd.DataFrame(columns, index=market.close.index)
    burst = (market.volume > params["burst"] * usual) & warm
    up = market.close > market.open
    return {"entries": burst & up, "exits": burst & ~up, "max_bars": 24}
