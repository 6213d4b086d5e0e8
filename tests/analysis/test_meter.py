"""The meter: equal trials, the better baseline, honest intervals and honest silence."""

import math

import numpy as np
import pytest

from engine.analysis.meter import ArmRuns, meter, meter_text


def arm(scores, trials=10):
    scores = np.asarray(scores, float)
    return ArmRuns(np.broadcast_to(np.asarray(trials, float), scores.shape), scores)


def drawn(rng, lead=0.0, runs=40):
    return arm(rng.normal(lead, 1.0, runs))


def test_the_lead_is_over_the_better_of_both_baselines():
    flat = np.linspace(-1, 1, 20)
    found = meter({"model": arm(flat + 1.0), "random": arm(flat), "mutate": arm(flat + 0.4)})
    assert found.against == "mutate"
    assert found.mean.value == pytest.approx(0.6)
    assert found.best.value == pytest.approx(0.6)
    assert found.runs == {"model": 20, "random": 20, "mutate": 20}


def test_arms_are_compared_at_equal_trials_whatever_each_has_made():
    flat = np.linspace(-1, 1, 10)
    late = np.concatenate([flat, np.full(30, 9.0)])
    found = meter({"model": arm(late), "random": arm(flat), "mutate": arm(late)})
    assert found.trials == 100
    assert found.mean.value == pytest.approx(0.0)


def test_a_run_that_costs_more_trials_leaves_room_for_fewer():
    found = meter({"model": arm(np.zeros(10), trials=20), "random": arm(np.zeros(10), trials=10)})
    assert found.trials == 100
    assert found.runs == {"model": 5, "random": 10}


def test_runs_without_a_score_cost_their_trials_and_no_mean():
    scores = np.linspace(0, 1, 12)
    scores[::3] = np.nan
    found = meter({"model": arm(scores), "random": arm(np.zeros(12))})
    assert found.mean.value == pytest.approx(np.nanmean(scores))
    assert found.runs["model"] == 8


def test_the_interval_holds_the_truth_in_about_19_of_20_campaigns():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        mean = meter({"model": drawn(rng, 0.5), "random": drawn(rng)}, draws=200).mean
        hits += mean.low <= 0.5 <= mean.high
    assert 0.88 <= hits / 200 <= 0.99


def test_a_model_that_is_a_baseline_is_not_found_better():
    rng = np.random.default_rng(3)
    found = [meter({"model": drawn(rng), "random": drawn(rng), "mutate": drawn(rng)}, draws=200).mean.low > 0 for _ in range(100)]
    assert np.mean(found) <= 0.04


def test_half_the_trials_to_the_same_score_is_an_efficiency_of_two():
    slow, quick = np.zeros(40), np.zeros(40)
    slow[19], quick[9] = 3.0, 3.0
    found = meter({"model": arm(quick), "random": arm(slow)})
    assert found.efficiency.value == pytest.approx(2.0)
    assert math.isnan(found.bound)


def test_a_score_that_a_baseline_never_reached_gives_a_bound():
    rng = np.random.default_rng(4)
    low, high = rng.uniform(0, 1, 40), rng.uniform(0, 1, 40)
    high[4] = 5.0
    ahead = meter({"model": arm(high), "random": arm(low)})
    assert ahead.is_ahead
    assert ahead.bound == pytest.approx(400 / 50)
    behind = meter({"model": arm(low), "random": arm(high)})
    assert not behind.is_ahead
    assert behind.bound == pytest.approx(50 / 400)


def test_without_a_model_mutate_is_held_against_random():
    rng = np.random.default_rng(5)
    found = meter({"random": drawn(rng), "mutate": drawn(rng, 1.0)})
    assert (found.arm, found.against) == ("mutate", "random")
    assert meter_text(found).startswith("no model arm: mutate +")


@pytest.mark.parametrize(
    ("arms", "why"),
    [
        ({}, "one arm alone"),
        ({"model": arm(np.zeros(9))}, "one arm alone"),
        ({"random": arm(np.zeros(9))}, "one arm alone"),
        ({"model": arm(np.zeros(9)), "random": arm(np.zeros(4))}, "random has 4; wanted 5"),
        ({"model": arm(np.full(9, np.nan)), "random": arm(np.zeros(9))}, "model has 0; wanted 5"),
        ({"model": arm([]), "random": arm(np.zeros(9))}, "model has 0"),
    ],
)
def test_what_cannot_be_compared_says_why_and_gives_no_figure(arms, why):
    found = meter(arms)
    assert why in found.problem
    assert math.isnan(found.mean.value)
    assert "not computed" in meter_text(found)


def test_runs_by_hand_are_no_arm():
    rng = np.random.default_rng(6)
    arms = {"model": drawn(rng), "random": drawn(rng)}
    assert meter(arms) == meter(arms | {"human": arm(np.full(50, 9.0))})


def test_equal_runs_give_equal_figures():
    arms = {"model": drawn(np.random.default_rng(7)), "random": drawn(np.random.default_rng(8))}
    assert meter(arms) == meter(arms)
