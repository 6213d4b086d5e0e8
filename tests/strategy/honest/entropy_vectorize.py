"""Permutation-like sign entropy with math.log in np.vectorize, and apply_along_axis on columns."""

import math

import numpy as np

PARAMS = {"bars": (12, 36), "order": (0.8, 0.98)}


def entropy(p: float) -> float:
    if not 0.0 < p < 1.0:
        return 0.0
    return -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def cumulative(column):
    return np.cumsum(np.nan_to_num(column))


def signals(market, params, ta):
    bars = params["bars"]
    signs = (market.close.diff() > 0).to_numpy().astype(float)
    total = np.apply_along_axis(cumulative, 0, signs)
    share = np.full_like(total, 0.5)
    share[bars:] = (total[bars:] - total[:-bars]) / bars
    disorder = np.vectorize(entropy)(share)
    orderly = disorder < params["order"]
    return {"entries": orderly & (share > 0.5), "exits": orderly & (share < 0.5)}
