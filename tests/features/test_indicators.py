"""TA-Lib over panels: equal to TA-Lib asset by asset, blind to gaps, never stale."""

import gc
import inspect
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from talib import abstract

from engine.features.indicators import NAMES, Indicators

BARS, ASSETS = 260, 3
TALIB_NAMES = sorted(NAMES - {"crossed_above", "crossed_below"})
COUNTS_BACK = ("maxindex", "minindex", "minmaxindex")


def frozen(values: np.ndarray, first_row: int = 5_000) -> pd.DataFrame:
    """A read-only, asset-contiguous frame, as the market's are."""
    array = np.array(values.T, order="C")
    array.flags.writeable = False
    labels = pd.RangeIndex(first_row, first_row + len(values)), pd.Index([f"A{i:03d}" for i in range(values.shape[1])])
    return pd.DataFrame(array.T, index=labels[0], columns=labels[1], copy=False)


def market(seed: int = 1, bars: int = BARS, assets: int = ASSETS) -> dict[str, pd.DataFrame]:
    """Frames by the names that TA-Lib gives its inputs; prices in steps, so that candle patterns occur."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (bars, assets)), axis=0)).round(2)
    start = np.vstack([close[:1], close[:-1]]) * rng.choice([1, 1, 0.99, 1.01], (bars, assets))
    high = np.maximum(start, close) * rng.choice([1, 1.01, 1.03], (bars, assets))
    low = np.minimum(start, close) / rng.choice([1, 1.01, 1.03], (bars, assets))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(8, 1, (bars, assets)))}
    fields |= {"real": close, "real0": close, "real1": high, "periods": rng.integers(2, 30, (bars, assets)).astype(float)}
    return {name: frozen(values) for name, values in fields.items()}


def inputs_of(name: str) -> list[str]:
    signature = inspect.signature(getattr(talib, name.upper())).parameters.values()
    return [p.name for p in signature if p.default is p.empty]


def outputs_of(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def by_talib(name: str, columns: list[np.ndarray], *parameters: float) -> list[np.ndarray]:
    """TA-Lib on one asset, with NaN in the warm-up and extremes as bars ago, by TA-Lib's public interface alone."""
    described = abstract.Function(name, *parameters)
    lines = outputs_of(getattr(talib, name.upper())(*columns, *parameters))
    if name in COUNTS_BACK:
        lines = tuple(np.arange(len(line)) - line for line in lines)
    return [np.where(np.arange(len(line)) < described.lookback, np.nan, line) for line in lines]


@pytest.mark.parametrize("name", TALIB_NAMES)
def test_every_function_equals_talib_on_each_asset(name):
    frames = [market()[field] for field in inputs_of(name)]
    with np.errstate(all="ignore"):
        found = outputs_of(getattr(Indicators(), name)(*frames))
    assert len(found) == len(abstract.Function(name).output_names)
    for asset in range(ASSETS):
        wanted = by_talib(name, [frame.to_numpy()[:, asset] for frame in frames])
        for frame, line in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(frame.to_numpy()[:, asset], line)


@pytest.mark.parametrize("name", TALIB_NAMES)
def test_an_asset_with_gaps_equals_talib_on_the_bars_it_has(name):
    frames = [market()[field] for field in inputs_of(name)]
    holes = np.zeros((BARS, ASSETS), bool)
    holes[:37, 0] = True  # listed late
    holes[60:71, 1] = holes[200::7, 1] = True  # outages
    holes[:, 2] = True  # never listed
    for at, frame in enumerate(frames):  # each input lacks other rows: one that lacks any is left out
        frames[at] = frozen(np.where(holes & (np.arange(BARS)[:, None] % len(frames) == at), np.nan, frame.to_numpy()))
    present = ~np.isnan(np.stack([frame.to_numpy() for frame in frames])).any(axis=0)
    found = outputs_of(getattr(Indicators(), name)(*frames))
    for asset in range(ASSETS):
        rows = present[:, asset]
        wanted = by_talib(name, [frame.to_numpy()[rows, asset].copy() for frame in frames])
        for frame, line in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(frame.to_numpy()[rows, asset], line)
            assert np.isnan(frame.to_numpy()[~rows, asset]).all()


