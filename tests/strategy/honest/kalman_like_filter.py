"""A one-pole filter written by hand, bar by bar in numpy, with += on slices and early continue."""

import numpy as np

PARAMS = {"gain": ("log", 0.02, 0.3), "edge": ("log", 0.002, 0.03)}


def smooth(values: np.ndarray, gain: float) -> np.ndarray:
    level = values[0].copy()
    out = np.empty_like(values)
    for i in range(len(values)):
        row = values[i]
        fresh = np.isfinite(row)
        level[~np.isfinite(level) & fresh] = row[~np.isfinite(level) & fresh]
        if not fresh.any():
            out[i] = level
            continue
        level[fresh] += gain * (row[fresh] - level[fresh])
        out[i] = level
    return out


def signals(market, params, ta):
    close = market.close.to_numpy().astype(float)
    level = smooth(close, params["gain"])
    gap = close / level - 1.0
    gap[:50] = np.nan
    with np.errstate(invalid="ignore"):
        return {"entries": gap < -params["edge"], "exits": gap > 0.0, "stop_loss": 0.1}
