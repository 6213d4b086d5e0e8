"""Buy at one hour of the day and leave some hours later, on the first days of the week and with the trend.

Funds trade at set hours, so flows, and with them returns, repeat at the same time from day to day.
Source: Heston, Korajczyk & Sadka (2010), "Intraday Patterns in the Cross-section of Stock Returns".
"""

PARAMS = {
    "entry_hour": (0, 23),
    "held_hours": (2, 18),
    "last_weekday": (3, 6),
    "trend_bars": (48, 336),
    "stop_loss": ("log", 0.02, 0.12),
}


def signals(market, params, ta):
    exit_hour = (params["entry_hour"] + params["held_hours"]) % 24
    on_time = (market.hour == params["entry_hour"]) & (market.weekday <= params["last_weekday"])
    return {
        "entries": on_time & (market.close > ta.sma(market.close, params["trend_bars"])),
        "exits": market.hour == exit_hour,
        "stop_loss": params["stop_loss"],
    }
