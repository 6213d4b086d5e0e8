"""The vocabulary of the random proposer: named series, conditions and parameter ranges of classic technical rules.

Everything is text in the form of a strategy (`market`, `params`, `ta`). A condition names series of `LOCALS`, a series names
other series and parameters of `RANGES`; whoever writes the source follows the names and so writes only what is used.
Sources: Wilder 1978; Bollinger 2001; Kaufman 2013; Brock, Lakonishok & LeBaron 1992; Jegadeesh & Titman 1993; George & Hwang
2004; Gatev, Goetzmann & Rouwenhorst 2006; Connors & Alvarez 2009.
"""

from dataclasses import dataclass

Range = tuple[float | str, ...] | list[str]

HORIZONS = ("short", "medium", "long")
AVERAGES = ("ema", "sma", "wma", "kama", "trima", "dema")


@dataclass(frozen=True)
class Condition:
    """A condition to enter, its mirror for the short side, and the state that ends such a position.

    `name` tags the entry; `words` finish the sentence "buy when ...", `leave_words` "leave when ...". A filter has no `leave`:
    the position may outlive it. Where `short` equals `long` the condition says nothing about direction.
    """

    name: str
    words: str
    long: str
    short: str
    leave: str = ""
    leave_short: str = ""
    leave_words: str = ""


