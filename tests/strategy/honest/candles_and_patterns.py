"""Candle functions summed over a list of names, and hand-made pin bars with np.minimum and np.maximum."""

import numpy as np

PARAMS = {"tail": (0.5, 0.8), "hold": (4, 24)}

PATTERNS = ["cdlengulfing", "cdlhammer", "cdlmorningstar"]


def signals(market, params, ta):
    o, h, l, c = market.open, market.high, market.low, market.close  # noqa: E741
    total = sum(getattr(ta, name)(o, h, l, c).fillna(0) for name in PATTERNS)
    body_low = np.minimum(o, c)
    body_high = np.maximum(o, c)
    span = (h - l).replace(0.0, np.nan)
    pin = (body_low - l) / span > params["tail"]
    shooting = (h - body_high) / span > params["tail"]
    return {
        "entries": {"pattern": total > 0, "pin": pin},
        "exits": shooting | (total < 0),
        "max_bars": params["hold"],
    }
