"""Arms beside each other: what the ledger says of them, and when baselines may have fewer runs."""

import dataclasses
import json

import pytest

from engine.errors import CampaignError
from engine.research.arms import meter_of, runs_by_arm, turns_of
from engine.research.turns import MODEL, Rarer
from tests.research import small
from tests.research.campaigns import ARMS, recorded_campaign


def test_the_meter_is_that_of_the_ledger(service):
    campaign_id = recorded_campaign(service, runs=30, spread=0.1)
    arms = runs_by_arm(campaign_id, service.queries)
    assert {arm: (len(of.trials), int(of.trials.sum())) for arm, of in arms.items()} == dict.fromkeys(ARMS, (10, 50))
    found = meter_of(campaign_id, service.queries)
    assert 0.8 < found.mean.low < found.mean.value < found.mean.high < 1.2
    assert found.trials == 50
    assert meter_of(campaign_id, service.queries) == found


def test_baselines_have_fewer_turns_from_the_next_run_on_and_after_a_restart_too(service, open_service):
    campaign_id = recorded_campaign(service, runs=30, spread=0.1)
    service.make_baselines_rarer(campaign_id, 4)
    told = service.queries.events(campaign_id, kind="baselines")["detail"].tolist()
    assert [Rarer(**json.loads(one)) for one in told] == [Rarer(31, 4)]
    service.close()
    again = open_service()
    turns = turns_of(campaign_id, again.spec(campaign_id), again.queries)
    assert [turns.arm_of(n) for n in range(28, 38)] == [*ARMS, *ARMS, MODEL, MODEL, MODEL, MODEL]


def test_while_a_baseline_is_not_known_well_enough_its_share_stays(service):
    campaign_id = recorded_campaign(service, runs=30, spread=3.0)
    with pytest.raises(CampaignError, match=r"of the arm (random|mutate) is known to ±\d"):
        service.make_baselines_rarer(campaign_id, 4)
    service.make_baselines_rarer(campaign_id, 1)
    assert len(service.queries.events(campaign_id, kind="baselines")) == 1


def test_without_runs_without_a_model_and_for_a_strange_number_it_says_what_is_wanted(service):
    campaign_id = recorded_campaign(service, runs=3, spread=0.1)
    with pytest.raises(CampaignError, match="of too few runs only"):
        service.make_baselines_rarer(campaign_id, 2)
    with pytest.raises(CampaignError, match="every 0 rounds"):
        service.make_baselines_rarer(campaign_id, 0)
    other = service.enter(service.draft("small", dataclasses.replace(small.CHOICES, proposer="random+mutate")))
    with pytest.raises(CampaignError, match="need a model's arm"):
        service.make_baselines_rarer(other, 2)
