"""Breadth of the market as one column, put beside all assets with axis=0 and with broadcasting."""

import numpy as np

PARAMS = {"trend": (24, 120), "breadth": (0.4, 0.7)}


def signals(market, params, ta):
    above = market.close.gt(ta.sma(market.close, params["trend"]))
    breadth = above.mean(axis=1).rolling(5).mean()
    healthy = (breadth > params["breadth"]).to_numpy()[:, np.newaxis]
    entries = above & ~above.shift(1, fill_value=False) & healthy
    exits = (~above) | np.broadcast_to(breadth.lt(0.3).to_numpy()[:, None], above.shape)
    return {"entries": entries, "exits": exits, "plot": {"close": market.close}}