LOCALS: dict[str, str] = {
    # series, each after those it needs
    "average": 'getattr(ta, params["average"])',
    "fast": '{average}(market.close, params["fast"])',
    "slow": '{average}(market.close, params["slow"])',
    "trend": '{average}(market.close, params["trend_bars"])',
    "atr": 'ta.atr(market.high, market.low, market.close, params["atr_bars"])',
    "volatility": "atr / market.close",
    "usual_volatility": 'ta.sma(volatility, params["usual_bars"])',
    "top": 'ta.max(market.high, params["channel"]).shift(1)',
    "bottom": 'ta.min(market.low, params["channel"]).shift(1)',
    "exit_top": 'ta.max(market.high, params["exit_channel"]).shift(1)',
    "exit_bottom": 'ta.min(market.low, params["exit_channel"]).shift(1)',
    "macd": 'ta.macd(market.close, params["fast"], params["slow"], params["signal"])',
    "bands": 'ta.bbands(market.close, params["band_bars"], params["deviations"], params["deviations"])',
    "width": "(bands.upperband - bands.lowerband) / bands.middleband",
    "usual_width": 'ta.sma(width, params["usual_bars"])',
    "squeezed": 'width.shift(1) < params["narrow"] * usual_width.shift(1)',
    "middle": '{average}(market.close, params["keltner_bars"])',
    "move": '(market.close - market.close.shift(params["lookback"])) / atr',
    "momentum": 'ta.roc(market.close, params["lookback"])',
    "momentum_rank": "momentum.rank(axis=1, pct=True)",
    "steady_rank": "(momentum / volatility).rank(axis=1, pct=True)",
    "volatility_rank": "volatility.rank(axis=1, pct=True)",
    "nearness": 'market.close / ta.max(market.high, params["high_bars"])',
    "nearness_rank": "nearness.rank(axis=1, pct=True)",
    "recent_rank": 'ta.roc(market.close, params["reversal_bars"]).rank(axis=1, pct=True)',
    "dollar_volume": 'ta.sma(market.close * market.volume, params["volume_bars"])',
    "liquidity_rank": "dollar_volume.rank(axis=1, pct=True)",
    "usual_volume": 'ta.sma(market.volume, params["volume_bars"])',
    "attention": 'ta.sma(market.volume, params["fast"]) / usual_volume',
    "attention_rank": "attention.rank(axis=1, pct=True)",
    "burst": 'market.volume > params["burst"] * usual_volume',
    "obv": "ta.obv(market.close, market.volume)",
    "usual_obv": 'ta.sma(obv, params["slow"])',
    "aroon": 'ta.aroon(market.high, market.low, params["aroon_bars"])',
    "plus_di": 'ta.plus_di(market.high, market.low, market.close, params["adx_bars"])',
    "minus_di": 'ta.minus_di(market.high, market.low, market.close, params["adx_bars"])',
    "adx": 'ta.adx(market.high, market.low, market.close, params["adx_bars"])',
    "rsi": 'ta.rsi(market.close, params["rsi_bars"])',
    "rsi_low": 'ta.min(rsi, params["swing_bars"]).shift(1)',
    "rsi_high": 'ta.max(rsi, params["swing_bars"]).shift(1)',
    "swing_low": 'ta.min(market.low, params["swing_bars"]).shift(1)',
    "swing_high": 'ta.max(market.high, params["swing_bars"]).shift(1)',
    "slope": 'ta.linearreg_slope(market.close, params["slope_bars"])',
    "sar": 'ta.sar(market.high, market.low, params["acceleration"], params["acceleration_limit"])',
    "trix": 'ta.trix(market.close, params["trix_bars"])',
    "ratio": 'market.close.div(market.close["A000"], axis=0)',
    "usual_ratio": '{average}(ratio, params["ratio_bars"])',
    "spread": "np.log(ratio)",
    "spread_z": '(spread - ta.sma(spread, params["spread_bars"])) / ta.stddev(spread, params["spread_bars"])',
    "log_close": "np.log(market.close)",
    "z": '(log_close - ta.sma(log_close, params["band_bars"])) / ta.stddev(log_close, params["band_bars"])',
    "candle": 'getattr(ta, params["candle"])(market.open, market.high, market.low, market.close)',
    "stoch": 'ta.stoch(market.high, market.low, market.close, fastk_period=params["stoch_bars"])',
    "cci": 'ta.cci(market.high, market.low, market.close, params["cci_bars"])',
    "mfi": 'ta.mfi(market.high, market.low, market.close, market.volume, params["mfi_bars"])',
    "change": "ta.roc(market.close, 1)",
    "vwap": 'ta.sum(market.close * market.volume, params["vwap_bars"]) / ta.sum(market.volume, params["vwap_bars"])',
    "stretch": "(market.close - vwap) / atr",
    "close_location": "(market.close - market.low) / (market.high - market.low)",
    "path": 'ta.sum(market.close.diff().abs(), params["lookback"])',
    "efficiency": '(market.close - market.close.shift(params["lookback"])).abs() / path',
    # named conditions
    "stoch_up": 'ta.crossed_above(stoch.slowk, stoch.slowd) & (stoch.slowd < params["oversold"])',
    "stoch_down": 'ta.crossed_below(stoch.slowk, stoch.slowd) & (stoch.slowd > 100 - params["oversold"])',
    "bullish_divergence": '(market.low < swing_low) & (rsi > rsi_low + params["divergence"])',
    "bearish_divergence": '(market.high > swing_high) & (rsi < rsi_high - params["divergence"])',
    "selling_climax": 'burst & (market.close < market.open - params["big_bar"] * atr)',
    "buying_climax": 'burst & (market.close > market.open + params["big_bar"] * atr)',
    "busy": 'market.volume > params["busy"] * usual_volume',
    "quiet": "market.volume < usual_volume",
    "calm": 'volatility < params["calm"] * usual_volatility',
    "lively": 'volatility > params["lively"] * usual_volatility',
    "trending": 'adx > params["trending_adx"]',
    "ranging": 'adx < params["ranging_adx"]',
    "efficient": 'efficiency > params["efficiency"]',
    "liquid": 'liquidity_rank > params["illiquid_share"]',
    "steady": 'volatility_rank < 1 - params["wild_share"]',
    "session": '(market.hour - params["session_start"]) % 24 < params["session_hours"]',
    "weekday": 'market.weekday <= params["last_weekday"]',
    "reference": '(market.close - {average}(market.close, params["reference_bars"]))["A000"].to_numpy()[:, None]',
    "breadth": "(market.close > trend).mean(axis=1).to_numpy()[:, None]",
    # risk
    "stop_loss": '(params["stop_atr"] * volatility).clip(0.003, 0.6)',
    "trailing_stop": '(params["trail_atr"] * volatility).clip(0.003, 0.6)',
}
"""Name to expression, in an order in which each can be computed; `{average}` is a moving average drawn once a strategy."""

