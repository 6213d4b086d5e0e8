"""The demo market looks like crypto, holds the edge that was planted, and nothing else."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from engine.errors import DataError, UnknownDataset
from engine.market.bars import FIELDS, Panel
from engine.market.demo import demo_market, describe_edge, make_demo
from engine.market.edges import GAIN_PER_STRENGTH, KINDS, Shocks, plant

ROUND_TRIP = 0.003  # fee 0.1 % and slippage 0.05 %, twice
small = cache(lambda edge, strength=4.0, seed=7: demo_market(edge=edge, strength=strength, seed=seed, assets=40, bars=6000))
full = cache(make_demo)


def events(panel: Panel, kind: str) -> np.ndarray:
    """Side (+1, −1 or 0) that the plain reading of an edge's sentence takes at each close, by visible bars alone."""
    close, hour = pd.DataFrame(panel.close), panel.times_ns // 3_600_000_000_000 % 24
    change = close.pct_change(fill_method=None)
    if kind == "volume_burst":
        volume = pd.DataFrame(panel.volume)
        side = (volume > 3 * volume.shift(1).rolling(24).mean()) & (close > panel.open)
    elif kind == "time_of_day":
        side = close.notna() & (hour == 13)[:, None]
    elif kind == "mean_reversion":
        relative = change.sub(change.mean(axis=1), axis=0)
        side = relative < -2.5 * relative.shift(1).rolling(168).std()
    elif kind == "momentum":
        side = close.pct_change(168, fill_method=None).rank(axis=1, pct=True) > 0.8
    elif kind == "lead_lag":
        leader = change[0]
        side = np.sign(leader) * (leader.abs() > 2 * leader.shift(1).rolling(168).std())
        side = pd.DataFrame({i: side if i else 0 * side for i in range(panel.assets)}).fillna(0)
    else:
        side = close > close.shift(1).rolling(72).max()
    return side.to_numpy(dtype=float)


def harvest(panel: Panel, kind: str) -> pd.DataFrame:
    """One row for each trade of that rule: `bar`, `asset`, `gain` before costs; no asset holds two trades at once."""
    side, hold, rows = events(panel, kind), KINDS[kind].hold_bars, []
    for asset in range(panel.assets):
        free = 0
        for t in np.flatnonzero(side[:, asset]):
            if free <= t < panel.bars - hold:
                rows.append((t, asset, side[t, asset] * (panel.close[t + hold, asset] / panel.open[t + 1, asset] - 1)))
                free = t + hold
    return pd.DataFrame(rows, columns=["bar", "asset", "gain"]).dropna()


