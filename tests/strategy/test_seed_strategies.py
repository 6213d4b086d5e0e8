"""The seed strategies: ten families, each in the contract's form, causal, with its reasoning and source, and trading."""

import ast
from pathlib import Path

import numpy as np
import pytest

from engine.settings import PROJECT_DIR
from tests.fake_market import Bench, default_params, drawn_params, entry_flags, fake_market, first_difference, truncated

PATHS = sorted((PROJECT_DIR / "data" / "strategies").glob("*.py"))
CUT = 1_100


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(fake_market())


@pytest.fixture(scope="module")
def early_bench(bench: Bench) -> Bench:
    return Bench(truncated(bench.market, CUT))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def source(request) -> str:
    path: Path = request.param
    return path.read_text(encoding="utf-8")


def test_there_is_one_seed_for_each_of_ten_families():
    assert [path.stem for path in PATHS] == [
        "breakout_donchian", "buy_and_hold", "mean_reversion_bollinger", "momentum_ranking", "relative_value",
        "rsi_divergence", "time_of_day", "trend_ema_cross", "volatility_squeeze", "volume_burst",
    ]  # fmt: skip


def test_a_seed_gives_its_reasoning_and_its_source_and_stays_short(source):
    docstring = ast.get_docstring(ast.parse(source))
    rule, _, reasoning = docstring.partition("\n\n")
    assert rule.endswith(".")
    assert reasoning.partition("Source")[0].strip().endswith(".")
    assert "Source" in reasoning
    assert len(source.splitlines()) <= 40


def test_a_seed_uses_every_parameter_it_declares(source):
    for name in default_params(source):
        assert source.count(f'params["{name}"]') >= 1


def test_a_seed_keeps_the_contract_over_its_whole_range(source, bench):
    rng = np.random.default_rng(4)
    for params in [default_params(source), *(drawn_params(source, rng) for _ in range(6))]:
        bench.signals(source, params)


def test_a_seed_does_not_look_ahead(source, bench, early_bench):
    rng = np.random.default_rng(6)
    for params in [default_params(source), *(drawn_params(source, rng) for _ in range(3))]:
        assert first_difference(bench.answer(source, params), early_bench.answer(source, params), CUT) is None


def test_a_seed_trades_at_its_default_parameters(source, bench):
    flags = entry_flags(bench.answer(source, default_params(source)))
    assert flags.any(axis=0).sum() >= 6
