"""Strength against the reference asset, by its column; a list of look-backs averaged with sum()."""

import math

import numpy as np
import pandas as pd

PARAMS = {"base": (8, 24), "count": (2, 4), "edge": (0.0, 1.0)}


def signals(market, params, ta):
    reference = market.close["A000"]
    ratio = market.close.div(reference, axis=0)
    lengths = [params["base"] * 2**i for i in range(params["count"])]
    scores = [np.log(ratio / ratio.shift(n)) / math.sqrt(n) for n in lengths]
    score = sum(scores) / len(scores)
    z = score.sub(score.mean(axis=1), axis=0).div(score.std(axis=1), axis=0)
    assert isinstance(z, pd.DataFrame)
    return {"entries": z > params["edge"], "exits": z < 0, "short_entries": z < -params["edge"], "short_exits": z > 0}
