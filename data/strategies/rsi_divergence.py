"""Buy when price makes a new low that RSI does not confirm; leave when RSI has recovered. Highs are sold likewise.

A new low on a weaker push says that the sellers are running out.
Source: Wilder (1978), "New Concepts in Technical Trading Systems", on divergence of the RSI.
"""

PARAMS = {
    "rsi_bars": (7, 28),
    "swing_bars": (18, 120),
    "divergence": (1.0, 10.0),
    "recovered": (50, 70),
    "stop_loss": ("log", 0.02, 0.15),
    "reward": (1.0, 4.0),
    "max_bars": (24, 168),
}


def signals(market, params, ta):
    rsi = ta.rsi(market.close, params["rsi_bars"])
    rsi_low = ta.min(rsi, params["swing_bars"]).shift(1)
    rsi_high = ta.max(rsi, params["swing_bars"]).shift(1)
    swing_low = ta.min(market.low, params["swing_bars"]).shift(1)
    swing_high = ta.max(market.high, params["swing_bars"]).shift(1)
    return {
        "entries": (market.low < swing_low) & (rsi > rsi_low + params["divergence"]),
        "exits": rsi > params["recovered"],
        "short_entries": (market.high > swing_high) & (rsi < rsi_high - params["divergence"]),
        "short_exits": rsi < 100 - params["recovered"],
        "stop_loss": params["stop_loss"],
        "take_profit": params["reward"] * params["stop_loss"],
        "max_bars": params["max_bars"],
    }
