"""Strategies that a person writes: examined without a trace, and run through the same loop as any other."""

import pytest

from engine.errors import CampaignError, UnknownRun
from engine.research.campaign import Start
from engine.research.repeat import repeat_run
from tests.research import small
from tests.research.campaigns import LONG, drafted, finish, kinds, numbers
from tests.research.small import Scripted, results_of, strategy

MINE = strategy('return {"entries": market.close > ta.sma(market.close, n), "max_bars": 7}', text="A person's.")
PEEKS = strategy('return {"entries": market.close.shift(-1) > market.close, "max_bars": 3}')


def _arms(service, campaign_id):
    runs = service.queries.runs(campaign_id).sort_values("number")
    return dict(zip(runs["number"], runs["arm"], strict=True))


def test_a_run_by_hand_is_the_next_one_and_the_campaign_stays_as_it_was(service):
    campaign_id = finish(service, drafted(service, runs=2))
    parent = service.queries.run_ids(campaign_id)[0]
    service.run_by_hand(campaign_id, MINE, parent_run_id=parent, note="  Hold for\na week. ")
    assert service.status().state in ("starting", "running", "idle")
    assert service.wait(LONG)
    assert _arms(service, campaign_id) == {1: "random", 2: "random", 3: "human"}
    run = next(service.queries.run(r) for r in service.queries.run_ids(campaign_id) if service.queries.run(r).number == 3)
    assert (run.source, run.summary, run.parent_run_id, run.failure) == (MINE, "Hold for a week.", parent, None)
    assert service.queries.state(campaign_id) == "finished"
    assert kinds(service, campaign_id) == ["created", "started", "finished", "by_hand"]
    spec = service.spec(campaign_id)
    counted = service.queries.trials(spec.assets, 0, 2**62).by_arm
    assert counted["human"] == run.scenarios + 1
    assert repeat_run(run.run_id, service.queries, service.catalog, service.evaluator).is_equal


def test_the_other_runs_are_those_they_would_have_been(open_service, service, settings):
    spec = drafted(service, runs=3)
    alone = finish(service, spec)
    wanted = results_of(service.queries, alone)
    third = next(r for r in service.queries.run_ids(alone) if service.queries.run(r).number == 3)
    service.close()
    other = open_service(small.store_with(settings.store_dir, settings.store_dir.parent / "other"))
    campaign_id = finish(other, drafted(other, runs=1))
    other.run_by_hand(campaign_id, MINE)
    assert other.wait(LONG)
    finish(other, spec)
    assert _arms(other, campaign_id) == {1: "random", 2: "human", 3: "random"}
    found = results_of(other.queries, campaign_id)
    same = [name for name in wanted if name.startswith(third)]
    assert same
    assert all(found[name] == wanted[name] for name in same)


def test_while_the_campaign_works_it_is_the_next_run_and_asking_twice_adds_nothing(service, gate):
    campaign_id = service.launch(drafted(service, runs=3))
    gate.wait()
    for _ in range(2):
        service.run_by_hand(campaign_id, MINE, note="Mine.")
    assert service.status().waiting == 1
    gate.let(10)
    assert service.wait(LONG)
    assert _arms(service, campaign_id) == {1: "random", 2: "human", 3: "random"}
    assert service.status().waiting == 0


def test_what_was_handed_in_is_run_although_a_stop_condition_is_met(service, gate):
    campaign_id = service.launch(drafted(service, runs=1))
    gate.wait()
    service.run_by_hand(campaign_id, MINE)
    gate.let(10)
    assert service.wait(LONG)
    assert _arms(service, campaign_id) == {1: "random", 2: "human"}
    assert service.queries.state(campaign_id) == "finished"


def test_a_stop_keeps_what_waits_until_the_campaign_goes_on(service, gate):
    spec = drafted(service, runs=3)
    campaign_id = service.launch(spec)
    gate.wait()
    service.run_by_hand(campaign_id, MINE)
    service.stop()
    gate.let(10)
    assert service.wait(LONG)
    assert (numbers(service, campaign_id), service.status().waiting) == ([], 1)
    finish(service, spec)
    assert _arms(service, campaign_id) == {1: "human", 2: "random", 3: "random"}


def test_in_a_pause_it_waits_for_the_campaign_to_go_on(service, gate, recorded):
    campaign_id = service.launch(drafted(service, runs=2))
    gate.wait()
    service.pause()
    service.run_by_hand(campaign_id, MINE)
    gate.let(10)
    assert recorded.acquire(timeout=LONG)
    assert (service.status().state, service.status().waiting) == ("paused", 1)
    service.resume()
    assert service.wait(LONG)
    assert _arms(service, campaign_id) == {1: "random", 2: "human"}


def test_a_stop_gives_up_a_run_by_hand_that_stands_alone(service, script):
    script(Scripted(small.CROSS))
    campaign_id = finish(service, drafted(service, runs=1))
    service.run_by_hand(campaign_id, small.ENDLESS)
    service.stop()
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1]
    assert service.status().waiting == 0
    assert service.queries.state(campaign_id) == "finished"
    assert "given up: by a person" in service.queries.events(campaign_id, kind="by_hand", limit=1)["detail"][0]


