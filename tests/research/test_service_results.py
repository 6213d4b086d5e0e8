"""What the service gives back: results made again, names, archives, presets and specifications."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from engine.errors import CampaignError, UnknownRun
from engine.research.campaign import campaign_id_of, draft_spec
from engine.research.evaluation import Evaluator
from engine.strategy.sandbox import SandboxPool
from tests.research import small
from tests.research.campaigns import drafted, finish
from tests.research.small import CHOICES, Scripted, results_of


def test_a_result_made_again_equals_the_stored_one_bit_for_bit(service):
    campaign_id = finish(service, drafted(service, min_trades=0))
    board = service.queries.runs(campaign_id)
    scored = board.loc[board["best_scenario"].notna(), "run_id"]
    assert len(scored) >= 2
    for run_id, window in itertools.product(scored, ("train", "validation")):
        result, stored = service.results.result(run_id, window), service.queries.run(run_id).figures[window]
        np.testing.assert_equal(result.figures, stored)
        pd.testing.assert_frame_equal(result.assets, service.queries.run_assets(run_id, window), check_exact=True)
        assert result.equity.iloc[-1] - 1 == stored["total_return"]
        assert len(result.trades) == stored["trades_with_open"]
        days = result.equity.groupby(result.equity.index.floor("D")).last()
        returns = (days / np.r_[1.0, days[:-1]] - 1).astype(np.float32)
        np.testing.assert_allclose(service.queries.daily_returns(run_id, window), returns, rtol=1e-5, atol=1e-7)


def test_a_result_that_cannot_be_is_refused(service, script):
    script(Scripted(small.ALWAYS_FAILS))
    (failed,) = service.queries.run_ids(finish(service, drafted(service, runs=1)))
    with pytest.raises(CampaignError, match="never mind"):
        service.results.result(failed)
    with pytest.raises(UnknownRun):
        service.results.result("no-such-run")
    script(Scripted(small.fails_on_validation()))
    (run_id,) = service.queries.run_ids(finish(service, drafted(service, runs=1, seed=4)))
    with pytest.raises(CampaignError, match=r"'vault'.*train and validation"):
        service.results.result(run_id, "vault")
    with pytest.raises(CampaignError, match="did not run again on validation: error") as refusal:
        service.results.result(run_id, "validation")
    assert "price" not in str(refusal.value)


def test_looking_at_a_result_does_not_wait_for_a_sweep(panel, lent_pool):
    spec, busy = draft_spec(panel, CHOICES), SandboxPool(1, small.QUICK)
    with ThreadPoolExecutor(1) as executor:
        evaluator = Evaluator(busy, executor, aside=lent_pool)
        bed = evaluator.bed(panel, spec.assets, spec.window("train"), spec.costs)
        sweeping = busy.signals(small.CROSS, [{"n": 5}, {"n": 6}], bed.data)
        next(sweeping)  # the only slot is taken until the second set is asked for
        assert evaluator.result(small.CROSS, {"n": 5}, bed).trades is not None
        sweeping.close()
    busy.close()


def test_names_and_archives_change_no_result(service):
    spec = drafted(service, runs=1)
    campaign_id = finish(service, spec)
    before = results_of(service.queries, campaign_id)
    service.rename(campaign_id, "  Better name ")
    assert service.spec(campaign_id).name == "Better name"
    with pytest.raises(CampaignError, match="1 to 80 letters"):
        service.rename(campaign_id, " ")
    service.archive(campaign_id)
    assert service.queries.state(campaign_id) == "archived"
    service.unarchive(campaign_id)
    assert results_of(service.queries, campaign_id) == before
    assert finish(service, spec) == campaign_id


def test_an_archived_campaign_that_is_started_is_shown_again(service):
    campaign_id = finish(service, drafted(service, runs=1))
    service.archive(campaign_id)
    finish(service, drafted(service, runs=2))
    assert service.queries.state(campaign_id) == "finished"


def test_archiving_a_campaign_at_work_stops_it(service, gate):
    campaign_id = service.launch(drafted(service))
    gate.wait()
    gate.let(10)
    service.archive(campaign_id)
    assert service.status().state == "idle"
    assert service.queries.state(campaign_id) == "archived"


def test_presets_are_kept(service):
    service.save_preset("mine", {"seed": 4})
    assert service.queries.presets() == {"mine": {"seed": 4}}


def test_the_campaign_is_the_spec_that_was_asked_for(service):
    spec = drafted(service, runs=5, theme="volume")
    campaign_id = service.enter(spec)
    assert campaign_id == campaign_id_of(spec)
    assert service.spec(campaign_id) == spec
    assert json.loads(json.dumps(spec.as_dict())) == json.loads(json.dumps(service.spec(campaign_id).as_dict()))
    assert service.queries.state(campaign_id) == "new"