SCALED: dict[str, tuple[Range, Range, Range]] = {
    "fast": ((3, 12), (8, 36), (24, 72)),
    "slow": ((16, 60), (48, 150), (96, 250)),
    "signal": ((3, 12), (5, 24), (9, 48)),
    "trend_bars": ((40, 150), (100, 250), ("log", 120, 350)),
    "reference_bars": ((24, 120), (72, 250), ("log", 120, 350)),
    "atr_bars": ((8, 24), (14, 72), (24, 120)),
    "usual_bars": ((24, 96), (72, 240), ("log", 120, 400)),
    "volume_bars": ((12, 72), (24, 168), (72, 336)),
    "channel": (("log", 8, 48), ("log", 24, 144), ("log", 96, 400)),
    "exit_channel": ((4, 18), (12, 60), ("log", 36, 160)),
    "band_bars": ((10, 40), (20, 120), ("log", 72, 336)),
    "keltner_bars": ((10, 40), (20, 120), (72, 250)),
    "lookback": ((2, 24), ("log", 12, 120), ("log", 72, 400)),
    "reversal_bars": ((1, 12), (6, 72), (24, 240)),
    "high_bars": ((24, 96), ("log", 48, 240), ("log", 120, 480)),
    "ratio_bars": ((12, 60), (48, 168), (96, 250)),
    "spread_bars": ((12, 72), ("log", 36, 200), ("log", 96, 400)),
    "vwap_bars": ((8, 36), (24, 120), (72, 336)),
    "aroon_bars": ((8, 30), (20, 96), ("log", 60, 300)),
    "adx_bars": ((7, 18), (10, 36), (20, 72)),
    "rsi_bars": ((2, 9), (6, 24), (14, 48)),
    "mfi_bars": ((5, 14), (10, 36), (24, 96)),
    "cci_bars": ((8, 30), (20, 96), (48, 240)),
    "stoch_bars": ((5, 20), (14, 72), (48, 240)),
    "slope_bars": ((8, 36), (24, 144), ("log", 72, 400)),
    "trix_bars": ((4, 12), (8, 30), (20, 72)),
    "swing_bars": ((6, 36), (18, 96), (48, 240)),
    "acceleration": (("log", 0.01, 0.06), ("log", 0.004, 0.03), ("log", 0.001, 0.01)),
    "oversold": ((5, 30), (18, 36), (28, 43)),
    "recovered": ((45, 75), (45, 62), (46, 56)),
    "rsi_margin": ((8, 28), (4, 16), (1, 9)),
    "push": ((1.0, 4.0), (2.0, 8.0), (4.0, 20.0)),
    "trending_adx": ((20, 45), (18, 35), (12, 28)),
    "ranging_adx": ((18, 35), (15, 28), (10, 22)),
    "efficiency": ((0.25, 0.7), (0.15, 0.4), (0.06, 0.25)),
    "max_bars": ((3, 24), (12, 120), ("log", 72, 500)),
    "cooldown": ((0, 6), (0, 24), (0, 96)),
    "stop_loss": (("log", 0.005, 0.04), ("log", 0.015, 0.1), ("log", 0.03, 0.25)),
    "take_profit": (("log", 0.008, 0.06), ("log", 0.02, 0.2), ("log", 0.05, 0.6)),
    "trailing_stop": (("log", 0.008, 0.05), ("log", 0.02, 0.12), ("log", 0.05, 0.3)),
    "stop_atr": ((1.5, 6.0), (2.0, 10.0), ("log", 4.0, 25.0)),
    "trail_atr": ((2.0, 7.0), (3.0, 12.0), ("log", 5.0, 30.0)),
    "target_atr": ((1.5, 8.0), ("log", 3.0, 20.0), ("log", 6.0, 60.0)),
}
"""Parameter to its range on each of the `HORIZONS`, in bars of any length; tuned for hourly bars."""

RANGES: dict[str, Range] = {
    "average": ["ema", "sma", "wma", "kama"],
    "candle": ["cdlengulfing", "cdlbelthold", "cdlharami", "cdlmarubozu"],
    "deviations": (1.2, 3.0),
    "depth": (1.2, 3.2),
    "narrow": (0.5, 1.0),
    "keltner_atr": (1.0, 4.0),
    "acceleration_limit": (0.05, 0.3),
    "burst": ("log", 1.5, 6.0),
    "busy": (1.0, 2.5),
    "calm": (0.6, 1.1),
    "lively": (0.9, 1.6),
    "cci_depth": (80, 250),
    "streak": (3, 7),
    "big_bar": (0.3, 2.0),
    "divergence": (0.0, 8.0),
    "close_share": (0.03, 0.25),
    "stretch": ("log", 1.0, 8.0),
    "top_share": (0.03, 0.3),
    "breadth": (0.4, 0.75),
    "near_high": (0.8, 0.98),
    "illiquid_share": (0.2, 0.8),
    "wild_share": (0.1, 0.6),
    "entry_hour": (0, 23),
    "exit_hour": (0, 23),
    "session_start": (0, 23),
    "session_hours": (4, 16),
    "last_weekday": (2, 5),
    "reward": (0.8, 5.0),
    "risk": ("log", 0.005, 0.05),
    "volatility_target": ("log", 0.002, 0.02),
    "size": (0.25, 1.0),
}
"""Parameter to its range, the same on each horizon."""

