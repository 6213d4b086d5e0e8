"""What a campaign is: its identity, who takes part, and what is refused."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from engine.errors import CampaignError, DataError
from engine.market.bars import Panel
from engine.records import Benchmark, Benchmarks, CampaignSpec, Costs, SharedCash, StopConditions, Window, spec_from_dict
from engine.research.campaign import Choices, campaign_id_of, check_spec, choose_assets, draft_spec, rng_of, run_id_of
from tests.markets import panel_of, random_bars
from tests.research.small import without_volume


@pytest.fixture
def spec(panel: Panel) -> CampaignSpec:
    return draft_spec(panel, Choices())


def busy_panel(dollars: list[list[float]]) -> Panel:
    """Assets at a price of 1 whose volume is constant in train (rows 0-299) and in the rest: a pair for each asset."""
    bars = np.ones((500, len(dollars), 4))
    volume = np.concatenate([np.tile([d[0] for d in dollars], (300, 1)), np.tile([d[1] for d in dollars], (200, 1))])
    return panel_of(bars, volume=volume)


def test_the_same_choices_are_the_same_campaign(panel, spec):
    again = draft_spec(panel, Choices())
    assert campaign_id_of(again) == campaign_id_of(spec)
    assert campaign_id_of(spec_from_dict(spec.as_dict())) == campaign_id_of(spec)


def test_a_campaign_from_before_there_was_shared_cash_keeps_its_identity():
    windows = (Window("train", 0, 60), Window("validation", 65, 80, 5), Window("vault", 85, 100, 5))
    old = CampaignSpec(name="Old", dataset="demo", data_hash="sha256:1", assets=("S0", "S1"), windows=windows)
    assert campaign_id_of(old) == "76cda68e647f"


def test_stop_conditions_do_not_change_who_a_campaign_is(spec):
    later = dataclasses.replace(spec, stop=StopConditions(runs=1_000, hours=3.0, benchmarks_met=True))
    assert campaign_id_of(later) == campaign_id_of(spec)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2}, {"scenarios": 201}, {"method": "random"}, {"objective": "calmar"}, {"min_trades": 99}, {"sides": "long"},
        {"costs": Costs(fee_rate=0.0)}, {"capital": 1.0}, {"name": "Other"}, {"theme": "volume"}, {"top_assets": 3},
        {"train": 0.5}, {"embargo_bars": 10}, {"benchmarks": Benchmarks(trades=1)},
        {"benchmarks": Benchmarks(more=(Benchmark("sharpe", 1.0),))},
        {"method": "hybrid"}, {"method": "adaptive", "search_s": 5.0},
        {"shared_cash": SharedCash()}, {"shared_cash": SharedCash(max_positions=5)}, {"shared_cash": SharedCash(fraction=0.2)},
    ],
)  # fmt: skip
def test_whatever_else_is_asked_for_is_another_campaign(panel, spec, change):
    assert campaign_id_of(draft_spec(panel, Choices(**change))) != campaign_id_of(spec)


def test_runs_of_a_campaign_have_different_ids_and_randomness():
    assert len({run_id_of("c", number) for number in range(1, 100)}) == 99
    assert run_id_of("c", 1) != run_id_of("d", 1)
    assert rng_of(1, 2).random() == rng_of(1, 2).random()
    assert len({rng_of(seed, number).random() for seed in (1, 2, 3) for number in (1, 2, 3)}) == 9


def test_the_top_assets_are_those_of_most_dollar_volume_in_panel_order():
    market = busy_panel([[1, 1], [5, 5], [3, 3], [9, 9]])
    assert draft_spec(market, Choices(top_assets=2)).assets == ("S1", "S3")


def test_volume_after_train_does_not_decide_who_takes_part():
    assert draft_spec(busy_panel([[2, 2], [1, 1_000], [3, 0]]), Choices(top_assets=2)).assets == ("S0", "S2")


def test_an_asset_listed_after_train_does_not_take_part():
    bars = np.ones((500, 3, 4))
    bars[:301, 1] = np.nan
    assert draft_spec(panel_of(bars), Choices()).assets == ("S0", "S2")


def test_an_asset_without_any_volume_ranks_behind_those_that_have_it():
    market = busy_panel([[np.nan, np.nan], [1, 1], [2, 2]])
    assert draft_spec(market, Choices(top_assets=2)).assets == ("S1", "S2")


def test_the_reference_asset_can_be_excluded_and_the_next_takes_its_place(panel):
    spec = draft_spec(panel, Choices(exclude=(panel.symbols[0],)))
    assert spec.assets == panel.symbols[1:]
    assert panel.select(spec.assets).symbols[0] == panel.symbols[1]


def test_one_asset_is_enough(panel):
    assert len(draft_spec(panel, Choices(top_assets=1)).assets) == 1


def test_the_top_of_more_assets_than_there_are_is_all_of_them_volume_or_not(panel):
    silent = without_volume(panel, "silent")
    assert draft_spec(silent, Choices(top_assets=panel.assets)).assets == panel.symbols


@pytest.mark.parametrize(
    ("choices", "found", "wanted"),
    [
        (Choices(top_assets=0), "top 0", "at least 1"),
        (Choices(exclude=("GHOST",)), "GHOST", "it holds"),
        (Choices(name="x" * 81), "xxx", "1 to 80 letters"),
        (Choices(objective="luck"), "'luck'", "sharpe, sortino"),
        (Choices(scenarios=0), "0", "1 to 100,000"),
        (Choices(method="clever"), "'clever'", "one of grid, random, tpe"),
        (Choices(sides="short"), "'short'", "long or both"),
        (Choices(min_trades=-1), "-1", "0 or more"),
        (Choices(seed=-1), "-1", "from 0"),
        (Choices(seed=2**64), "18446744073709551616", "2^63"),
        (Choices(capital=0.0), "0.0", "above 0"),
        (Choices(capital=math.inf), "inf", "above 0"),
        (Choices(proposer="oracle"), "'oracle'", "random, mutate, model"),
        (Choices(method="robust", objective="sqn_with_open"), "sqn_with_open", "sharpe, sortino, calmar, total_return"),
        (Choices(method="tpe", search_s=5.0), "5 s by the method tpe", "by adaptive alone"),
        (Choices(method="adaptive", search_s=0.0), "of 0 s", "more than 0 s"),
        (Choices(method="adaptive", search_s=math.nan), "nan", "more than 0 s"),
        (Choices(costs=Costs(fee_rate=-0.1)), "-0.1", "from 0 to below 0.5"),
        (Choices(costs=Costs(slippage_rate=math.nan)), "nan", "from 0 to below 0.5"),
        (Choices(shared_cash=SharedCash(max_positions=0)), "0 positions", "at least 1"),
        (Choices(shared_cash=SharedCash(fraction=0.0)), "is 0;", "above 0 and at most 1"),
        (Choices(shared_cash=SharedCash(fraction=math.nan)), "nan", "above 0 and at most 1"),
        (Choices(stop=StopConditions(runs=0)), "runs=0", "at least 1 run"),
        (Choices(stop=StopConditions(hours=-1.0)), "hours=-1.0", "more than 0 hours"),
        (Choices(benchmarks=Benchmarks(win_rate=math.nan)), "nan", "numbers"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_found_and_wanted(panel, choices, found, wanted):
    with pytest.raises(CampaignError) as refusal:
        draft_spec(panel, choices)
    assert found in str(refusal.value)
    assert wanted in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nothing_left_after_the_filter_is_refused(panel):
    with pytest.raises(CampaignError, match="no asset of small is left"):
        draft_spec(panel, Choices(exclude=panel.symbols))


def test_the_top_by_volume_of_a_set_without_volume_is_refused(panel):
    with pytest.raises(CampaignError, match="has no volume"):
        draft_spec(without_volume(panel, "silent"), Choices(top_assets=2))


@pytest.mark.parametrize("choices", [Choices(train=0.9, validation=0.2), Choices(embargo_bars=-1), Choices(embargo_bars=1_000)])
def test_windows_that_cannot_be_are_refused(panel, choices):
    with pytest.raises(DataError, match="wanted"):
        draft_spec(panel, choices)


def test_a_market_of_few_bars_can_be_searched_and_one_of_fewer_is_refused():
    def market(bars: int) -> Panel:
        return panel_of(random_bars(np.random.default_rng(1), bars, 2), bar_s=86_400)

    check_spec(draft_spec(market(160), Choices()))
    with pytest.raises(DataError, match="at least 20"):
        draft_spec(market(100), Choices())


def test_only_bars_of_train_are_read_to_choose(panel):
    class TrainOnly:
        """The panel; a look at rows behind train fails the test."""

        def __getattr__(self, name: str) -> Any:
            value = getattr(panel, name)
            return value[: spec.windows[0].stop] if isinstance(value, np.ndarray) else value

    spec = draft_spec(panel, Choices(top_assets=2))
    assert choose_assets(TrainOnly(), spec.windows[0], top=2) == spec.assets


def test_further_benchmarks_come_back_from_plain_text(spec):
    asked = Benchmarks(more=(Benchmark("sharpe", 1.0, ">", "validation", False),))
    changed = dataclasses.replace(spec, benchmarks=asked)
    assert spec_from_dict(json.loads(json.dumps(changed.as_dict()))).benchmarks == asked


def test_a_benchmark_on_a_figure_that_there_is_not_is_refused(panel):
    with pytest.raises(CampaignError, match=r"'luck'.*wanted a portfolio figure"):
        draft_spec(panel, Choices(benchmarks=Benchmarks(more=(Benchmark("luck", 1.0),))))
