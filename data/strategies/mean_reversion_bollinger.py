"""Buy a close below the lower Bollinger band while RSI is oversold; leave at the middle band. The upper band is sold likewise.

Who must sell at once pays for it: a fall that is wide for its own volatility tends to come back.
Source: Bollinger (2001), "Bollinger on Bollinger Bands"; RSI from Wilder (1978), "New Concepts in Technical Trading Systems".
"""

PARAMS = {
    "band_bars": (16, 120),
    "deviations": (1.5, 3.0),
    "rsi_bars": (6, 24),
    "oversold": (20, 45),
    "stop_loss": ("log", 0.03, 0.20),
    "max_bars": (12, 120),
    "cooldown": (0, 24),
}


def signals(market, params, ta):
    bands = ta.bbands(market.close, params["band_bars"], params["deviations"], params["deviations"])
    rsi = ta.rsi(market.close, params["rsi_bars"])
    return {
        "entries": (market.close < bands.lowerband) & (rsi < params["oversold"]),
        "exits": market.close > bands.middleband,
        "short_entries": (market.close > bands.upperband) & (rsi > 100 - params["oversold"]),
        "short_exits": market.close < bands.middleband,
        "stop_loss": params["stop_loss"],
        "max_bars": params["max_bars"],
        "cooldown": params["cooldown"],
    }