def t_statistic(trades: pd.DataFrame, bars: int) -> float:
    """Of the gain summed over each day: trades of one day share the market's move and do not count as independent."""
    daily = trades.gain.groupby(trades.bar // 24).sum().reindex(range(bars // 24), fill_value=0.0)
    return float(daily.mean() / daily.std() * np.sqrt(len(daily)))


@pytest.mark.parametrize("name", ["demo", "demo-null"])
def test_the_standing_markets_look_like_crypto(name: str) -> None:
    panel = full(name)
    moves = np.log(pd.DataFrame(panel.close)).diff()
    size = moves.abs()
    annual = moves.std() * np.sqrt(panel.bars_per_year)
    volume = np.log(pd.DataFrame(panel.volume))
    assert (panel.assets, panel.bars, panel.timeframe, panel.bars_per_year) == (100, 17_520, "1h", 8_760)
    assert 0.60 < moves.corrwith(moves[0])[1:].median() < 0.70
    assert 10 < moves.kurt().median() + 3 < 15
    assert 0.23 < np.median([size[i].autocorr(1) for i in size]) < 0.33
    assert 0.5 < annual[0] < 0.6
    assert annual[1:].between(0.75, 1.35).all()
    assert 0.3 < volume.corrwith(size).median() < 0.6
    assert np.median([volume[i].autocorr(24) for i in volume]) > 0.4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_look_the_same(seed: int) -> None:
    moves = np.log(pd.DataFrame(demo_market(edge=None, seed=seed, assets=50).close)).diff()
    assert 0.60 < moves.corrwith(moves[0])[1:].median() < 0.70
    assert 9.5 < moves.kurt().median() + 3 < 15.5
    assert 0.23 < np.median([moves[i].abs().autocorr(1) for i in moves]) < 0.33
    assert 0.5 < moves[0].std() * np.sqrt(8_760) < 0.6


def test_bars_are_whole_and_consistent() -> None:
    panel = full("demo")
    here = panel.exists
    body = np.stack([panel.open, panel.close])[:, here]
    assert (panel.low[here] <= body.min(axis=0)).all()
    assert (panel.high[here] >= body.max(axis=0)).all()
    assert (panel.low[here] > 0).all()
    assert (panel.volume[here] > 0).all()
    assert all((np.isfinite(getattr(panel, f)) == here).all() for f in FIELDS)
    assert np.nanmax(np.abs(panel.open[1:] / panel.close[:-1] - 1)) < 0.001
    assert np.ptp(np.log10(np.nanmedian(panel.close, axis=0))) > 3


def test_listings_symbols_and_the_reference() -> None:
    panel = full("demo")
    late, ended = panel.first_row > 0, panel.last_row < panel.bars - 1
    assert (late.sum(), ended.sum()) == (15, 1)
    assert not (late | ended)[0]
    gone = int(np.flatnonzero(ended)[0])
    last = panel.last_row[gone]
    assert panel.close[last, gone] < 0.6 * panel.close[last - 336, gone]
    assert all(panel.exists[panel.first_row[i] : panel.last_row[i] + 1, i].all() for i in range(panel.assets))
    assert np.argmax(np.nanmedian(panel.close * panel.volume, axis=0)) == 0
    assert list(panel.symbols[1:]) == sorted(panel.symbols[1:])
    assert all(s.startswith("SYN") for s in panel.symbols)
    assert panel.synthetic
    assert not panel.survivors_only


def test_equal_arguments_give_equal_bits_and_other_seeds_other_bars() -> None:
    first, again = (demo_market(edge="momentum", assets=20, bars=1000) for _ in range(2))
    assert all(getattr(first, f).tobytes("F") == getattr(again, f).tobytes("F") for f in FIELDS)
    assert first.data_hash == again.data_hash
    assert demo_market(edge="momentum", assets=20, bars=1000, seed=8).data_hash != first.data_hash
    assert all(getattr(first, f).flags.f_contiguous for f in FIELDS)


def test_an_edge_of_strength_zero_is_none() -> None:
    assert demo_market(edge="breakout", strength=0, assets=10, bars=800).data_hash == (
        demo_market(edge=None, assets=10, bars=800).data_hash
    )


def test_twins_differ_by_the_drift_alone_and_holding_gains_nothing_by_it() -> None:
    demo, null = full("demo"), full("demo-null")
    assert demo.data_hash != null.data_hash
    assert (demo.exists == null.exists).all()
    np.testing.assert_array_equal(demo.volume, null.volume)
    np.testing.assert_allclose(demo.close / demo.open, null.close / null.open, atol=0.0015)
    held = [[np.log(p.close[p.last_row[i], i] / p.open[p.first_row[i], i]) for i in range(p.assets)] for p in (demo, null)]
    assert abs(np.mean(held[0]) - np.mean(held[1])) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_edge_no_rule_gains(kind: str) -> None:
    found = [t_statistic(harvest(small(None, seed=s), kind), 6000) for s in (7, 1, 2, 3)]
    assert max(map(abs, found)) < 3
    assert abs(np.mean(found)) < 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_trade_gains_in_proportion_to_strength(kind: str) -> None:
    null, modest, strong = (harvest(small(kind, s), kind).gain.mean() for s in (0.0, 4.0, 8.0))
    assert (modest - null) / (4 * GAIN_PER_STRENGTH) == pytest.approx(1, abs=0.3)
    assert (strong - null) / (8 * GAIN_PER_STRENGTH) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_planting_looks_at_the_past_alone(kind: str) -> None:
    rng = np.random.default_rng(5)
    rows, cut = 900, 600
    shocks = Shocks(
        move=rng.normal(0, 0.01, (rows, 8)),
        gap=np.zeros((rows, 8)),
        volume=np.exp(rng.normal(0, 1, (rows, 8))),
        hour=np.arange(rows) % 24,
        visible=np.ones((rows, 8), dtype=bool),
    )
    later = np.arange(rows)[:, None] >= cut
    other = replace(shocks, move=np.where(later, -shocks.move, shocks.move), volume=np.where(later, 1.0, shocks.volume))
    (_, close, move), (_, close_2, move_2) = plant(shocks, kind, 5), plant(other, kind, 5)
    np.testing.assert_array_equal(close[:cut], close_2[:cut])
    drift, drift_2 = (move - shocks.move)[cut], (move_2 - other.move)[cut]
    assert np.abs(move - shocks.move).max() > 0.0002
    np.testing.assert_allclose(drift, drift_2, atol=1e-15)  # what drifts at the cut was decided before it


def test_demo_pays_its_rule_after_costs_on_train_and_validation_and_the_twin_does_not() -> None:
    for name, pays in (("demo", True), ("demo-null", False)):
        trades = harvest(full(name), "volume_burst")
        row = trades.bar / full(name).bars
        for window in (row < 0.6, (row >= 0.6) & (row < 0.8)):
            net = trades[window].assign(gain=lambda x: x.gain - ROUND_TRIP)
            total = (1 + net.gain).groupby(net.asset).prod().mean() - 1
            assert total > 0.2 if pays else total < 0


@pytest.mark.parametrize("seed", [7, 1, 2])
def test_targets_and_stops_inside_the_bar_are_fair(seed: int) -> None:
    panel = small(None, seed=seed)
    high, low, end = (getattr(panel, f) / panel.open - 1 for f in ("high", "low", "close"))
    for more in (np.where(high >= 0.01, 0.01 - end, 0), np.where(low <= -0.01, -0.01 - end, 0)):
        hourly = np.where(panel.exists, more, 0).mean(axis=1)  # over holding to the close; the assets of an hour move together
        assert abs(hourly.mean() / hourly.std() * np.sqrt(len(hourly))) < 2.5


def test_the_edge_is_told_in_plain_words_with_its_gain() -> None:
    assert "0.60%" in describe_edge("volume_burst", 4)
    assert all("{" not in text and text.endswith(".") for text in (describe_edge(kind, 4) for kind in KINDS))
    assert describe_edge(None, 4) == describe_edge("momentum", 0)


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    with pytest.raises(DataError, match="volume_burst"):
        demo_market(edge="magic")
    with pytest.raises(DataError, match="strength"):
        demo_market(edge="momentum", strength=float("nan"))
    with pytest.raises(DataError, match="bars"):
        demo_market(bars=10)
    with pytest.raises(UnknownDataset, match="demo-null"):
        make_demo("demo-2")
