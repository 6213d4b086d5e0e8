"""Random projections of lagged returns with a seeded generator: odd, but honest and repeatable."""

import numpy as np

PARAMS = {"seed": (1, 50), "lags": (3, 8)}


def signals(market, params, ta):
    rng = np.random.default_rng(params["seed"])
    weights = rng.normal(size=params["lags"])
    weights /= np.linalg.norm(weights)
    returns = market.close.pct_change(fill_method=None)
    score = sum(w * returns.shift(i) for i, w in enumerate(weights.tolist()))
    scale = score.rolling(50).std()
    return {"entries": score > scale, "exits": score < 0}