@pytest.mark.parametrize("name", TALIB_NAMES)
def test_no_function_looks_ahead_and_too_few_bars_give_nan(name):
    frames = [market()[field] for field in inputs_of(name)]
    lookback = abstract.Function(name).lookback
    full = outputs_of(getattr(Indicators(), name)(*frames))
    for bars in {1, lookback, lookback + 1, lookback + 2, 200} - {0}:
        part = outputs_of(getattr(Indicators(), name)(*(frozen(frame.to_numpy()[:bars]) for frame in frames)))
        for short, long in zip(part, full, strict=True):
            np.testing.assert_array_equal(short.to_numpy(), long.to_numpy()[:bars])
            assert np.isnan(short.to_numpy()[:lookback]).all()


def test_index_functions_count_the_bars_back_to_the_extreme():
    close = market()["close"].to_numpy().copy()
    close[50:60, 1] = np.nan
    frame, window = frozen(close), 9
    ta = Indicators()
    found = {"min": ta.minmaxindex(frame, window).minidx, "max": ta.minmaxindex(frame, window).maxidx}
    for asset in range(ASSETS):
        rows = np.flatnonzero(~np.isnan(close[:, asset]))
        for at, row in enumerate(rows):
            recent = close[rows[at - window + 1 : at + 1], asset] if at >= window - 1 else None
            for which, back in found.items():
                ago = back.to_numpy()[row, asset]
                if recent is None:
                    assert np.isnan(ago)
                else:
                    assert recent[window - 1 - int(ago)] == getattr(recent, which)()
    pd.testing.assert_frame_equal(ta.maxindex(frame, window), found["max"])
    pd.testing.assert_frame_equal(ta.minindex(frame, window), found["min"])


def test_candle_functions_are_nan_in_the_warm_up_and_then_say_100_0_or_minus_100():
    m = market()
    engulfing = Indicators().cdlengulfing(m["open"], m["high"], m["low"], m["close"]).to_numpy()
    lookback = abstract.Function("cdlengulfing").lookback
    assert np.isnan(engulfing[:lookback]).all()
    assert set(np.unique(engulfing[lookback:])) >= {-100.0, 0.0, 100.0}


def test_several_outputs_have_talibs_names():
    m, ta = market(), Indicators()
    assert ta.bbands(m["close"], 20)._fields == ("upperband", "middleband", "lowerband")
    assert ta.macd(m["close"])._fields == ("macd", "macdsignal", "macdhist")
    upper, middle, lower = ta.bbands(m["close"], 20, 1.5, 1.5)
    assert (upper >= middle).to_numpy()[20:].all()
    assert (middle >= lower).to_numpy()[20:].all()


def test_parameters_go_by_position_or_keyword_and_whole_floats_are_whole_numbers():
    m, ta = market(), Indicators()
    wanted = ta.macd(m["close"], 10, 20, 5).macd
    pd.testing.assert_frame_equal(ta.macd(m["close"], 10.0, signalperiod=5, slowperiod=np.int64(20)).macd, wanted)
    pd.testing.assert_frame_equal(ta.macd(real=m["close"], fastperiod=10, slowperiod=20, signalperiod=5).macd, wanted)
    pd.testing.assert_frame_equal(ta.ma(m["close"], 10, matype=1), ta.ema(m["close"], 10))


def test_results_are_read_only_float64_asset_contiguous_frames_with_the_labels_of_the_input():
    m, ta = market(), Indicators()
    for frame in (
        ta.ema(m["close"], 5),
        *ta.stoch(m["high"], m["low"], m["close"]),
        ta.cdldoji(*map(m.get, inputs_of("cdldoji"))),
    ):
        values = frame.to_numpy()
        assert values.dtype == np.float64
        assert values.flags.f_contiguous
        assert not values.flags.writeable
        assert frame.index.equals(m["close"].index)
        assert frame.columns.equals(m["close"].columns)
        with pytest.raises(ValueError, match="read-only"):
            frame.iloc[0, 0] = 1.0


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, object])
def test_inputs_of_other_types_are_cast(dtype):
    close, ta = market()["close"], Indicators()
    up = (close > 100).astype(dtype)
    pd.testing.assert_frame_equal(ta.sma(up, 10), ta.sma((close > 100).astype(float), 10))


