"""A cautious long-only strategy in the verbose style: every step named, print left in, docstrings in helpers."""

import pandas as pd

PARAMS = {
    "trend_length": (50, 150),
    "pullback_length": (3, 10),
    "volume_length": (10, 40),
    "stop_loss_pct": (0.02, 0.08),
}


def compute_trend(close: pd.DataFrame, length: int) -> pd.DataFrame:
    """
    True where the close is above its exponential average.
    """
    average = close.ewm(span=length, adjust=False, min_periods=length).mean()
    return close > average


def compute_pullback(close: pd.DataFrame, length: int) -> pd.DataFrame:
    """True where the close is the lowest of the last `length` bars."""
    lowest = close.rolling(window=length, min_periods=length).min()
    return close <= lowest


def compute_volume_filter(volume: pd.DataFrame, length: int) -> pd.DataFrame:
    typical_volume = volume.rolling(window=length).median()
    return volume >= typical_volume


def signals(market, params, ta):
    trend_condition = compute_trend(market.close, params["trend_length"])
    pullback_condition = compute_pullback(market.close, params["pullback_length"])
    volume_condition = compute_volume_filter(market.volume, params["volume_length"])

    # Entry: all conditions at once
    entry_signal = trend_condition & pullback_condition & volume_condition
    exit_signal = ~trend_condition
    print("entries:", int(entry_signal.to_numpy().sum()))

    result = {"entries": entry_signal, "exits": exit_signal}
    result["stop_loss"] = float(params["stop_loss_pct"])
    result.update({"take_profit": 2 * params["stop_loss_pct"]})
    return result
