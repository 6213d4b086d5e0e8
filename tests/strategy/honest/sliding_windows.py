"""Efficiency ratio from sliding windows of numpy, imported the long way."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PARAMS = {"window": (10, 40), "efficient": (0.3, 0.6)}


def efficiency_ratio(close: np.ndarray, window: int) -> np.ndarray:
    out = np.full_like(close, np.nan)
    windows = sliding_window_view(close, window + 1, axis=0)
    path = np.abs(np.diff(windows, axis=-1)).sum(axis=-1)
    move = np.abs(windows[..., -1] - windows[..., 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        out[window:] = np.where(path > 0, move / path, 0.0)
    return out


def signals(market, params, ta):
    close = market.close.to_numpy()
    ratio = efficiency_ratio(close, params["window"])
    up = close > np.asarray(ta.sma(market.close, params["window"]))
    return {"entries": (ratio > params["efficient"]) & up, "exits": ratio < 0.2}
