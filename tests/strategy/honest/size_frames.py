"""Volatility-targeted size and stops as frames; NaN in the warm-up forbids entries there."""

import numpy as np

PARAMS = {"atr": (10, 40), "stop_mult": (1.5, 5.0), "target_vol": ("log", 0.002, 0.02)}


def signals(market, params, ta):
    atr_pct = ta.atr(market.high, market.low, market.close, params["atr"]) / market.close
    stop = (params["stop_mult"] * atr_pct).clip(lower=0.005, upper=0.4)
    size = (params["target_vol"] / atr_pct).clip(0.05, 1.0).where(atr_pct.notna(), np.nan)
    donchian = market.high.rolling(params["atr"] * 2).max().shift(1)
    return {
        "entries": market.close > donchian,
        "exits": market.close < market.low.rolling(params["atr"]).min().shift(1),
        "stop_loss": stop,
        "take_profit": stop * 3,
        "size": size,
    }
