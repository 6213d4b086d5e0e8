"""The service: what is started ends as asked, and what is paused or stopped goes on when told to."""

import dataclasses

import numpy as np
import pytest

from engine.errors import CampaignError
from engine.records import Benchmarks, StopConditions
from tests.markets import panel_of, random_bars
from tests.research import small
from tests.research.campaigns import LONG, drafted, finish, kinds, numbers
from tests.research.small import CHOICES, Scripted, results_of, save, without_volume

# Launch, go on, stop conditions


def test_a_campaign_runs_to_its_number_of_runs_and_says_why_it_ended(service):
    assert service.status().state == "idle"
    campaign_id = finish(service, drafted(service))
    assert numbers(service, campaign_id) == [1, 2, 3]
    assert kinds(service, campaign_id) == ["created", "started", "finished"]
    assert service.queries.events(campaign_id, kind="finished")["detail"][0] == "3 runs are done"
    status = service.status()
    assert (status.state, status.campaign_id, status.dataset, status.synthetic) == ("idle", campaign_id, "small", True)


def test_the_same_launch_again_goes_on_where_it_stood(service):
    first = finish(service, drafted(service, runs=2))
    before = results_of(service.queries, first)
    assert finish(service, drafted(service, runs=4)) == first
    assert numbers(service, first) == [1, 2, 3, 4]
    after = results_of(service.queries, first)
    assert all(after[name] == text for name, text in before.items() if name != "board")
    assert finish(service, drafted(service, runs=4)) == first
    assert results_of(service.queries, first) == after


def test_trials_are_counted_once_each(service):
    campaign_id = finish(service, drafted(service))
    runs = service.queries.runs(campaign_id)
    assert service.queries.totals().trials == runs["scenarios"].sum() + runs["best_scenario"].notna().sum()


def test_a_campaign_ends_when_its_benchmarks_are_met_on_both_windows(service, script):
    script(Scripted(small.CROSS))
    easy = drafted(service, runs=None, benchmarks=Benchmarks(total_return=-1.0, trades=1, assets=1, win_rate=None))
    campaign_id = finish(service, dataclasses.replace(easy, stop=StopConditions(benchmarks_met=True)))
    assert numbers(service, campaign_id) == [1]
    assert "meets the benchmarks" in service.queries.events(campaign_id, kind="finished")["detail"][0]


def test_hours_count_the_work_done_before_an_interruption_too(service):
    spec = drafted(service, runs=2)
    campaign_id = finish(service, spec)
    worked_s = service.queries.progress(campaign_id)["elapsed_s"].sum()
    finish(service, dataclasses.replace(spec, stop=StopConditions(hours=0.99 * worked_s / 3600)))
    assert numbers(service, campaign_id) == [1, 2]
    assert "hours of work are done" in service.queries.events(campaign_id, kind="finished", limit=1)["detail"][0]


def test_new_stop_conditions_reach_a_campaign_at_work(service, gate):
    spec = drafted(service, runs=None)
    campaign_id = service.launch(spec)
    gate.wait()
    service.launch(dataclasses.replace(spec, stop=StopConditions(runs=1)))
    gate.let()
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1]


def test_a_campaign_that_cannot_be_is_not_recorded(service):
    with pytest.raises(CampaignError, match="oracle"):
        service.launch(dataclasses.replace(drafted(service), proposer="oracle"))
    assert service.queries.campaigns().empty


def test_a_small_daily_market_of_one_asset_without_volume_can_be_searched(service, settings):
    bars = random_bars(np.random.default_rng(4), 200, 1, missing=0.02)
    save(without_volume(panel_of(bars, bar_s=86_400), "tiny"), settings.store_dir)
    spec = service.draft("tiny", dataclasses.replace(CHOICES, min_trades=0, stop=StopConditions(runs=6)))
    campaign_id = finish(service, spec)
    runs = service.queries.runs(campaign_id)
    assert (runs["status"] == "scored").sum() >= 3
    assert set(runs["failure_kind"].dropna()) <= {"no_trades"}, "120 daily bars are few, and nothing else is wrong with them"


# Pause, resume, stop


