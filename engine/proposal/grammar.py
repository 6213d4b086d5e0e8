"""The conditions from which the random proposer builds: events, states and filters of classic technical rules.

Each is text in the form of a strategy; the names in it are those of `vocabulary`. Sources: Wilder 1978; Bollinger 2001; Kaufman
2013; Brock, Lakonishok & LeBaron 1992; Jegadeesh & Titman 1993; George & Hwang 2004; Gatev, Goetzmann & Rouwenhorst 2006.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """A condition to enter, its mirror for the short side, and the state that ends such a position.

    `name` tags the entry; `words` finish the sentence "buy when ...", `leave_words` "leave when ...". A filter has no `leave`:
    the position may outlive it. Where `short` equals `long` the condition says nothing about direction. Conditions `about` the
    same thing contradict or repeat each other and are not required together.
    """

    name: str
    words: str
    long: str
    short: str
    leave: str = ""
    leave_short: str = ""
    leave_words: str = ""
    about: str = ""


TREND = (
    Condition("cross", "a fast average crosses above a slow one", "ta.crossed_above(fast, slow)",
              "ta.crossed_below(fast, slow)", "fast < slow", "fast > slow", "the averages are in the opposite order",
              about="averages"),
    Condition("price_cross", "price crosses above its average", "ta.crossed_above(market.close, slow)",
              "ta.crossed_below(market.close, slow)", "market.close < slow", "market.close > slow",
              "price is back beyond its average", about="trend"),
    Condition("channel", "price breaks the highest high of the channel", "market.close > top", "market.close < bottom",
              "market.close < exit_bottom", "market.close > exit_top", "price breaks the shorter channel on the other side"),
    Condition("macd", "MACD crosses above its signal", "ta.crossed_above(macd.macd, macd.macdsignal)",
              "ta.crossed_below(macd.macd, macd.macdsignal)", "macd.macdhist < 0", "macd.macdhist > 0",
              "MACD is back beyond its signal"),
    Condition("band", "price breaks out of its Bollinger band", "ta.crossed_above(market.close, bands.upperband)",
              "ta.crossed_below(market.close, bands.lowerband)", "market.close < bands.middleband",
              "market.close > bands.middleband", "price is back at the middle band"),
    Condition("keltner", "price breaks out of its Keltner channel",
              'ta.crossed_above(market.close, middle + params["keltner_atr"] * atr)',
              'ta.crossed_below(market.close, middle - params["keltner_atr"] * atr)',
              "market.close < middle", "market.close > middle", "price is back at the middle line"),
    Condition("push", "price has moved up by several average true ranges", 'ta.crossed_above(move, params["push"])',
              'ta.crossed_below(move, -params["push"])', "move < 0", "move > 0", "the move has been undone", about="momentum"),
    Condition("squeeze", "price leaves a narrow Bollinger band upwards", "squeezed & (market.close > bands.upperband)",
              "squeezed & (market.close < bands.lowerband)", "market.close < bands.middleband",
              "market.close > bands.middleband", "price is back at the middle band"),
    Condition("aroon", "the Aroon oscillator turns up", "ta.crossed_above(aroon.aroonup, aroon.aroondown)",
              "ta.crossed_below(aroon.aroonup, aroon.aroondown)", "aroon.aroonup < aroon.aroondown",
              "aroon.aroonup > aroon.aroondown", "Aroon turns the other way"),
    Condition("directional", "the positive directional indicator crosses above the negative one",
              "ta.crossed_above(plus_di, minus_di)", "ta.crossed_below(plus_di, minus_di)", "plus_di < minus_di",
              "plus_di > minus_di", "the directional indicators are in the opposite order", about="adx"),
    Condition("rsi_strength", "RSI rises well above 50", 'ta.crossed_above(rsi, 50 + params["rsi_margin"])',
              'ta.crossed_below(rsi, 50 - params["rsi_margin"])', "rsi < 50", "rsi > 50", "RSI is back beyond 50"),
    Condition("slope", "the regression slope turns up", "ta.crossed_above(slope, 0)", "ta.crossed_below(slope, 0)", "slope < 0",
              "slope > 0", "the slope turns the other way", about="slope"),
    Condition("parabolic", "price crosses above the parabolic SAR", "ta.crossed_above(market.close, sar)",
              "ta.crossed_below(market.close, sar)", "market.close < sar", "market.close > sar", "price crosses the SAR back"),
    Condition("trix", "TRIX turns positive", "ta.crossed_above(trix, 0)", "ta.crossed_below(trix, 0)", "trix < 0", "trix > 0",
              "TRIX changes its sign"),
    Condition("burst", "a burst of volume carries price up", "burst & (market.close > market.open)",
              "burst & (market.close < market.open)", "market.close < fast", "market.close > fast",
              "price is back beyond its fast average", about="volume"),
    Condition("obv", "on-balance volume crosses above its average", "ta.crossed_above(obv, usual_obv)",
              "ta.crossed_below(obv, usual_obv)", "obv < usual_obv", "obv > usual_obv",
              "on-balance volume is back beyond its average", about="volume"),
    Condition("strength", "strength against the reference asset crosses above its average",
              "ta.crossed_above(ratio, usual_ratio)", "ta.crossed_below(ratio, usual_ratio)", "ratio < usual_ratio",
              "ratio > usual_ratio", "strength against the reference is back beyond its average", about="reference"),
    Condition("candle", "a bullish candle pattern appears", "candle > 0", "candle < 0", "candle < 0", "candle > 0",
              "the opposite candle appears"),
)  # fmt: skip
"""Events that expect a move to go on."""

REVERSION = (
    Condition("rsi_turn", "RSI leaves the oversold zone", 'ta.crossed_above(rsi, params["oversold"])',
              'ta.crossed_below(rsi, 100 - params["oversold"])', 'rsi > params["recovered"]', 'rsi < 100 - params["recovered"]',
              "RSI has recovered"),
    Condition("rsi_dip", "RSI falls into the oversold zone", 'rsi < params["oversold"]', 'rsi > 100 - params["oversold"]',
              'rsi > params["recovered"]', 'rsi < 100 - params["recovered"]', "RSI has recovered"),
    Condition("band_fade", "price falls below its Bollinger band", "market.close < bands.lowerband",
              "market.close > bands.upperband", "market.close > bands.middleband", "market.close < bands.middleband",
              "price is back at the middle band"),
    Condition("band_return", "price returns into its Bollinger band", "ta.crossed_above(market.close, bands.lowerband)",
              "ta.crossed_below(market.close, bands.upperband)", "market.close > bands.middleband",
              "market.close < bands.middleband", "price reaches the middle band"),
    Condition("z_score", "price is several deviations below its mean", 'z < -params["depth"]', 'z > params["depth"]', "z > 0",
              "z < 0", "price is back at its mean"),
    Condition("vwap", "price is stretched far below its volume-weighted mean", 'ta.crossed_below(stretch, -params["stretch"])',
              'ta.crossed_above(stretch, params["stretch"])', "stretch > 0", "stretch < 0",
              "price is back at its volume-weighted mean", about="volume"),
    Condition("stochastic", "the oversold stochastic turns up", "stoch_up", "stoch_down",
              'stoch.slowk > 100 - params["oversold"]', 'stoch.slowk < params["oversold"]',
              "the stochastic is at the other extreme"),
    Condition("cci", "CCI falls far below zero", 'ta.crossed_below(cci, -params["cci_depth"])',
              'ta.crossed_above(cci, params["cci_depth"])', "cci > 0", "cci < 0", "CCI is back at zero"),
    Condition("money_flow", "the money flow index leaves the oversold zone", 'ta.crossed_above(mfi, params["oversold"])',
              'ta.crossed_below(mfi, 100 - params["oversold"])', 'mfi > 100 - params["oversold"]', 'mfi < params["oversold"]',
              "the money flow index is at the other extreme", about="volume"),
    Condition("streak", "price has fallen several bars in a row", 'ta.max(change, params["streak"]) < 0',
              'ta.min(change, params["streak"]) > 0', "market.close > fast", "market.close < fast",
              "price is back beyond its fast average"),
    Condition("drop", "price has dropped by several average true ranges", 'move < -params["push"]', 'move > params["push"]',
              "move > 0", "move < 0", "the drop has been made good", about="momentum"),
    Condition("spread", "the asset is several deviations cheap against the reference", 'spread_z < -params["depth"]',
              'spread_z > params["depth"]', "spread_z > 0", "spread_z < 0", "the spread is back at its mean", about="reference"),
    Condition("divergence", "price makes a new low and RSI does not", "bullish_divergence", "bearish_divergence",
              'rsi > params["recovered"]', 'rsi < 100 - params["recovered"]', "RSI has recovered"),
    Condition("climax", "a burst of volume drives price down", "selling_climax", "buying_climax", "market.close > slow",
              "market.close < slow", "price is back beyond its slow average", about="volume"),
    Condition("weak_close", "price closes near the bar's low", 'close_location < params["close_share"]',
              'close_location > 1 - params["close_share"]', 'close_location > 1 - params["close_share"]',
              'close_location < params["close_share"]', "price closes at the bar's other end"),
)  # fmt: skip
"""Events that expect a move to come back."""

RANKS = (
    Condition("winners", "the asset is among the strongest", 'momentum_rank > 1 - params["top_share"]',
              'momentum_rank < params["top_share"]', "momentum_rank < 0.5", "momentum_rank > 0.5",
              "the asset falls behind half of the others", about="momentum"),
    Condition("steady_winners", "the asset is among the strongest for its volatility", 'steady_rank > 1 - params["top_share"]',
              'steady_rank < params["top_share"]', "steady_rank < 0.5", "steady_rank > 0.5",
              "the asset falls behind half of the others", about="momentum"),
    Condition("near_high", "the asset is among those nearest to their high", 'nearness_rank > 1 - params["top_share"]',
              'nearness_rank < params["top_share"]', "nearness_rank < 0.5", "nearness_rank > 0.5",
              "the asset falls behind half of the others", about="high"),
    Condition("losers", "the asset has lost most of all lately", 'recent_rank < params["top_share"]',
              'recent_rank > 1 - params["top_share"]', "recent_rank > 0.5", "recent_rank < 0.5",
              "the asset has caught up with half of the others"),
    Condition("quietest", "the asset is among the least volatile", 'volatility_rank < params["top_share"]',
              'volatility_rank > 1 - params["top_share"]', "volatility_rank > 0.5", "volatility_rank < 0.5",
              "the asset is no longer on its side of the median volatility", about="volatility"),
    Condition("attention", "volume has grown most of all", 'attention_rank > 1 - params["top_share"]',
              'attention_rank < params["top_share"]', "attention_rank < 0.5", "attention_rank > 0.5",
              "volume growth is no longer on its side of the median", about="volume"),
)  # fmt: skip
"""Comparisons of each asset with all others at the same bar."""

CLOCK = (
    Condition("clock", "the entry hour has come", 'market.hour == params["entry_hour"]', "market.hour == exit_hour",
              "market.hour == exit_hour", 'market.hour == params["entry_hour"]', "the exit hour has come", about="hour"),
)  # fmt: skip
"""Times of the day."""

SLOW_STATES = (
    Condition("above_trend", "price is above its trend", "market.close > trend", "market.close < trend", about="trend"),
    Condition("ordered", "the fast average is above the slow one", "fast > slow", "fast < slow", about="averages"),
    Condition("stronger", "strength against the reference is above its average", "ratio > usual_ratio", "ratio < usual_ratio",
              about="reference"),
)  # fmt: skip
"""Directional states that outlast a setback: filters for events of `REVERSION` too."""

STATES = (
    *SLOW_STATES,
    Condition("rising", "momentum is positive", "momentum > 0", "momentum < 0", about="momentum"),
    Condition("upper_half", "momentum beats half of the assets", "momentum_rank > 0.5", "momentum_rank < 0.5", about="momentum"),
    Condition("sloping", "the regression slope is positive", "slope > 0", "slope < 0", about="slope"),
)
"""All directional states of each asset: filters, or two together an entry of their own."""

MARKET_STATES = (
    Condition("reference_up", "the reference asset is above its average", "reference > 0", "reference < 0", about="market"),
    Condition(
        "broad",
        "most assets are above their trend",
        'breadth > params["breadth"]',
        'breadth < 1 - params["breadth"]',
        about="market",
    ),
)
"""Directional states of the whole market, as columns that hold for every asset."""

NEUTRAL = tuple(
    Condition(name, words, name, name, about=about)
    for name, words, about in (
        ("busy", "volume is above its average", "volume"),
        ("quiet", "volume is below its average", "volume"),
        ("calm", "volatility is low", "volatility"),
        ("lively", "volatility is high", "volatility"),
        ("steady", "the asset is none of the wildest", "volatility"),
        ("efficient", "price has travelled straight", "adx"),
        ("liquid", "the asset is liquid", "liquidity"),
        ("session", "the hour is in session", "hour"),
        ("weekday", "the week is young", "week"),
    )
)
"""Filters that say nothing about direction."""

TREND_FILTERS = (
    Condition("trending", "ADX shows a trend", "trending", "trending", about="adx"),
    Condition(
        "close_to_high",
        "price is near its high",
        'nearness > params["near_high"]',
        'nearness < params["near_high"]',
        about="high",
    ),
    Condition("buying", "on-balance volume is above its average", "obv > usual_obv", "obv < usual_obv", about="volume"),
)
"""Filters that fit events of `TREND` only."""

REVERSION_FILTERS = (Condition("ranging", "ADX shows no trend", "ranging", "ranging", about="adx"), *SLOW_STATES)
"""Filters that fit events of `REVERSION` only."""
