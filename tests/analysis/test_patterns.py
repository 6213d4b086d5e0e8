"""Kinds of entries and the splitting rule: what is there is found and called by its name, and noise is worth nothing."""

import numpy as np
import pandas as pd
import pytest

from engine.analysis.entry_clusters import entry_clusters
from engine.analysis.group_tests import Sample
from engine.analysis.split_rule import split_rule
from engine.features.entry_states import STATES

NUMBERS = [state.name for state in STATES if state.kind == "number"]


def decided(seed: int, trades: int = 1_200) -> pd.DataFrame:
    """States of trades, all independent of each other."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.random(trades) for name in NUMBERS})
    table["hour"], table["weekday"] = rng.integers(0, 24, trades), rng.integers(0, 7, trades)
    return table.assign(stops_before=0, direction=rng.choice(["long", "short"], trades))


def paid(seed: int, trades: int = 1_200, periods: int = 200, *, more: np.ndarray | float = 0.0) -> Sample:
    rng = np.random.default_rng([seed, 1])
    period = np.sort(np.arange(trades) % periods)
    returns = 0.01 * rng.standard_t(4, trades) + more
    return Sample(returns, returns / 50, period, 1)


def two_kinds(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Half of the trades are entered in much volume after a fall, the others in little after a rise."""
    table, first = decided(seed), np.arange(1_200) % 2 == 0
    for name, above in (("volume", first), ("asset_move", ~first)):
        table[name] = np.where(above, 0.8, 0.0) + 0.2 * table[name]
    for name in set(NUMBERS) - {"volume", "asset_move"}:
        table[name] = 0.5  # of no use to tell anything apart
    return table, first


def agreement(codes: np.ndarray, first: np.ndarray) -> float:
    """How many trades stand in the cluster of their own kind, whichever of the two it is."""
    same = float(np.mean((codes == 0) == first))
    return max(same, 1 - same)


@pytest.mark.parametrize("seed", range(3))
def test_two_kinds_of_entries_are_told_apart_and_called_by_what_tells_them(seed: int) -> None:
    table, first = two_kinds(seed)
    found = entry_clusters(table, seed=seed)
    assert found is not None
    assert len(found.what) == 2
    assert agreement(found.codes, first) > 0.98
    said = found.what[found.codes[0]]
    assert "high volume" in said
    assert "low asset's move before" in said
    assert "low volume" in found.what[found.codes[1]]


def test_trades_of_another_time_are_put_to_the_kind_that_they_are_like() -> None:
    found = entry_clusters(two_kinds(0)[0])
    assert found is not None
    table, first = two_kinds(9)
    assert agreement(found.assign(table), first) > 0.98
    np.testing.assert_array_equal(found.assign(two_kinds(0)[0]), found.codes)


def test_kinds_hang_on_the_order_of_values_alone() -> None:
    table, _ = two_kinds(1)
    one, other = entry_clusters(table), entry_clusters(table.assign(volume=np.exp(30 * table["volume"])))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.codes, other.codes)


@pytest.mark.parametrize("trades", [0, 1, 59])
def test_of_too_few_trades_there_are_no_kinds_and_no_rule(trades: int) -> None:
    table = decided(1, trades)
    assert entry_clusters(table) is None
    assert split_rule(table, paid(1, trades)) is None


@pytest.mark.parametrize(
    ("column", "bound", "said"), [("volume", 0.7, "volume above 0.7"), ("hour", 17.5, "hour of entry above 17.5")]
)
def test_the_split_that_pays_is_named_with_its_bound_and_holds_on_other_trades(column: str, bound: float, said: str) -> None:
    table = decided(2)
    above = (table[column] > bound).to_numpy()
    found = split_rule(table, paid(2, more=0.02 * above))
    assert found is not None
    better = [leaf for leaf, what in enumerate(found.what) if said in what]
    assert better
    np.testing.assert_array_equal(np.isin(found.codes, better), above)
    assert found.ahead == pytest.approx(0.02, abs=0.006)
    assert found.p < 0.001


def test_one_weekday_that_costs_is_called_by_its_name() -> None:
    table = decided(3)
    friday = (table["weekday"] == 4).to_numpy()
    found = split_rule(table, paid(3, more=-0.03 * friday))
    assert found is not None
    assert {found.what[leaf].split(" and ")[0] for leaf in set(found.codes[friday])} == {"on a Friday"}


def test_where_nothing_pays_a_rule_is_worth_nothing_on_other_trades() -> None:
    found = [split_rule(decided(seed), paid(seed)) for seed in range(40)]
    sure = sum(rule is not None and rule.p < 0.05 for rule in found)
    assert sure <= 6  # of 40 by chance 2; more than 6 in two of a hundred


def test_one_great_trade_makes_no_rule() -> None:
    table, lone = decided(5), paid(5)
    returns = lone.returns.copy()
    returns[int(np.argmax(table["volume"]))] = 50.0
    one, other = split_rule(table, lone), split_rule(table, Sample(returns, returns / 50, lone.period, 1))
    assert one is not None
    assert other is not None
    assert other.ahead == pytest.approx(one.ahead, abs=0.002)
