"""The service: what is started ends as asked, what is interrupted goes on, and nothing is lost or counted twice."""

import dataclasses
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from engine.errors import CampaignError, DataError, EngineError, StoreLocked, UnknownDataset, UnknownRun
from engine.records import Benchmarks, CampaignSpec, Proposal, StopConditions
from engine.research import service as service_module
from engine.research.campaign import campaign_id_of, draft_spec
from engine.research.evaluation import Evaluator
from engine.research.service import ResearchService
from engine.settings import Settings
from engine.store.snapshot import open_reader
from engine.store.spool import spool_trials
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars
from tests.research import small
from tests.research.small import CHOICES, Scripted, results_of, save, small_panel, store_with, without_volume
from tests.store.samples import batch

ROOT = Path(__file__).parents[2]
LONG = 60.0


class Gate:
    """A proposer that waits at each draw until it is let on, so that a test knows where the work stands."""

    def __init__(self, source: str = small.CROSS) -> None:
        self.source = source
        self.reached, self._let = threading.Semaphore(0), threading.Semaphore(0)

    def draw(self, rng: np.random.Generator) -> Proposal:
        self.reached.release()
        assert self._let.acquire(timeout=LONG)
        return Proposal(self.source, "Gated.", "random")

    def wait(self) -> None:
        """Wait until a run is at its draw."""
        assert self.reached.acquire(timeout=LONG)

    def let(self, draws: int = 1) -> None:
        self._let.release(draws)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """All campaigns of the test draw from this gate, which stands open once the test is over."""
    gate = Gate()
    monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: gate)
    yield gate
    gate.let(1_000)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """`script(proposer)`: what all campaigns draw from."""
    return lambda proposer: monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: proposer)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released after each run is in the ledger and its snapshot."""
    after, plain = threading.Semaphore(0), service_module.write_snapshot
    monkeypatch.setattr(service_module, "write_snapshot", lambda *words: (plain(*words), after.release()))
    return after


def drafted(service: ResearchService, *, runs: int | None = 3, **changes: object) -> CampaignSpec:
    return service.draft("small", dataclasses.replace(CHOICES, stop=StopConditions(runs=runs), **changes))


def finish(service: ResearchService, spec: CampaignSpec) -> str:
    campaign_id = service.launch(spec)
    assert service.wait(LONG)
    assert service.status().problem is None
    return campaign_id


def kinds(service: ResearchService, campaign_id: str) -> list[str]:
    """The campaign's events in the order they came, but those that tell of runs."""
    events = service.queries.events(campaign_id)["kind"].tolist()[::-1]
    return [kind for kind in events if kind not in ("new_best", "run_failed")]


def numbers(service: ResearchService, campaign_id: str) -> list[int]:
    return sorted(service.queries.runs(campaign_id)["number"])


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
    finish(service, dataclasses.replace(spec, stop=StopConditions(hours=worked_s / 3600)))
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
    assert service.queries.runs(campaign_id)["status"].tolist() == ["scored"] * 6


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


# Equal boards, and a death in the middle


def test_equal_campaigns_in_different_stores_give_equal_results_on_any_number_of_slots(
    open_service, own_processes, market_store, tmp_path
):
    services = [open_service(), open_service(store_with(market_store, tmp_path / "other", slots=2))]
    ids = [finish(s, drafted(s, runs=4, scenarios=7)) for s in services]
    assert ids[0] == ids[1]
    one, other = (results_of(s.queries, ids[0]) for s in services)
    assert one == other