def test_a_missing_truth_value_is_a_missing_bar():
    up = (market()["close"] > 100).astype(object)
    up.iloc[:4] = None
    assert Indicators().sma(up, 10)["A000"].isna().sum() == 4 + 9


def test_arrays_of_either_order_take_the_labels_of_the_registered_market():
    close, ta = market()["close"], Indicators()
    ta.register(close, "close")
    wanted = ta.ema(close, 10)
    for order in "CF":
        pd.testing.assert_frame_equal(ta.ema(np.array(close, order=order), 10), wanted)


def test_what_indicators_of_indicators_warm_up_adds_up():
    close, ta = market()["close"], Indicators()
    smooth = ta.sma(ta.rsi(close, 14), 9)
    assert smooth["A000"].first_valid_index() == close.index[14 + 8]
    np.testing.assert_array_equal(smooth["A001"].to_numpy()[14:], talib.SMA(talib.RSI(close["A001"].to_numpy(), 14)[14:], 9))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda ta, m: ta.emma(m["close"]), AttributeError, "'emma'.*nearest name is ta.*"),
        (lambda ta, m: ta.EMA(m["close"]), AttributeError, "nearest name is ta.ema"),
        (lambda ta, m: ta.cross_above(m["close"], 1), AttributeError, "nearest name is ta.crossed_above"),
        (lambda ta, m: ta.atr(m["close"], 14), TypeError, r"for close, wanted ta.atr\(high, low, close, timeperiod=14\)"),
        (lambda ta, m: ta.ema(m["close"], 5, 6), TypeError, r"found 3 arguments, wanted ta.ema\(real, timeperiod=30\)"),
        (lambda ta, m: ta.ema(m["close"], length=5), TypeError, "keyword length is unknown, wanted ta.ema"),
        (lambda ta, m: ta.ema(m["close"], real=m["close"]), TypeError, "keyword real is given twice"),
        (lambda ta, m: ta.ema(m["close"], 5.5), TypeError, "timeperiod to be a whole number, found 5.5"),
        (lambda ta, m: ta.ema(m["close"], "5"), TypeError, "whole number, found str '5'"),
        (lambda ta, m: ta.ema(m["close"], True), TypeError, "whole number, found bool"),
        (lambda ta, m: ta.max(m["close"], m["high"]), TypeError, r"whole number, found DataFrame of shape \(260, 3\)"),
        (lambda ta, m: ta.ema(m["close"], float("nan")), ValueError, "found nan"),
        (
            lambda ta, m: ta.rsi(m["close"], 1),
            ValueError,
            "ta.rsi was given timeperiod=1, refused by TA-Lib, which takes 2 to 100000",
        ),
        (lambda ta, m: ta.rsi(m["close"], 2**50), ValueError, "which takes 2 to 100000"),
        (lambda ta, m: ta.mama(m["close"], 2.0), ValueError, "fastlimit=2.0, .* takes 0.01 to 0.99"),
        (lambda ta, m: ta.mavp(m["close"], m["periods"], 20, 5), ValueError, "minperiod=20, maxperiod=5.* combination"),
        (lambda ta, m: ta.ema(m["close"]["A000"], 5), TypeError, r"real to be a frame .* found Series of shape \(260,\)"),
        (lambda ta, m: ta.add(m["close"], 5), TypeError, "real1 to be a frame .* found int 5"),
        (lambda ta, m: ta.ema(m["close"].astype(complex), 5), TypeError, "found values of type complex128"),
        (lambda ta, m: ta.ema((m["close"] > 1).astype(str), 5), TypeError, "found values that are no numbers.*True"),
        (lambda ta, m: ta.add(m["close"], m["high"].iloc[1:]), ValueError, r"real0 of \(260, 3\), real1 of \(259, 3\)"),
        (lambda ta, m: ta.add(m["close"], m["high"].iloc[:, ::-1]), ValueError, "different labels"),
        (lambda ta, m: ta.crossed_above(m["close"], "high"), TypeError, "b to be a frame or a number, found str 'high'"),
        (lambda ta, m: ta.register(m["close"] * 2, "close"), ValueError, "values of close can still be written"),
    ],
)
def test_a_wrong_call_says_what_was_found_and_wanted(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(Indicators(), market())


def test_refused_parameters_are_refused_even_where_no_asset_has_enough_bars():
    with pytest.raises(ValueError, match="timeperiod=1"):
        Indicators().rsi(market(bars=3)["close"], 1)


def test_the_same_call_on_registered_frames_and_on_their_results_returns_the_same_object():
    m, ta = market(), Indicators()
    for name in ("high", "low", "close"):
        ta.register(m[name], name)
    assert ta.ema(m["close"]) is ta.ema(m["close"], timeperiod=30.0)
    assert ta.sma(ta.rsi(m["close"], 14), 9) is ta.sma(ta.rsi(m["close"], 14), 9)
    assert ta.stoch(m["high"], m["low"], m["close"]).slowd is ta.stoch(m["high"], m["low"], m["close"]).slowd
    assert ta.crossed_above(m["close"], ta.ema(m["close"])) is ta.crossed_above(m["close"], ta.ema(m["close"]))
    assert ta.crossed_below(ta.rsi(m["close"]), 30) is ta.crossed_below(ta.rsi(m["close"]), 30.0)
    assert ta.ema(m["close"], 5) is not ta.ema(m["close"], 6)
    assert ta.add(m["high"], m["low"]) is not ta.add(m["low"], m["high"])


def test_a_temporary_frame_is_computed_anew_though_it_has_the_identity_of_an_earlier_one():
    close, ta = market()["close"], Indicators()
    ta.register(close, "close")
    for factor in range(1, 40):  # each product takes the place of the one before in memory
        np.testing.assert_array_equal(ta.sma(close * factor, 5)["A000"], talib.SMA(close["A000"].to_numpy() * factor, 5))
        np.testing.assert_array_equal(ta.crossed_above(close * factor, 150), slow_cross(close * factor, 150, 1))


def test_a_frame_that_was_written_between_two_calls_is_computed_anew():
    ta = Indicators()
    mine = market()["close"].copy()
    first = ta.sma(mine, 5)["A000"].iloc[-1]
    mine.iloc[-1, 0] += 5.0
    assert ta.sma(mine, 5)["A000"].iloc[-1] == pytest.approx(first + 1.0)


def test_a_registered_frame_or_a_result_with_replaced_columns_is_not_taken_for_what_it_was():
    close, ta = market()["close"], Indicators()
    ta.register(close, "close")
    fast, wanted = ta.ema(close, 5), ta.ema(close, 5).copy()
    fast["A000"] = 0.0
    assert (ta.sma(fast, 3)["A000"].iloc[10:] == 0.0).all()
    pd.testing.assert_frame_equal(ta.ema(close, 5), wanted)
    slow, wanted = ta.ema(close, 9), ta.ema(close, 9).copy()
    slow += 1.0
    pd.testing.assert_frame_equal(ta.ema(close, 9), wanted)
    close["A001"] = 1.0
    assert (ta.ema(close, 5)["A001"].iloc[10:] == 1.0).all()


def test_a_registered_frame_that_is_gone_leaves_nothing_for_the_next_one():
    ta = Indicators()
    for seed in range(20):
        close = market(seed, bars=60)["close"]
        ta.register(close, "close")
        np.testing.assert_array_equal(ta.sma(close, 5)["A000"], talib.SMA(close["A000"].to_numpy(), 5))
        del close
        gc.collect()


def test_the_least_recently_used_results_go_first_when_the_cache_is_full():
    close = market()["close"]
    ta = Indicators(cache_mb=3.5 * close.to_numpy().nbytes / 2**20)
    ta.register(close, "close")
    kept, dropped = ta.ema(close, 2), ta.ema(close, 3)
    ta.ema(close, 4)
    assert ta.ema(close, 2) is kept
    later = ta.ema(close, 5)
    assert ta.ema(close, 2) is kept
    assert ta.ema(close, 5) is later
    again = ta.ema(close, 3)
    assert again is not dropped
    pd.testing.assert_frame_equal(again, dropped)


def test_what_was_made_of_a_dropped_result_is_found_again_when_that_is_computed_again():
    close = market()["close"]
    ta = Indicators(cache_mb=3.5 * close.to_numpy().nbytes / 2**20)
    ta.register(close, "close")
    strength = ta.rsi(close, 14)
    smooth = ta.sma(strength, 9)
    ta.ema(close, 3)
    ta.sma(strength, 9)
    ta.ema(close, 4)  # crowds the rsi out, but not what was made of it
    assert ta.rsi(close, 14) is not strength
    assert ta.sma(ta.rsi(close, 14), 9) is smooth


def test_without_a_cache_all_is_computed_anew():
    close, ta = market()["close"], Indicators(cache_mb=0)
    ta.register(close, "close")
    assert ta.ema(close, 5) is not ta.ema(close, 5)


def test_calls_are_recorded_with_labels_on_request_cached_or_not():
    m, ta = market(), Indicators()
    ta.register(m["close"], "close")
    ta.ema(ta.rsi(m["close"], 14), 9)
    ta.calls = []
    smooth = ta.ema(ta.rsi(m["close"], 14), 9)
    ta.crossed_above(m["close"] * 2, ta.macd(m["close"]).macd)
    labels = [label for label, _ in ta.calls]
    macd = [f"macd(close, 12, 26, 9).{output}" for output in ("macd", "macdsignal", "macdhist")]
    crossed = "crossed_above(expression, macd(close, 12, 26, 9).macd)"
    assert labels == ["rsi(close, 14)", "ema(rsi(close, 14), 9)", *macd, crossed]
    assert ta.calls[1][1] is smooth


def slow_cross(a: Any, b: Any, direction: int) -> np.ndarray:
    """By the words of the contract, cell by cell."""
    a = np.asarray(a, float) * direction
    b = np.broadcast_to(np.asarray(b, float) * direction, a.shape)
    crossed = np.zeros(a.shape, bool)
    for t in range(1, a.shape[0]):
        for asset in range(a.shape[1]):
            crossed[t, asset] = a[t, asset] > b[t, asset] and a[t - 1, asset] <= b[t - 1, asset]
    return crossed


CELLS = st.lists(st.sampled_from([np.nan, 0.0, 1.0, 2.0, np.inf]), min_size=12, max_size=12)


@settings(max_examples=60, deadline=None)
@given(CELLS, CELLS, st.sampled_from([(12, 1), (6, 2), (4, 3), (1, 12)]), st.sampled_from("CF"), st.sampled_from([0.0, 1.0]))
def test_crossings_equal_their_slow_twin(a, b, shape, order, level):
    left, right = (pd.DataFrame(np.array(np.reshape(cells, shape), order=order)) for cells in (a, b))
    ta = Indicators()
    for other in (right, level, right.to_numpy()):
        np.testing.assert_array_equal(ta.crossed_above(left, other), slow_cross(left, other, 1))
        np.testing.assert_array_equal(ta.crossed_below(left, other), slow_cross(left, other, -1))


def test_a_crossing_is_a_read_only_bool_frame_with_the_labels_of_its_input():
    m = market()
    crossed = Indicators().crossed_above(m["close"], m["open"])
    values = crossed.to_numpy()
    assert values.dtype == bool
    assert values.flags.f_contiguous
    assert not values.flags.writeable
    assert crossed.index.equals(m["close"].index)
    assert not crossed.iloc[0].any()


def test_names_are_what_the_object_answers_to():
    ta = Indicators()
    assert {"ema", "cdldoji", "ht_trendmode", "mavp", "minmaxindex", "crossed_above", "crossed_below"} <= NAMES
    assert all(callable(getattr(ta, name)) for name in NAMES)
    assert not hasattr(ta, "_ema")


def test_it_is_importable_where_pyarrow_is_blanked():
    code = "import sys; sys.modules['pyarrow'] = None; import engine.features.indicators; assert sys.modules['pyarrow'] is None"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
