"""Hostile strategies: none has an effect, with all walls and with the kernel's alone; and without any wall those that are live
have theirs, so that the probes are known to see. `python -m studies.attacks` prints which layer stops which.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.metrics import portfolio_table
from engine.backtest.sweep import TestBed, prepare, sweep
from engine.records import Costs, Window
from engine.strategy.sandbox import SandboxPool
from engine.strategy.slot import WALLS
from tests.markets import panel_of, random_bars
from tests.strategy.attacks.attack import PLAIN, Attack
from tests.strategy.attacks.catalogue import ATTACKS, FAMILIES
from tests.strategy.attacks.range import LIMITS, Range

LIVE = [a for a in ATTACKS if not a.held_by and a.is_safe and (os.geteuid() == 0 or not a.root)]
RESULTS = "object, wrong and NaN results"
KINDS = {
    "memory bombs": {"memory", "timeout", "killed"},
    "CPU bombs": {"timeout", "memory"},
    "huge output": {"output", "timeout", "error", "contract", "killed"},
}
"""What limits make of a bomb."""


def _is_same_without_policy(attack: Attack) -> bool:
    """The policy lets it through and what holds it then is no wall, or it is about the policy: it needs no second run."""
    return attack.by_policy or (attack.source.startswith(PLAIN) and attack.held_by in ("limits", "result check"))


UNFENCED = [a for a in ATTACKS if not _is_same_without_policy(a)]
POLICED = [a for a in ATTACKS if a.source.startswith(PLAIN) and a.held_by != "limits" and a.family != RESULTS]


def named(attack: Attack) -> str:
    return f"{attack.family}: {attack.name}"


@pytest.fixture(scope="class")
def shooting(request: pytest.FixtureRequest) -> Iterator[Range]:
    """One at a time: each watches this process's children and its signals."""
    made = Range(request.cls.walls)
    yield made
    made.close()


def test_every_family_has_attacks_of_different_names() -> None:
    assert len(FAMILIES) >= 20
    assert max(Counter(map(named, ATTACKS)).values()) == 1


class TestAllWalls:
    walls = WALLS

    @pytest.mark.parametrize("attack", ATTACKS, ids=named)
    def test_no_effect(self, attack: Attack, shooting: Range) -> None:
        assert shooting.fire(attack).effects == ()


class TestKernelAlone:
    walls = ("user", "landlock", "seccomp")

    @pytest.mark.parametrize("attack", UNFENCED, ids=named)
    def test_no_effect(self, attack: Attack, shooting: Range) -> None:
        shot = shooting.fire(attack)
        assert shot.effects == ()
        assert shot.kind in KINDS.get(attack.family, {shot.kind})


class TestPolicyAlone:
    walls = ("policy",)

    @pytest.mark.parametrize("attack", POLICED, ids=named)
    def test_no_effect(self, attack: Attack, shooting: Range) -> None:
        assert shooting.fire(attack).effects == ()


class TestNoWalls:
    """The probes see what they are there to see."""

    walls = ()

    @pytest.mark.parametrize("attack", LIVE, ids=named)
    def test_an_effect(self, attack: Attack, shooting: Range) -> None:
        assert shooting.fire(attack).effects


SEEN_INSIDE = {
    "format strings, frames, generators: globals of a function": "it looked round inside",
    "format strings, frames, generators: object arrays over numbers": "it looked round inside",
    "from one scenario to the next: numpy's functions replaced": "the next scenario was changed",
    "history recited: price levels": "it was accepted",
}


class TestLookingInside:
    """Without the policy a child may look round in itself; the probes for that see it."""

    walls = WALLS[:-1]

    @pytest.mark.parametrize("attack", [a for a in ATTACKS if named(a) in SEEN_INSIDE], ids=named)
    def test_an_effect(self, attack: Attack, shooting: Range) -> None:
        assert SEEN_INSIDE[named(attack)] in shooting.fire(replace(attack, by_policy=False)).effects


# --- rewards without risk: accepted, but worth nothing --------------------------------------------------------------------

UP = "'entries': ta.rsi(market.close, 5) < 30, 'exits': ta.rsi(market.close, 5) > 60"
SHORTS = "'short_entries': ta.rsi(market.close, 5) > 70"


@pytest.fixture(scope="module")
def bed() -> TestBed:
    return prepare(panel_of(random_bars(np.random.default_rng(3), 3_000, 2)), Window("train", 0, 3_000), Costs())


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, LIMITS, walls=WALLS)
    yield made
    made.close()


def figures(answer: str, bed: TestBed, pool: SandboxPool) -> pd.Series:
    source = f"{PLAIN}PARAMS = {{}}\n\n\ndef signals(market, params, ta):\n    return {{{answer}}}\n"
    with ThreadPoolExecutor(1) as executor:
        outcomes = sweep(source, [{}], bed, pool=pool, executor=executor)
    assert outcomes.failures == (None,)
    return portfolio_table(outcomes, bed.market, bed.hold).iloc[0]


@pytest.mark.parametrize(
    "answer",
    [
        f"{UP}, 'take_profit': 1e308",
        f"{UP}, {SHORTS}, 'take_profit': 1e308, 'stop_loss': 0.9999999999999999",
        f"{UP}, 'stop_loss': 5e-324",
        f"{UP}, 'trailing_stop': 5e-324, 'take_profit': 5e-324",
        f"{UP}, 'take_profit': market.close * 1e300",
        f"{UP}, 'size': 5e-324",
        f"{UP}, 'size': market.close * 0 + 1e-300",
        f"{UP}, 'size': market.close * np.nan",
        f"{UP}, 'size': 1e-160",
        f"{UP}, 'rank': market.close * np.inf",
        f"{UP}, 'rank': market.close * np.nan",
        f"{UP}, 'max_bars': 2**31, 'cooldown': 2**31",
        f"{UP}, 'cooldown': 2**31, 'stop_loss': 0.01",
        "'entries': market.close > 0, 'exits': market.close > 0",
        "'entries': market.close > 0, 'short_entries': market.close > 0",
        "'entries': {'=1+1': market.close > market.open, '<b>': market.close < market.open}, 'max_bars': 1",
    ],
)
def test_no_extreme_value_makes_a_figure_infinite_or_money_from_nothing(answer: str, bed: TestBed, pool: SandboxPool) -> None:
    found = figures(answer, bed, pool)
    assert not np.isinf(found.to_numpy(float)).any()
    assert found["max_exposure"] <= 1 + 1e-9 or "short" in answer
    assert found["total_return"] >= -1
    assert (found["fees"] > 0) == (found["turnover"] > 0)
    if found["turnover"] == 0:
        assert found["total_return"] == 0


@pytest.mark.parametrize("size", ["1e-13", "4e-15", "2e-15", "market.close * 0 + 4e-15"])
def test_a_size_at_which_losses_round_to_nothing_earns_no_ratio(size: str, bed: TestBed, pool: SandboxPool) -> None:
    found = figures(f"{UP}, 'stop_loss': 0.01, 'take_profit': 0.1, 'size': {size}", bed, pool)
    assert found["trades"] > 100
    assert all(np.isnan(found[name]) for name in ("sharpe", "sortino", "calmar"))