def test_a_pause_holds_after_the_run_in_work_and_resume_goes_on(service, gate, recorded):
    campaign_id = service.launch(drafted(service, runs=2))
    gate.wait()
    service.pause()
    assert service.status().state == service.queries.state(campaign_id) == "paused"
    gate.let(2)
    assert recorded.acquire(timeout=LONG)
    assert not gate.reached.acquire(timeout=0.3), "the next run began in spite of the pause"
    assert numbers(service, campaign_id) == [1]
    service.resume()
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1, 2]
    assert kinds(service, campaign_id) == ["created", "started", "paused", "resumed", "finished"]


def test_start_resumes_a_paused_campaign(service, gate):
    campaign_id = service.launch(drafted(service, runs=1))
    gate.wait()
    service.pause()
    service.start(campaign_id)
    assert service.status().state == service.queries.state(campaign_id) == "running"
    gate.let()
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1]


def test_stop_drops_the_run_in_work_and_it_is_made_again(service, gate, recorded):
    spec = drafted(service, runs=3)
    campaign_id = service.launch(spec)
    gate.let()
    assert recorded.acquire(timeout=LONG)
    gate.wait()
    gate.wait()
    service.stop()
    assert service.status().state == "stopping"
    gate.let()
    assert service.wait(LONG)
    assert (service.status().state, service.queries.state(campaign_id)) == ("idle", "stopped")
    assert "was dropped" in service.queries.events(campaign_id, kind="stopped")["detail"][0]
    assert numbers(service, campaign_id) == [1]
    gate.let(10)
    assert finish(service, spec) == campaign_id
    assert numbers(service, campaign_id) == [1, 2, 3]
    runs = service.queries.runs(campaign_id)
    assert service.queries.totals().trials == runs["scenarios"].sum() + len(runs)


def test_stop_ends_a_paused_campaign_at_once(service, gate, recorded):
    service.launch(drafted(service, runs=2))
    gate.wait()
    service.pause()
    gate.let()
    assert recorded.acquire(timeout=LONG)
    service.stop()
    assert service.wait(LONG)
    assert service.status().state == "idle"


def test_buttons_pressed_when_nothing_works_do_nothing(service):
    for press in (service.pause, service.resume, service.stop):
        press()
    assert service.status().state == "idle"
    campaign_id = finish(service, drafted(service, runs=1))
    for press in (service.pause, service.resume, service.stop):
        press()
    assert (service.status().state, service.queries.state(campaign_id)) == ("idle", "finished")


def test_a_start_pressed_while_the_work_is_still_stopping_is_not_lost(service, gate):
    """Once the same campaign was found alive, a start did nothing, and the campaign ended."""
    campaign_id = service.launch(drafted(service, runs=2))
    gate.wait()
    service.stop()
    service.start(campaign_id)
    assert service.status().state == "starting"
    gate.let(10)
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1, 2]
    assert kinds(service, campaign_id)[-1] == "finished"


def test_a_campaign_that_ends_late_does_not_speak_for_the_next(service, gate):
    """Once the end of the first set the status of the second to idle, and Stop did nothing for as long as it ran."""
    first = service.launch(drafted(service, runs=9))
    gate.wait()
    second = service.launch(drafted(service, runs=None, seed=8))
    gate.let()
    gate.wait()
    status = service.status()
    assert (status.state, status.campaign_id, status.run_number) == ("running", second, 1)
    assert service.queries.state(first) == "stopped"
    service.stop()
    gate.let()
    assert service.wait(LONG)
    assert service.queries.state(second) == "stopped"


def test_the_status_tells_how_far_the_run_in_work_is(service, gate, monkeypatch):
    seen = []
    plain = service.evaluator.sweep

    def sweep(*words, progress=None, **named):
        outcome = plain(*words, progress=progress, **named)
        seen.append(service.status())
        return outcome

    monkeypatch.setattr(service.evaluator, "sweep", sweep)
    gate.let()
    finish(service, drafted(service, runs=1))
    train = seen[0]
    assert (train.state, train.run_number, train.stage, train.done, train.total) == ("running", 1, "sweep", 6, 6)
    assert (seen[1].stage, service.status().stage, service.status().total) == ("validation", "", 0)
