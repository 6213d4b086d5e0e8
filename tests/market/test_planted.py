"""A planted market is worth to its true rule what its strength says, and markets are found by their names."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.metrics import daily_returns
from engine.backtest.simulation import open_market, simulate_signals
from engine.backtest.sweep import prepare
from engine.errors import DataError, UnknownDataset
from engine.market.bars import FIELDS
from engine.market.catalog import Catalog
from engine.market.demo import demo_market
from engine.market.named_markets import market_named
from engine.market.planted import ASSETS, RULES, describe_planted, planted
from engine.records import Costs, Signals, Window
from engine.settings import PROJECT_DIR, Limits
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars
from tests.research.small import save


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits())
    yield made
    made.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A store with one small dataset, `real`, whose second asset ends before the last 100 rows."""
    bars = random_bars(np.random.default_rng(3), 600, 4, missing=0.05)
    bars[500:, 1] = np.nan
    save(panel_of(bars, name="real"), tmp_path)
    return Catalog(tmp_path / "bars")


twin = cache(lambda seed: open_market(demo_market(edge=None, seed=seed, assets=ASSETS, bars=8_760), Window("all", 0, 8_760)))
short = cache(lambda kind, strength=8.0, seed=1: planted(kind, strength, seed=seed, bars=600))


def true_sharpe(kind: str, strength: float, seed: int, pool: SandboxPool) -> float:
    """Net annual Sharpe ratio of the kind's true rule at default costs over a year, less what chance gave.

    Chance is what the same trades earn on the twin without an edge and without costs: nothing, but for luck.
    """
    source = (PROJECT_DIR / "data" / "planted" / f"{kind}.py").read_text(encoding="utf-8")
    bed = prepare(planted(kind, strength, seed=seed, bars=8_760), Window("all", 0, 8_760), Costs())
    (signals,) = pool.signals(source, [{}], bed.data, salt=1)
    assert isinstance(signals, Signals), signals
    daily = daily_returns(simulate_signals(bed.market, signals, Costs()).daily_equity)
    luck = daily_returns(simulate_signals(twin(seed), signals, Costs(0, 0)).daily_equity)
    slope = np.cov(daily, luck)[0, 1] / luck.var(ddof=1)
    return float((daily.mean() - slope * luck.mean()) / daily.std(ddof=1) * np.sqrt(365))


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("strength", [2.0, 8.0])
def test_the_true_rule_has_the_sharpe_ratio_that_was_asked_for(kind: str, strength: float, pool: SandboxPool) -> None:
    found = [true_sharpe(kind, strength, seed, pool) for seed in (100, 101)]
    assert np.mean(found) == pytest.approx(strength, rel=0.1)


@pytest.mark.parametrize("kind", RULES)
def test_strength_is_drift_alone(kind: str) -> None:
    weak, strong = short(kind, 2.0), short(kind, 8.0)
    np.testing.assert_array_equal(weak.volume, strong.volume)
    assert 1 < RULES[kind].gain(8) / RULES[kind].gain(2) < 8
    assert np.nanmax(np.abs(weak.close / weak.open - strong.close / strong.open)) < RULES[kind].gain(8)


@pytest.mark.parametrize("kind", RULES)
def test_the_gain_of_a_trade_grows_with_strength_and_is_told(kind: str) -> None:
    gains = [RULES[kind].gain(strength) for strength in np.linspace(2, 10, 17)]
    assert (np.diff(gains) > 0).all()
    assert f"{RULES[kind].gain(4):.2%}" in describe_planted(kind, 4)


def test_equal_arguments_give_equal_bits_and_seeds_share_no_asset(catalog: Catalog) -> None:
    for name in ("none", "planted:hour", "mirrored:real", "permuted:real"):
        one, again, other = (market_named(name, seed, catalog, bars=550) for seed in (1, 1, 2))
        assert all(getattr(one, f).tobytes("F") == getattr(again, f).tobytes("F") for f in FIELDS)
        assert one.data_hash == again.data_hash != other.data_hash
        assert not set(one.symbols) & set(other.symbols)
        assert one.synthetic


def test_markets_are_what_their_names_say(catalog: Catalog) -> None:
    default, named = market_named("planted:hour", 1, catalog, bars=600), market_named("planted:hour:8", 1, catalog, bars=600)
    assert default.data_hash == named.data_hash != market_named("planted:hour:4", 1, catalog, bars=600).data_hash
    np.testing.assert_array_equal(default.close, short("hour").close)
    assert (market_named("none", 1, catalog, assets=3, bars=600).assets, default.assets) == (3, ASSETS)
    assert market_named("mirrored:real", 1, catalog).bars == 600
    assert market_named("permuted:real", 1, catalog).name == "permuted:real"


def test_a_smaller_null_is_made_of_the_first_assets_that_are_there_and_the_last_bars(catalog: Catalog) -> None:
    real, made = catalog.open("real"), market_named("mirrored:real", 1, catalog, assets=2, bars=80)
    assert [s.split("~")[0] for s in made.symbols] == [real.symbols[0], real.symbols[2]]
    rows = np.flatnonzero(real.exists[-80:][:, [0, 2]].any(axis=1)) + 520
    np.testing.assert_array_equal(made.times_ns, real.times_ns[rows])
    np.testing.assert_array_equal(made.exists, real.exists[rows][:, [0, 2]])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mirrored", "wanted none, mirrored:NAME"),
        ("planted:", "wanted none, mirrored:NAME"),
        ("none:1", "wanted none, mirrored:NAME"),
        ("demo", "wanted none, mirrored:NAME"),
        ("planted:magic", "wanted one of momentum, reversion, hour"),
        ("planted:hour:strong", "found strength 'strong'"),
        ("planted:hour:0", "from 2 to 10"),
        ("planted:hour:nan", "from 2 to 10"),
        ("planted:hour:40", "from 2 to 10"),
    ],
)
def test_a_name_that_is_none_is_refused_with_what_would_be(name: str, found: str, catalog: Catalog) -> None:
    with pytest.raises(DataError, match=found):
        market_named(name, 1, catalog)


def test_sizes_and_seeds_that_cannot_be_are_refused(catalog: Catalog) -> None:
    with pytest.raises(UnknownDataset):
        market_named("mirrored:nothing", 1, catalog)
    with pytest.raises(DataError, match="no more than that"):
        market_named("mirrored:real", 1, catalog, assets=4, bars=80)
    with pytest.raises(DataError, match="no more than that"):
        market_named("permuted:real", 1, catalog, bars=601)
    with pytest.raises(DataError, match="40: leave"):
        market_named("planted:hour", 1, catalog, assets=3)
    for name in ("none", "planted:hour", "mirrored:real"):
        with pytest.raises(DataError, match="seed is -1"):
            market_named(name, -1, catalog)
