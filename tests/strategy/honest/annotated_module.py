"""Fully annotated, with constants of the module and texts as hints; percentiles over rolling windows."""

from typing import Dict, Optional, Tuple  # noqa: UP035

import numpy as np
import pandas as pd

PARAMS: Dict[str, Tuple[float, float]] = {"window": (20, 80), "low": (0.05, 0.25), "high": (0.6, 0.9)}  # noqa: UP006

MINIMUM_BARS: int = 10
NAMES: list[str] = ["close", "low"]


def percentile_rank(frame: "pd.DataFrame", window: int, minimum: Optional[int] = MINIMUM_BARS) -> "pd.DataFrame":  # noqa: UP045
    return frame.rolling(window, min_periods=minimum).rank(pct=True)


def signals(market, params, ta):
    window: int = int(params["window"])
    frames = {"close": market.close, "low": market.low}
    ranks: Dict[str, pd.DataFrame] = {name: percentile_rank(frames[name], window) for name in NAMES}  # noqa: UP006
    cheap = np.logical_and(ranks["close"] < params["low"], ranks["low"] < params["low"])
    if not isinstance(cheap, pd.DataFrame):
        raise TypeError(f"wanted a frame, found {cheap}")
    return {"entries": cheap, "exits": ranks["close"] > params["high"], "max_bars": 3 * window}
