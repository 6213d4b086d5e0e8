"""Mirrored and permuted markets look like the real one and hold nothing that a rule could have learnt."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.analysis.metrics import daily_returns
from engine.backtest.portfolio import run_strategy
from engine.backtest.sweep import prepare
from engine.errors import DataError
from engine.market.bars import FIELDS, Panel
from engine.market.catalog import Catalog
from engine.market.demo import demo_market
from engine.market.named_markets import market_named
from engine.market.nulls import mirrored, permuted
from engine.market.planted import RULES
from engine.records import Costs, Failure, Window
from engine.settings import PROJECT_DIR, Limits
from engine.strategy.params import complete_params
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars

NULLS = [mirrored, permuted]
SEED_STRATEGIES = sorted((PROJECT_DIR / "data" / "strategies").glob("*.py"))
Null = Callable[[Panel, int], Panel]
source = cache(lambda: demo_market(edge=RULES["momentum"].edge, strength=20, assets=12, bars=4_000))


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits())
    yield made
    made.close()


def t_value(panel: Panel, file: Path, pool: SandboxPool) -> float:
    """Of the mean daily return before costs; 0 for a strategy that earned nothing on any day."""
    text, bed = file.read_text(encoding="utf-8"), prepare(panel, Window("all", 0, panel.bars), Costs(0, 0))
    params, _ = complete_params(pool.ranges(text), {})
    result = run_strategy(text, params, bed, pool=pool)
    assert not isinstance(result, Failure), result
    daily = daily_returns(result.outcomes.daily_equity)[0]
    return float(daily.mean() / daily.std(ddof=1) * np.sqrt(len(daily))) if daily.any() else 0.0


def holed() -> Panel:
    """Assets that are listed late, end early or have holes."""
    bars = random_bars(np.random.default_rng(8), 400, 5, missing=0.15)
    bars[:150, 1] = bars[300:, 2] = bars[:390, 3] = np.nan
    return panel_of(bars, volume=np.random.default_rng(9).uniform(1, 5, (400, 5)))


def moves(panel: Panel) -> pd.DataFrame:
    return np.log(pd.DataFrame(panel.close)).diff()


def clustering(panel: Panel, lag: int) -> float:
    """Median autocorrelation of the size of moves."""
    size = moves(panel).abs()
    return float(np.median([size[i].autocorr(lag) for i in size]))


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("make", [source, holed])
def test_bars_are_whole_and_stay_where_they_were(null: Null, make: Callable[[], Panel]) -> None:
    real, made = make(), null(make(), 4)
    here = real.exists
    assert all((np.isfinite(getattr(made, f)) == here).all() for f in FIELDS)
    assert (made.low[here] > 0).all()
    assert (made.low[here] <= np.minimum(made.open, made.close)[here]).all()
    assert (made.high[here] >= np.maximum(made.open, made.close)[here]).all()
    np.testing.assert_array_equal(made.times_ns, real.times_ns)
    assert all(getattr(made, f).flags.f_contiguous for f in FIELDS)
    assert (made.name, made.synthetic) == (f"{null.__name__}:{real.name}", True)
    assert not set(made.symbols) & set(real.symbols)


@pytest.mark.parametrize("null", NULLS)
def test_equal_seeds_give_equal_bits_and_other_seeds_another_market(null: Null) -> None:
    one, again, other = null(holed(), 1), null(holed(), 1), null(holed(), 2)
    assert all(getattr(one, f).tobytes("F") == getattr(again, f).tobytes("F") for f in FIELDS)
    assert one.data_hash == again.data_hash != other.data_hash
    assert not set(one.symbols) & set(other.symbols)


def test_a_row_goes_the_other_way_for_all_assets_at_once_and_as_far() -> None:
    real, made = source(), mirrored(source(), 3)
    here = real.exists
    was, now = (np.where(here, p.close / p.open - 1, 0.0) for p in (real, made))
    turned = np.sign(was * now).sum(axis=1)
    assert (np.abs(turned) == (was != 0).sum(axis=1)).all()
    assert 0.47 < (turned < 0).mean() < 0.53
    np.testing.assert_allclose(np.abs(now), np.abs(np.tanh(np.log1p(was))), rtol=1e-9, atol=1e-13)


def test_high_and_low_change_places_where_a_row_is_turned() -> None:
    bars = np.tile([100.0, 110.0, 98.0, 104.0], (40, 1, 1)).reshape(40, 1, 4)
    made = mirrored(panel_of(bars), 1)
    up, down = made.high[:, 0] / made.open[:, 0] - 1, 1 - made.low[:, 0] / made.open[:, 0]
    far, near = np.tanh(np.log(1.10)), -np.tanh(np.log(0.98))
    is_up = made.close[:, 0] > made.open[:, 0]
    assert 10 < is_up.sum() < 30
    np.testing.assert_allclose(up, np.where(is_up, far, near))
    np.testing.assert_allclose(down, np.where(is_up, near, far))


@pytest.mark.parametrize("null", NULLS)
def test_the_expected_price_is_the_last_one(null: Null) -> None:
    wild = panel_of(np.array([[[10, 30, 5, 25]], [[50, 50, 8, 8]]], float))
    grown = [made.close[:, 0] / made.open[:, 0] for made in (null(wild, seed) for seed in range(400))]
    np.testing.assert_allclose(np.mean(grown, axis=0), 1.0, atol=0.12)  # three standard errors
    drawn = np.unique(np.round(grown, 9))  # each of the two bars up and down
    np.testing.assert_allclose(drawn + drawn[::-1], 2.0)


def test_mirroring_keeps_wild_times_and_how_assets_move_together() -> None:
    real, made = source(), mirrored(source(), 5)
    for lag in (1, 24):
        assert clustering(made, lag) == pytest.approx(clustering(real, lag), abs=0.03)
    together = [moves(p).corrwith(moves(p)[0])[1:].median() for p in (real, made)]
    assert together[1] == pytest.approx(together[0], abs=0.02)
    assert moves(made).std().median() == pytest.approx(moves(real).std().median(), rel=0.02)
    np.testing.assert_allclose((made.close * made.volume)[real.exists], (real.close * real.volume)[real.exists])


def test_permuting_keeps_how_assets_move_together_and_no_order() -> None:
    real, made = source(), permuted(source(), 5)
    together = [moves(p).corrwith(moves(p)[0])[1:].median() for p in (real, made)]
    assert together[1] == pytest.approx(together[0], abs=0.05)  # assets that are listed late do not always find the same row
    assert clustering(real, 1) > 0.2
    assert abs(clustering(made, 1)) < 0.03


def test_permuting_uses_each_bar_of_each_asset_once() -> None:
    real, made = holed(), permuted(holed(), 6)
    for asset in range(real.assets):
        open_, high, low = (getattr(real, f)[:, asset] for f in ("open", "high", "low"))
        wide = np.tanh(np.log(high / open_)) - np.tanh(np.log(low / open_))
        found = (made.high - made.low)[:, asset] / made.open[:, asset]
        np.testing.assert_allclose(np.sort(found), np.sort(wide))


@pytest.mark.parametrize("null", NULLS)
def test_a_strong_edge_does_not_outlive_it(null: Null, pool: SandboxPool) -> None:
    rule = PROJECT_DIR / "data" / "planted" / "momentum.py"
    found = [t_value(null(source(), seed), rule, pool) for seed in range(10)]
    assert t_value(source(), rule, pool) > 4.5
    assert abs(np.mean(found)) < 1
    assert max(map(abs, found)) < 3


@pytest.mark.parametrize("null", NULLS)
def test_what_seed_strategies_earn_before_costs_looks_like_noise(null: Null, pool: SandboxPool) -> None:
    found = np.array([[t_value(null(source(), seed), file, pool) for file in SEED_STRATEGIES] for seed in range(6)])
    assert abs(found.mean()) < 0.6
    assert 0.6 < found.std() < 1.4
    assert np.abs(found).max() < 3.5


@pytest.mark.realdata
@pytest.mark.parametrize("null", ["mirrored", "permuted"])
def test_seed_strategies_earn_nothing_on_nulls_of_a_real_market(
    null: str, pool: SandboxPool, real_set: Callable[[str], Path], tmp_path: Path
) -> None:
    catalog = Catalog(tmp_path)
    catalog.import_path(real_set("crypto100_1h"), "real")
    nulls = (market_named(f"{null}:real", seed, catalog, assets=20, bars=4_000) for seed in range(6))
    found = np.array([[t_value(panel, file, pool) for file in SEED_STRATEGIES] for panel in nulls])
    assert -0.8 < found.mean() < 0.6  # real bars run far and turn back, so stops inside them lose a little before costs
    assert found.mean(axis=0).max() < 1.3
    assert found.max() < 3.5


@pytest.mark.parametrize("null", NULLS)
def test_a_market_without_volume_stays_without(null: Null) -> None:
    real = replace(holed(), volume=np.full((400, 5), np.nan, order="F"), has_volume=False)
    made = null(real, 1)
    assert np.isnan(made.volume).all()
    assert (made.exists == real.exists).all()


@pytest.mark.parametrize("null", NULLS)
def test_a_negative_seed_is_refused(null: Null) -> None:
    with pytest.raises(DataError, match="seed is -1"):
        null(holed(), -1)