@pytest.fixture
def start_run() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`python -m engine run` in a process of its own, gone when the test is."""
    started: list[subprocess.Popen[str]] = []

    def start(settings: Settings, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "engine", "run", "--data", "small", "--store", str(settings.store_dir), "--json", *words]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def recorded_runs(settings: Settings) -> int:
    """Runs that the last snapshot shows; 0 while there is none."""
    try:
        with open_reader(settings) as queries:
            return queries.totals().runs
    except StoreLocked:
        return 0


def test_after_a_kill_in_the_middle_of_a_run_none_is_lost_or_counted_twice(
    open_service, settings, market_store, tmp_path, start_run
):
    process = start_run(settings, "--iterations", "8", "--scenarios", "12", "--min-trades", "5", "--seed", "3")
    while recorded_runs(settings) < 1:
        assert process.poll() is None, process.communicate()
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()  # SIGKILL
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [], "children outlived the process that started them"

    service = open_service()
    there = service.queries.totals()
    assert 1 <= there.runs < 8
    (campaign_id,) = service.queries.campaigns()["campaign_id"]
    assert service.queries.state(campaign_id) == "running"
    assert service.recover() == campaign_id
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == list(range(1, 9))
    assert kinds(service, campaign_id) == ["created", "started", "interrupted", "started", "finished"]

    whole = open_service(store_with(market_store, tmp_path / "whole"))
    spec = dataclasses.replace(service.spec(campaign_id), stop=StopConditions(runs=8))
    assert finish(whole, spec) == campaign_id
    assert results_of(service.queries, campaign_id) == results_of(whole.queries, campaign_id)
    assert service.queries.totals().trials == whole.queries.totals().trials


def test_nothing_is_recovered_where_nothing_was_running(open_service):
    service = open_service()
    campaign_id = finish(service, drafted(service, runs=1))
    service.close()
    again = open_service()
    assert again.recover() is None
    assert again.queries.state(campaign_id) == "finished"


def test_a_campaign_cut_off_by_closing_the_program_says_so_and_goes_on_at_the_next_start(open_service, gate):
    service = open_service()
    campaign_id = service.launch(drafted(service))
    gate.wait()
    closing = threading.Thread(target=service.close)
    closing.start()
    gate.let()
    closing.join(LONG)
    again = open_service()
    assert again.queries.events(campaign_id, kind="interrupted")["detail"][0].startswith("the program was closed")
    assert again.recover() == campaign_id


# Faults


class Broken:
    """A proposer with a fault of its own."""

    def draw(self, rng: np.random.Generator) -> Proposal:
        raise ZeroDivisionError("by design")


def test_a_fault_in_the_background_is_shown_and_not_lost(service, script):
    script(Broken())
    campaign_id = service.launch(drafted(service))
    assert service.wait(LONG)
    problem = service.status().problem
    assert "ZeroDivisionError: by design" in problem
    assert service.queries.state(campaign_id) == "failed"
    assert service.queries.events(campaign_id, kind="failed")["detail"][0] == problem
    script(Scripted(small.CROSS))
    service.start(campaign_id)
    assert service.status().problem is None
    assert service.wait(LONG)
    assert numbers(service, campaign_id) == [1, 2, 3]


def test_a_full_disk_after_a_run_stops_the_campaign_and_loses_nothing(service, monkeypatch):
    def full(*_: object) -> None:
        raise EngineError("the disk has no room")

    spec, plain = drafted(service), service_module.write_snapshot
    monkeypatch.setattr(service_module, "write_snapshot", full)
    campaign_id = service.launch(spec)
    assert service.wait(LONG)
    assert service.status().problem == "the disk has no room"
    assert numbers(service, campaign_id) == [1]
    monkeypatch.setattr(service_module, "write_snapshot", plain)
    finish(service, spec)
    assert numbers(service, campaign_id) == [1, 2, 3]


def test_a_run_that_fails_is_told_and_the_campaign_goes_on(service, script):
    script(Scripted(small.NO_SYNTAX))
    campaign_id = finish(service, drafted(service, runs=2))
    told = service.queries.events(campaign_id, kind="run_failed")["detail"].tolist()
    assert [t.split(":")[0] for t in told] == ["run 2", "run 1"]
    assert service.queries.totals().trials == 0
    assert service.queries.best_run(campaign_id) is None


def test_data_that_has_changed_under_a_campaign_is_refused(open_service, settings):
    service = open_service()
    campaign_id = finish(service, drafted(service, runs=1))
    (run_id,) = service.queries.run_ids(campaign_id)
    service.ledger.campaign_event(campaign_id, "started")  # as after a kill
    service.close()
    service = open_service()
    save(small_panel(seed=2), settings.store_dir, replace=True)
    for ask in (lambda: service.start(campaign_id), lambda: service.result(run_id), lambda: service.candles(run_id, "SYN000USD")):
        with pytest.raises(DataError, match="has changed"):
            ask()
    assert service.recover() is None
    assert "has changed" in service.status().problem
    assert service.queries.state(campaign_id) == "interrupted"
    assert numbers(service, campaign_id) == [1]


def test_a_dataset_removed_under_a_campaign_at_work_stops_nothing_before_the_next_start(service, gate):
    campaign_id = service.launch(drafted(service, runs=2))
    gate.wait()
    service.catalog.remove("small")
    gate.let(2)
    assert service.wait(LONG)
    assert service.status().problem is None
    assert numbers(service, campaign_id) == [1, 2]
    with pytest.raises(UnknownDataset, match="no dataset 'small'"):
        service.start(campaign_id)
    assert service.queries.state(campaign_id) == "finished"


# Results


def test_a_result_made_again_equals_the_stored_one_bit_for_bit(service):
    campaign_id = finish(service, drafted(service, min_trades=0))
    board = service.queries.runs(campaign_id)
    scored = board.loc[board["best_scenario"].notna(), "run_id"]
    assert len(scored) >= 2
    for run_id, window in itertools.product(scored, ("train", "validation")):
        result, stored = service.result(run_id, window), service.queries.run(run_id).figures[window]
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
        service.result(failed)
    with pytest.raises(UnknownRun):
        service.result("no-such-run")
    script(Scripted(small.FAILS_ON_SHORT_WINDOWS))
    (run_id,) = service.queries.run_ids(finish(service, drafted(service, runs=1, seed=4)))
    with pytest.raises(CampaignError, match=r"'vault'.*train and validation"):
        service.result(run_id, "vault")
    with pytest.raises(CampaignError, match="did not run again on validation: error") as refusal:
        service.result(run_id, "validation")
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


# Names, archives, presets, other processes


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


def test_what_other_processes_have_spooled_is_taken_in(open_service, settings):
    spool_trials(settings.spool_dir, batch("from-elsewhere", scenarios=7))
    service = open_service()
    assert service.queries.totals().trials == 7
    spool_trials(settings.spool_dir, batch("later", scenarios=5))
    finish(service, drafted(service, runs=1))
    assert service.queries.events(limit=1)["kind"][0] == "finished"
    assert list(settings.spool_dir.glob("*.json")) == []


def test_a_second_service_on_the_same_store_is_refused_and_disturbs_nothing(open_service):
    first = open_service()
    with pytest.raises(StoreLocked):
        open_service()
    finish(first, drafted(first, runs=1))


def test_a_service_that_could_not_open_lets_go_of_the_ledger(open_service, monkeypatch):
    def full(*_: object) -> None:
        raise EngineError("the disk has no room")

    with monkeypatch.context() as broken:
        broken.setattr(service_module, "write_snapshot", full)
        with pytest.raises(EngineError, match="no room"):
            open_service()
    open_service()


def test_closing_leaves_no_process_and_no_thread(open_service, own_processes):
    threads, children = set(threading.enumerate()), set(psutil.Process().children(recursive=True))
    service = open_service()
    (run_id,) = service.queries.run_ids(finish(service, drafted(service, runs=1)))
    service.result(run_id)
    assert len(psutil.Process().children(recursive=True)) > len(children)
    service.close()
    assert set(psutil.Process().children(recursive=True)) <= children
    assert {t for t in threading.enumerate() if not t.name.startswith("duckdb")} <= threads
    service.close()


def test_closing_in_the_middle_of_a_run_loses_only_that_run(open_service, own_processes, gate, recorded):
    service = open_service()
    spec = drafted(service)
    campaign_id = service.launch(spec)
    gate.let()
    assert recorded.acquire(timeout=LONG)
    gate.wait()
    gate.wait()
    gate.let(10)
    service.close()
    again = open_service()
    assert 1 in numbers(again, campaign_id)
    finish(again, spec)
    assert numbers(again, campaign_id) == [1, 2, 3]


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
