"""A regime that flips only at band edges (hysteresis), kept in a plain loop over bars."""

import numpy as np

PARAMS = {"length": (10, 60), "upper": (52.0, 65.0), "lower": (35.0, 48.0)}


def signals(market, params, ta):
    rsi = ta.rsi(market.close, params["length"]).to_numpy()
    state = np.zeros(rsi.shape[1], dtype=bool)
    held = np.zeros(rsi.shape, dtype=bool)
    for i in range(rsi.shape[0]):
        row = rsi[i]
        state = np.where(row > params["upper"], True, np.where(row < params["lower"], False, state))
        held[i] = state
    before = np.vstack([np.zeros((1, held.shape[1]), dtype=bool), held[:-1]])
    return {"entries": held & ~before, "exits": ~held & before}
