"""The same windows by the attribute path; median absolute deviation as a robust scale."""

import numpy as np

PARAMS = {"n": (15, 50), "k": (1.5, 4.0)}


def signals(market, params, ta):
    x = np.log(market.close.values)
    n = params["n"]
    windows = np.lib.stride_tricks.sliding_window_view(x, n, axis=0)
    median = np.median(windows, axis=-1)
    mad = np.median(np.abs(windows - median[..., None]), axis=-1)
    score = np.full(x.shape, np.nan)
    score[n - 1 :] = (x[n - 1 :] - median) / np.maximum(mad, 1e-9)
    return {"entries": score < -params["k"], "exits": score > 0, "stop_loss": 0.08}