TREND = (
    Condition("cross", "a fast average crosses above a slow one", "ta.crossed_above(fast, slow)",
              "ta.crossed_below(fast, slow)", "fast < slow", "fast > slow", "the averages are in the opposite order"),
    Condition("price_cross", "price crosses above its average", "ta.crossed_above(market.close, slow)",
              "ta.crossed_below(market.close, slow)", "market.close < slow", "market.close > slow",
              "price is back beyond its average"),
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
              'ta.crossed_below(move, -params["push"])', "move < 0", "move > 0", "the move has been undone"),
    Condition("squeeze", "price leaves a narrow Bollinger band upwards", "squeezed & (market.close > bands.upperband)",
              "squeezed & (market.close < bands.lowerband)", "market.close < bands.middleband",
              "market.close > bands.middleband", "price is back at the middle band"),
    Condition("aroon", "the Aroon oscillator turns up", "ta.crossed_above(aroon.aroonup, aroon.aroondown)",
              "ta.crossed_below(aroon.aroonup, aroon.aroondown)", "aroon.aroonup < aroon.aroondown",
              "aroon.aroonup > aroon.aroondown", "Aroon turns the other way"),
    Condition("directional", "the positive directional indicator crosses above the negative one",
              "ta.crossed_above(plus_di, minus_di)", "ta.crossed_below(plus_di, minus_di)", "plus_di < minus_di",
              "plus_di > minus_di", "the directional indicators are in the opposite order"),
    Condition("rsi_strength", "RSI rises well above 50", 'ta.crossed_above(rsi, 50 + params["rsi_margin"])',
              'ta.crossed_below(rsi, 50 - params["rsi_margin"])', "rsi < 50", "rsi > 50", "RSI is back beyond 50"),
    Condition("slope", "the regression slope turns up", "ta.crossed_above(slope, 0)", "ta.crossed_below(slope, 0)", "slope < 0",
              "slope > 0", "the slope turns the other way"),
    Condition("parabolic", "price crosses above the parabolic SAR", "ta.crossed_above(market.close, sar)",
              "ta.crossed_below(market.close, sar)", "market.close < sar", "market.close > sar", "price crosses the SAR back"),
    Condition("trix", "TRIX turns positive", "ta.crossed_above(trix, 0)", "ta.crossed_below(trix, 0)", "trix < 0", "trix > 0",
              "TRIX changes its sign"),
    Condition("burst", "a burst of volume carries price up", "burst & (market.close > market.open)",
              "burst & (market.close < market.open)", "market.close < fast", "market.close > fast",
              "price is back beyond its fast average"),
    Condition("obv", "on-balance volume crosses above its average", "ta.crossed_above(obv, usual_obv)",
              "ta.crossed_below(obv, usual_obv)", "obv < usual_obv", "obv > usual_obv",
              "on-balance volume is back beyond its average"),
    Condition("strength", "strength against the reference asset crosses above its average",
              "ta.crossed_above(ratio, usual_ratio)", "ta.crossed_below(ratio, usual_ratio)", "ratio < usual_ratio",
              "ratio > usual_ratio", "strength against the reference is back beyond its average"),
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
              "price is back at its volume-weighted mean"),
    Condition("stochastic", "the oversold stochastic turns up", "stoch_up", "stoch_down",
              'stoch.slowk > 100 - params["oversold"]', 'stoch.slowk < params["oversold"]',
              "the stochastic is at the other extreme"),
    Condition("cci", "CCI falls far below zero", 'ta.crossed_below(cci, -params["cci_depth"])',
              'ta.crossed_above(cci, params["cci_depth"])', "cci > 0", "cci < 0", "CCI is back at zero"),
    Condition("money_flow", "the money flow index leaves the oversold zone", 'ta.crossed_above(mfi, params["oversold"])',
              'ta.crossed_below(mfi, 100 - params["oversold"])', 'mfi > 100 - params["oversold"]', 'mfi < params["oversold"]',
              "the money flow index is at the other extreme"),
    Condition("streak", "price has fallen several bars in a row", 'ta.max(change, params["streak"]) < 0',
              'ta.min(change, params["streak"]) > 0', "market.close > fast", "market.close < fast",
              "price is back beyond its fast average"),
    Condition("drop", "price has dropped by several average true ranges", 'move < -params["push"]', 'move > params["push"]',
              "move > 0", "move < 0", "the drop has been made good"),
    Condition("spread", "the asset is several deviations cheap against the reference", 'spread_z < -params["depth"]',
              'spread_z > params["depth"]', "spread_z > 0", "spread_z < 0", "the spread is back at its mean"),
    Condition("divergence", "price makes a new low and RSI does not", "bullish_divergence", "bearish_divergence",
              'rsi > params["recovered"]', 'rsi < 100 - params["recovered"]', "RSI has recovered"),
    Condition("climax", "a burst of volume drives price down", "selling_climax", "buying_climax", "market.close > slow",
              "market.close < slow", "price is back beyond its slow average"),
    Condition("weak_close", "price closes near the bar's low", 'close_location < params["close_share"]',
              'close_location > 1 - params["close_share"]', 'close_location > 1 - params["close_share"]',
              'close_location < params["close_share"]', "price closes at the bar's other end"),
)  # fmt: skip
"""Events that expect a move to come back."""