def test_a_start_while_a_run_by_hand_is_in_work_goes_on_with_the_campaign(service):
    spec = drafted(service, runs=1)
    campaign_id = service.enter(spec)
    service.run_by_hand(campaign_id, MINE)
    service.launch(drafted(service, runs=2))
    assert service.wait(LONG)
    assert _arms(service, campaign_id) == {1: "human", 2: "random"}
    assert service.queries.state(campaign_id) == "finished"


def test_a_refused_draft_is_a_failed_run_that_says_why(service):
    campaign_id = service.enter(drafted(service))
    for source in (small.NO_SYNTAX, PEEKS):
        service.run_by_hand(campaign_id, source)
        assert service.wait(LONG)
    runs = service.queries.runs(campaign_id).sort_values("number")
    assert runs["failure_kind"].tolist() == ["syntax", "lookahead"]
    assert runs["failure_line"].iloc[0] == 4
    assert service.queries.totals().trials == 0
    assert service.queries.state(campaign_id) == "new"


def test_it_is_refused_in_a_sentence_while_another_campaign_is_at_work(service, gate):
    other = service.enter(drafted(service, seed=8))
    service.launch(drafted(service, runs=1))
    gate.wait()
    with pytest.raises(CampaignError, match="is running; stop it first"):
        service.run_by_hand(other, MINE)
    gate.let()


def test_what_cannot_be_is_refused(service):
    campaign_id = finish(service, drafted(service, runs=1))
    other = service.enter(drafted(service, seed=8))
    (run_id,) = service.queries.run_ids(campaign_id)
    with pytest.raises(CampaignError, match="no source"):
        service.run_by_hand(campaign_id, " \n")
    with pytest.raises(CampaignError, match="another campaign"):
        service.run_by_hand(other, MINE, parent_run_id=run_id)
    with pytest.raises(UnknownRun):
        service.run_by_hand(campaign_id, MINE, parent_run_id="nothing")
    with pytest.raises(CampaignError, match="no campaign"):
        service.run_by_hand("nothing", MINE)


# Examination


def test_an_examination_says_what_the_campaign_would_and_leaves_no_trace(service):
    campaign_id = service.enter(drafted(service))
    before = service.revision
    found = service.examiner.examine(MINE, campaign_id)
    assert (found.is_accepted, found.is_cross_sectional) == (True, False)
    assert found.sets > 1
    assert service.examiner.examine(PEEKS, campaign_id).failure.kind == "lookahead"
    assert service.revision == before


def test_an_examination_waits_for_no_sweep_and_is_not_made_twice(service, gate, own_processes):
    assert service.examiner.known(MINE, service.launch(drafted(service, runs=1))) is None
    gate.wait()
    campaign_id = service.status().campaign_id
    asked = service.examiner.begin(MINE, campaign_id)
    assert asked.future.result(LONG).is_accepted
    assert service.examiner.begin(MINE, campaign_id) is asked
    assert service.examiner.known(MINE, campaign_id) is asked
    gate.let()


def test_a_service_that_closes_ends_an_examination_in_work(open_service, own_processes):
    service = open_service()
    asked = service.examiner.begin(small.ENDLESS, service.enter(drafted(service)))
    service.close()
    assert asked.is_done
    assert asked.future.cancelled() or asked.future.exception() or not asked.future.result().is_accepted


# Lines


def test_lines_are_those_of_the_run_and_none_where_there_are_none(service, script):
    script(Scripted(strategy('mean = ta.sma(market.close, n)\nreturn {"entries": market.close > mean, "plot": {"mean": mean}}')))
    (run_id,) = service.queries.run_ids(finish(service, drafted(service, runs=1)))
    symbol = service.catalog.open("small").symbols[1]
    lines = service.results.lines(run_id, symbol)
    assert lines.wanted == ("mean",)
    candles = service.results.candles(run_id, symbol)
    assert lines.on_price["mean"].index.isin(candles.index).all()
    assert service.results.lines(run_id, symbol) is lines
    script(Scripted(small.CROSS))
    (run_id,) = service.queries.run_ids(finish(service, drafted(service, runs=1, seed=5)))
    assert not service.results.lines(run_id, symbol).wanted


def test_a_source_with_a_key_is_refused_and_stored_nowhere(service, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "plum-tree-meadow")
    spec = drafted(service, runs=1)
    for key in ("sk-proj-abcdefghijklmnop", "plum-tree-meadow"):
        source = MINE + f"\n# {key}\n"
        line = source[: source.index(key)].count("\n") + 1
        with pytest.raises(CampaignError, match=f"line {line} of the strategy .* holds a key") as refused:
            service.launch(spec, [Start(source, f"Start: {key}.")])
        assert key not in str(refused.value)
        campaign_id = service.enter(spec)
        with pytest.raises(CampaignError, match=f"line {line} of the strategy holds a key"):
            service.run_by_hand(campaign_id, source)
        assert service.queries.run_ids(campaign_id) == []
        assert kinds(service, campaign_id)[0] == "created"
        assert "by_hand" not in kinds(service, campaign_id)
