"""Kills, faults, closing and other processes: what is interrupted goes on, and nothing is lost or counted twice."""

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.errors import DataError, EngineError, StoreLocked, UnknownDataset
from engine.records import Proposal, StopConditions
from engine.research import service as service_module
from engine.research.service import ResearchService
from engine.settings import Settings
from engine.store.snapshot import open_reader
from engine.store.spool import spool_trials
from tests.research import small
from tests.research.campaigns import LONG, drafted, finish, kinds, numbers
from tests.research.small import Scripted, results_of, save, small_panel, store_with
from tests.store.samples import batch

ROOT = Path(__file__).parents[2]


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
    _, alive = psutil.wait_procs(family, timeout=LONG)
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


def test_closing_at_once_leaves_no_process_or_thread_and_frees_the_ledger_though_a_part_fails_to_close(settings, monkeypatch):
    """Pages close their service through a cache that only logs what goes wrong: a step that raised once left servers behind."""

    def broken() -> None:
        raise ZeroDivisionError("by design")

    before = set(psutil.Process().children(recursive=True))
    service = ResearchService(settings, address="http://localhost")  # so that it warms up
    monkeypatch.setattr(service.examiner, "stop", broken)
    with pytest.raises(ZeroDivisionError):
        service.close()
    assert set(psutil.Process().children(recursive=True)) == before
    assert not {"warm", "judging_0", "examination_0"} & {thread.name for thread in threading.enumerate()}
    ResearchService(settings).close()


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
    for ask in (
        lambda: service.start(campaign_id),
        lambda: service.results.result(run_id),
        lambda: service.results.candles(run_id, "SYN000USD"),
    ):
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


# Other processes, and closing


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
    service.results.result(run_id)
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
