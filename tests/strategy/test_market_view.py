"""What a strategy sees as `market`: the true bars, without what would tell which they are."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.features.indicators import Indicators
from engine.market.bars import Panel
from engine.records import Window
from engine.strategy.market_view import FRAMES, MarketFrames, MarketView
from engine.strategy.params import ContractBreach
from engine.strategy.window_data import map_window, seal_window
from tests.markets import panel_of, random_bars, whole

PRICES = ("open", "high", "low", "close")


def make_panel(*, bars: int = 300, assets: int = 4, bar_s: int = 3600) -> Panel:
    """Prices from a ten-millionth to a hundred thousand, with missing bars."""
    rng = np.random.default_rng(7)
    levels = np.array([1e5, 1e-7, 3.0, 250.0])[:assets, None]
    return panel_of(
        random_bars(rng, bars, assets, missing=0.05) * levels, volume=rng.lognormal(5, 2, (bars, assets)), bar_s=bar_s
    )


PANEL = make_panel()


def frames_of(
    panel: Panel = PANEL, *, window: Window | None = None, salt: int = 1, **header: Any
) -> tuple[MarketFrames, Indicators]:
    data = seal_window(panel, window or whole(panel)[1])
    known, times, fields = map_window(data.fd, json.dumps(data.header() | header))
    ta = Indicators(cache_mb=50)
    return MarketFrames(known, times, fields, ta=ta, rng=np.random.default_rng(salt)), ta


@pytest.fixture
def market() -> MarketView:
    return MarketView(frames_of()[0])


def test_columns_are_numbered_and_rows_start_at_an_offset_that_the_salt_draws(market: MarketView) -> None:
    assert list(market.close.columns) == ["A000", "A001", "A002", "A003"]
    offsets = [MarketView(frames_of(salt=s)[0]).close.index[0] for s in (1, 1, 2, 3)]
    assert offsets[0] == offsets[1]
    assert len(set(offsets)) == 3
    assert min(offsets) >= 1_000
    assert list(market.close.index) == list(range(offsets[0], offsets[0] + PANEL.bars))


def test_all_frames_share_their_labels_and_shape(market: MarketView) -> None:
    for name in FRAMES:
        frame = getattr(market, name)
        assert frame.index is market.close.index
        assert frame.columns is market.close.columns
        assert frame.shape == PANEL.close.shape


@pytest.mark.parametrize("salt", range(5))
def test_prices_are_the_true_ones_times_a_power_of_two_and_dollar_volume_is_kept(salt: int) -> None:
    market = MarketView(frames_of(salt=salt)[0])
    with np.errstate(invalid="ignore"):
        scale = np.nanmax(market.close.to_numpy() / PANEL.close, axis=0)
    assert (np.frexp(scale)[0] == 0.5).all()
    for name in PRICES:
        np.testing.assert_array_equal(getattr(market, name).to_numpy(), getattr(PANEL, name) * scale)
    np.testing.assert_array_equal(market.volume.to_numpy() * market.close.to_numpy(), PANEL.volume * PANEL.close)


def test_each_assets_first_close_lies_between_1_and_256_wherever_it_was() -> None:
    firsts = np.array([MarketView(frames_of(salt=s)[0]).close.bfill().to_numpy()[0] for s in range(20)])
    assert ((firsts >= 1) & (firsts < 256)).all()
    assert all(len(set(asset)) > 2 for asset in firsts.T)


def test_hour_and_weekday_are_those_of_the_bars_open_in_utc() -> None:
    panel = make_panel(bars=400, bar_s=900)
    market, times = MarketView(frames_of(panel)[0]), pd.DatetimeIndex(panel.times_ns, tz="UTC")
    for asset in market.close.columns:
        np.testing.assert_array_equal(market.hour[asset], times.hour)
        np.testing.assert_array_equal(market.weekday[asset], times.day_of_week)
    assert {market.hour.dtypes.iloc[0].kind, market.weekday.dtypes.iloc[0].kind} == {"i"}


def test_facts_of_the_market_are_told(market: MarketView) -> None:
    assert (market.timeframe, market.bars_per_year, dict(market.features)) == ("1h", 8_760.0, {})


def test_the_lead_in_is_part_of_the_frames() -> None:
    frames, _ = frames_of(window=Window("validation", 100, 150, lead_in=40))
    assert MarketView(frames).close.shape == (90, 4)
    assert frames.shape.lead_in == 40


def test_reading_the_volume_of_a_set_without_it_is_refused() -> None:
    market = MarketView(frames_of(has_volume=False)[0])
    with pytest.raises(ContractBreach, match=r"reads market\.volume, but this dataset has no volume"):
        _ = market.volume
    assert market.close.notna().any(axis=None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Close", r"market has no 'Close', it holds open, high, .*; the nearest name is market\.close"),
        ("closes", r"the nearest name is market\.close"),
        ("index", "it holds open, high, low, close, volume, hour, weekday, features, timeframe, bars_per_year"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(market: MarketView, name: str, said: str) -> None:
    with pytest.raises(AttributeError, match=said):
        getattr(market, name)


def test_a_feature_that_is_not_there_is_refused_with_what_there_is(market: MarketView) -> None:
    with pytest.raises(ContractBreach, match=r"market\.features has no 'regime'; it holds nothing"):
        market.features["regime"]


class TestReadOnly:
    @pytest.mark.parametrize("name", FRAMES)
    def test_values_cannot_be_written(self, market: MarketView, name: str) -> None:
        with pytest.raises(ValueError, match="read-only"):
            getattr(market, name).iloc[0, 0] = 1

    def test_nothing_can_be_put_in_their_place(self, market: MarketView) -> None:
        for name in ("close", "features", "mine"):
            with pytest.raises(AttributeError, match=rf"market\.{name} cannot be set; keep the new frame in a variable"):
                setattr(market, name, market.open)

    @pytest.mark.parametrize(
        "alter",
        [
            lambda close: close.__setitem__("A000", 1.0),
            lambda close: close.__setitem__("new", 1.0),
            lambda close: setattr(close, "columns", list("abcd")),
            lambda close: setattr(close, "index", range(len(close))),
            lambda close: close.insert(0, "first", 1.0),
            lambda close: close.pop("A000"),
        ],
    )
    def test_a_frame_that_one_set_alters_in_place_is_made_anew_for_the_next(self, alter: Any) -> None:
        frames, ta = frames_of()
        before, average = frames.frame("close").copy(), ta.ema(frames.frame("close"), 5).copy()
        alter(MarketView(frames).close)
        frames.forget_altered()
        pd.testing.assert_frame_equal(MarketView(frames).close, before)
        pd.testing.assert_frame_equal(ta.ema(MarketView(frames).close, 5), average)

    def test_what_one_set_puts_among_the_features_is_gone_for_the_next(self) -> None:
        frames, _ = frames_of()
        MarketView(frames).features["mine"] = 1
        assert "mine" not in MarketView(frames).features


def test_indicators_on_market_frames_are_kept_from_one_set_to_the_next() -> None:
    frames, ta = frames_of()
    first = ta.ema(MarketView(frames).close, 5)
    frames.forget_altered()
    assert ta.ema(MarketView(frames).close, 5) is first
    atr = ta.atr(MarketView(frames).high, MarketView(frames).low, MarketView(frames).close, 14)
    assert ta.atr(MarketView(frames).high, MarketView(frames).low, MarketView(frames).close, 14) is atr


@pytest.mark.parametrize(("bars", "assets"), [(1, 1), (2, 1), (3, 2)])
def test_a_handful_of_bars_is_a_market(bars: int, assets: int) -> None:
    panel = panel_of(random_bars(np.random.default_rng(3), bars, assets))
    frames, ta = frames_of(panel)
    market = MarketView(frames)
    assert market.close.shape == market.hour.shape == (bars, assets)
    assert ta.ema(market.close, 5).isna().all(axis=None)


def test_an_asset_without_any_bar_stays_empty() -> None:
    bars = random_bars(np.random.default_rng(3), 50, 2)
    bars[:, 1] = np.nan
    market = MarketView(frames_of(panel_of(bars))[0])
    assert market.close["A001"].isna().all()
    assert market.close["A000"].notna().all()
