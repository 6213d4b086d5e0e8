"""Trade the break out of a Bollinger band that was narrow just before; leave at the middle band; smaller where it is wilder.

Volatility comes in clusters, quiet before loud: a narrow band stores a move, the break tells its direction.
Source: Bollinger (2001), "Bollinger on Bollinger Bands", the squeeze.
"""

PARAMS = {
    "band_bars": (16, 96),
    "deviations": (1.5, 2.5),
    "usual_bars": ("log", 96, 400),
    "narrow": (0.4, 0.9),
    "stop_loss": ("log", 0.01, 0.10),
    "volatility_target": ("log", 0.003, 0.03),
}


def signals(market, params, ta):
    bands = ta.bbands(market.close, params["band_bars"], params["deviations"], params["deviations"])
    width = (bands.upperband - bands.lowerband) / bands.middleband
    narrow = width < params["narrow"] * ta.sma(width, params["usual_bars"])
    squeezed = narrow.shift(1, fill_value=False)
    volatility = ta.natr(market.high, market.low, market.close, params["band_bars"]) / 100
    return {
        "entries": squeezed & (market.close > bands.upperband),
        "exits": market.close < bands.middleband,
        "short_entries": squeezed & (market.close < bands.lowerband),
        "short_exits": market.close > bands.middleband,
        "stop_loss": params["stop_loss"],
        "size": (params["volatility_target"] / volatility).clip(0.05, 1.0),
    }
