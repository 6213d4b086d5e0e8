"""Rolling slope by a named function passed to rolling().apply."""

import numpy as np

PARAMS = {"window": (8, 30), "threshold": (0.0, 0.002)}


def slope(values):
    x = np.arange(len(values)) - (len(values) - 1) / 2
    return float((x * (values - values.mean())).sum() / (x * x).sum())


def signals(market, params, ta):
    logs = np.log(market.close)
    trend = logs.rolling(params["window"]).apply(slope, raw=True)
    return {"entries": trend > params["threshold"], "exits": trend < 0, "plot": {"trend": trend}}