RANKS = (
    Condition("winners", "the asset is among the strongest", 'momentum_rank > 1 - params["top_share"]',
              'momentum_rank < params["top_share"]', "momentum_rank < 0.5", "momentum_rank > 0.5",
              "the asset falls behind half of the others"),
    Condition("steady_winners", "the asset is among the strongest for its volatility", 'steady_rank > 1 - params["top_share"]',
              'steady_rank < params["top_share"]', "steady_rank < 0.5", "steady_rank > 0.5",
              "the asset falls behind half of the others"),
    Condition("near_high", "the asset is among those nearest to their high", 'nearness_rank > 1 - params["top_share"]',
              'nearness_rank < params["top_share"]', "nearness_rank < 0.5", "nearness_rank > 0.5",
              "the asset falls behind half of the others"),
    Condition("losers", "the asset has lost most of all lately", 'recent_rank < params["top_share"]',
              'recent_rank > 1 - params["top_share"]', "recent_rank > 0.5", "recent_rank < 0.5",
              "the asset has caught up with half of the others"),
    Condition("quietest", "the asset is among the least volatile", 'volatility_rank < params["top_share"]',
              'volatility_rank > 1 - params["top_share"]', "volatility_rank > 0.5", "volatility_rank < 0.5",
              "the asset is no longer on its side of the median volatility"),
    Condition("attention", "volume has grown most of all", 'attention_rank > 1 - params["top_share"]',
              'attention_rank < params["top_share"]', "attention_rank < 0.5", "attention_rank > 0.5",
              "volume growth is no longer on its side of the median"),
)  # fmt: skip
"""Comparisons of each asset with all others at the same bar."""

CLOCK = (
    Condition("clock", "the entry hour has come", 'market.hour == params["entry_hour"]', 'market.hour == params["exit_hour"]',
              'market.hour == params["exit_hour"]', 'market.hour == params["entry_hour"]', "the exit hour has come"),
)  # fmt: skip
"""Times of the day."""

STATES = (
    Condition("above_trend", "price is above its trend", "market.close > trend", "market.close < trend"),
    Condition("ordered", "the fast average is above the slow one", "fast > slow", "fast < slow"),
    Condition("rising", "momentum is positive", "momentum > 0", "momentum < 0"),
    Condition("upper_half", "momentum beats half of the assets", "momentum_rank > 0.5", "momentum_rank < 0.5"),
    Condition("stronger", "strength against the reference is above its average", "ratio > usual_ratio", "ratio < usual_ratio"),
    Condition("sloping", "the regression slope is positive", "slope > 0", "slope < 0"),
)
"""Directional states of each asset: filters for any event, or together an entry of their own."""

MARKET_STATES = (
    Condition("reference_up", "the reference asset is above its average", "reference > 0", "reference < 0"),
    Condition("broad", "most assets are above their trend", 'breadth > params["breadth"]', 'breadth < 1 - params["breadth"]'),
)
"""Directional states of the whole market, as columns that hold for every asset."""

NEUTRAL = tuple(
    Condition(name, words, name, name)
    for name, words in (
        ("busy", "volume is above its average"),
        ("quiet", "volume is below its average"),
        ("calm", "volatility is low"),
        ("lively", "volatility is high"),
        ("efficient", "price has travelled straight"),
        ("liquid", "the asset is liquid"),
        ("steady", "the asset is none of the wildest"),
        ("session", "the hour is in session"),
        ("weekday", "the week is young"),
    )
)
"""Filters that say nothing about direction."""

TREND_FILTERS = (
    Condition("trending", "ADX shows a trend", "trending", "trending"),
    Condition("close_to_high", "price is near its high", 'nearness > params["near_high"]', 'nearness < params["near_high"]'),
    Condition("buying", "on-balance volume is above its average", "obv > usual_obv", "obv < usual_obv"),
)
"""Filters that fit events of `TREND` only."""

REVERSION_FILTERS = (Condition("ranging", "ADX shows no trend", "ranging", "ranging"),)
"""Filters that fit events of `REVERSION` only."""
