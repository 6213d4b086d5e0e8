"""Buy a close above the highest high of the bars before; sell a close below the lowest low. Leave at a shorter channel.

A price nobody has paid for weeks says that something is new; a stop in average true ranges gives each asset its own room.
Source: Richard Donchian's four-week rule (1960s), in the form of the Turtle traders: Faith (2007), "Way of the Turtle".
"""

PARAMS = {
    "channel": ("log", 48, 400),
    "exit_channel": ("log", 16, 160),
    "atr_bars": (14, 96),
    "stop_atr": ("log", 3.0, 20.0),
}


def signals(market, params, ta):
    top = ta.max(market.high, params["channel"]).shift(1)
    bottom = ta.min(market.low, params["channel"]).shift(1)
    exit_top = ta.max(market.high, params["exit_channel"]).shift(1)
    exit_bottom = ta.min(market.low, params["exit_channel"]).shift(1)
    atr = ta.atr(market.high, market.low, market.close, params["atr_bars"])
    return {
        "entries": market.close > top,
        "exits": market.close < exit_bottom,
        "short_entries": market.close < bottom,
        "short_exits": market.close > exit_top,
        "stop_loss": (params["stop_atr"] * atr / market.close).clip(0.005, 0.5),
    }
