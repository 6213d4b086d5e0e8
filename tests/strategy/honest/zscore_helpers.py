"""Mean reversion on a rolling z-score, with small named helpers, type hints and default arguments."""

import numpy as np
import pandas as pd

PARAMS = {
    "window": (20, 120),
    "entry_z": (1.0, 3.0),
    "exit_z": (0.0, 0.8),
    "stop_loss": ("log", 0.02, 0.2),
}


def rolling_zscore(frame: pd.DataFrame, window: int, min_periods: int | None = None) -> pd.DataFrame:
    """Deviations from the rolling mean."""
    rolled = frame.rolling(window, min_periods=min_periods or window)
    mean, std = rolled.mean(), rolled.std(ddof=0)
    return (frame - mean) / std.replace(0, np.nan)


def signals(market, params, ta) -> dict[str, object]:
    z = rolling_zscore(np.log(market.close), window=int(params["window"]))
    entries = (z < -params["entry_z"]).fillna(False)
    exits = z > -params["exit_z"]
    return {
        "entries": entries,
        "exits": exits,
        "short_entries": z > params["entry_z"],
        "short_exits": z < params["exit_z"],
        "stop_loss": params["stop_loss"],
    }
