"""The one owner of threads, children and the database. Pages and commands ask it; nothing else starts work."""

import contextlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from engine.analysis.benchmarks import meets_all
from engine.backtest.portfolio import Result
from engine.errors import CampaignError, DataError, EngineError
from engine.market.bars import Panel
from engine.market.catalog import Catalog, ImportResult
from engine.records import CampaignSpec, Failure, RunRecord, StopConditions
from engine.research.campaign import Choices, campaign_id_of, check_spec, draft_spec
from engine.research.evaluation import Evaluator, RunResult, run_result
from engine.research.loop import ResearchLoop
from engine.research.proposers import make_proposer
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.store.snapshot import write_snapshot
from engine.strategy.sandbox import LEVEL, Cancelled, SandboxPool

State = Literal["idle", "starting", "running", "paused", "stopping"]
RESULTS_KEPT = 8


@dataclass(frozen=True)
class ServiceStatus:
    """What the service does now. Times in UTC; `done` of `total` scenarios of the run in work; `problem` in one sentence."""

    state: State = "idle"
    campaign_id: str | None = None
    campaign: str = ""
    theme: str = ""
    arm: str = ""
    dataset: str = ""
    synthetic: bool = False
    since: datetime | None = None
    run_number: int = 0
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    problem: str | None = None
    isolation: str = LEVEL
    model: str = "no model: the random arm runs"


class ResearchService:
    """Runs one campaign at a time in the background and answers for all of them. Thread-safe.

    Opening it takes the store: raises StoreLocked, StoreTooNew or StoreError. A campaign that was running when a process
    died is continued with `recover`. `close` ends the run in work unrecorded, then everything in reverse order.
    """

    def __init__(self, settings: Settings, *, address: str = "") -> None:
        self.settings = settings
        self.catalog = Catalog(settings.bars_dir)
        self._database = Database(settings.database_path)
        if address:
            self._database.announce(address)
        self.ledger = Ledger(self._database, settings)
        self.queries = Queries(self._database)
        self.ledger.take_in_spool()
        write_snapshot(self._database, settings.snapshot_dir)  # what other processes read while this one owns the ledger
        self._pool = SandboxPool(settings.slots, settings.limits)
        self._executor = ThreadPoolExecutor(settings.slots, "evaluation")
        self.evaluator = Evaluator(self._pool, self._executor)
        self._lock = threading.RLock()
        self._status = ServiceStatus()
        self._thread: threading.Thread | None = None
        self._stop, self._go = threading.Event(), threading.Event()
        self._results: OrderedDict[tuple[str, str], RunResult] = OrderedDict()

    @property
    def revision(self) -> int:
        """Grows with each change of the ledger."""
        return self._database.revision

    def status(self) -> ServiceStatus:
        """What goes on now; never waits."""
        with self._lock:
            return self._status

    # Campaigns

    def draft(self, dataset: str, choices: Choices) -> CampaignSpec:
        """The campaign that these choices amount to on that dataset. Raises CampaignError, DataError, UnknownDataset."""
        return draft_spec(self.catalog.open(dataset), choices)

    def launch(self, spec: CampaignSpec) -> str:
        """Start the campaign in the background, or go on with it if the same was asked for before; returns its id."""
        campaign_id = self.enter(spec)
        self.start(campaign_id)
        return campaign_id

    def enter(self, spec: CampaignSpec) -> str:
        """Record the campaign, or new stop conditions for one that is there; returns its id. Raises CampaignError."""
        check_spec(spec)
        campaign_id = campaign_id_of(spec)
        if campaign_id in set(self.queries.campaigns()["campaign_id"]):
            self.ledger.campaign_event(campaign_id, "conditions", json.dumps(asdict(spec.stop)))
        else:
            self.ledger.create_campaign(campaign_id, spec)
        return campaign_id

    def spec(self, campaign_id: str) -> CampaignSpec:
        """The campaign's specification with its latest name and stop conditions."""
        row = self.queries.campaign(campaign_id)
        events = self.queries.events(campaign_id, kind="conditions", limit=1)
        stop = StopConditions(**json.loads(events["detail"].iloc[0])) if len(events) else row.spec.stop
        return replace(row.spec, name=row.name, stop=stop)

    def start(self, campaign_id: str) -> None:
        """Go on with the campaign in the background; another that runs is stopped first. Returns at once."""
        with self._lock:
            if self._status.campaign_id == campaign_id and self._is_alive():
                self.resume()
                return
            self.stop()
            spec = self.spec(campaign_id)
            panel = self._panel_of(spec)
            before = self._thread
            self._stop, self._go = threading.Event(), threading.Event()
            self._go.set()
            self._status = ServiceStatus(
                state="starting", campaign_id=campaign_id, campaign=spec.name, theme=spec.theme, arm=spec.proposer,
                dataset=spec.dataset, synthetic=panel.synthetic, since=datetime.now(UTC),
            )  # fmt: skip
            self.ledger.campaign_event(campaign_id, "started")
            self._thread = threading.Thread(
                target=self._work, args=(campaign_id, spec, panel, self._stop, self._go, before), name="research", daemon=True
            )
            self._thread.start()

    def pause(self) -> None:
        """Hold after the run in work."""
        self._switch("running", "paused", "paused", go=False)

    def resume(self) -> None:
        """Go on after a pause."""
        self._switch("paused", "running", "resumed", go=True)

    def _switch(self, from_state: State, to_state: State, event: str, *, go: bool) -> None:
        with self._lock:
            campaign_id = self._status.campaign_id
            if campaign_id and self._is_alive() and self._status.state in (from_state, "starting"):
                (self._go.set if go else self._go.clear)()
                self._status = replace(self._status, state=to_state)
                self.ledger.campaign_event(campaign_id, event)

    def stop(self) -> None:
        """End the campaign's work; the run in work is dropped and will be made again. Returns at once."""
        with self._lock:
            if self._is_alive() and self._status.state not in ("idle", "stopping"):
                self._status = replace(self._status, state="stopping")
                self._stop.set()
                self._go.set()

    def recover(self) -> str | None:
        """Go on with the campaign that was at work when the last process died; its id, or None if there was none."""
        campaigns = self.queries.campaigns()
        running = campaigns.loc[campaigns["state"] == "running", "campaign_id"].tolist()
        for campaign_id in running:
            self.ledger.campaign_event(campaign_id, "interrupted", "the process ended; no recorded run is lost")
        if not running:
            return None
        try:
            self.start(running[0])
        except EngineError as error:
            self._set(problem=str(error))
            return None
        return str(running[0])

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the work in the background to end; False if it has not."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return not self._is_alive()

    def rename(self, campaign_id: str, name: str) -> None:
        """Give the campaign another name; its identity and results stay. Raises CampaignError for an empty one."""
        if not 1 <= len(name.strip()) <= 80:
            raise CampaignError(f"the name is {name!r:.90}; wanted 1 to 80 letters")
        self.ledger.campaign_event(campaign_id, "renamed", name.strip())

    def archive(self, campaign_id: str) -> None:
        """Hide the campaign from lists; nothing is deleted. One at work is stopped."""
        if self.status().campaign_id == campaign_id:
            self.stop()
            self.wait()
        self.ledger.campaign_event(campaign_id, "archived")

    def unarchive(self, campaign_id: str) -> None:
        """Show the campaign again."""
        self.ledger.campaign_event(campaign_id, "unarchived")

    def save_preset(self, name: str, preset: dict[str, Any]) -> None:
        """Keep form values under a name."""
        self.ledger.save_preset(name, preset)

    # Data and results

    def import_dataset(self, path: Path, name: str, *, reference: str | None = None, replace: bool = False) -> ImportResult:
        """Import bars; raises ImportRefused with what was found and wanted."""
        return self.catalog.import_path(path, name, reference=reference, replace=replace)

    def result(self, run_id: str, window: str = "train") -> RunResult:
        """The whole result of a run's best set, computed again from the ledger. Raises UnknownRun, DataError, CampaignError."""
        with self._lock:
            if (run_id, window) in self._results:
                return self._results[run_id, window]
        _, result = self.recompute(run_id, window)
        answer = run_result(result)
        with self._lock:
            self._results[run_id, window] = answer
            while len(self._results) > RESULTS_KEPT:
                self._results.popitem(last=False)
        return answer

    def recompute(self, run_id: str, window: str) -> tuple[CampaignSpec, Result]:
        """The run's specification and the backtest of its best set on one of its search windows."""
        run = self.queries.run(run_id)
        spec = self.queries.campaign(run.campaign_id).spec
        if run.params is None:
            raise CampaignError(f"run {run.number} has no result: {run.failure or run.reason}")
        if window not in ("train", "validation"):
            raise CampaignError(f"the window {window!r} of a run was asked for; there are train and validation")
        bed = self.evaluator.bed(self._panel_of(spec), spec.assets, spec.window(window), spec.costs)
        result = self.evaluator.result(run.source, run.params, bed, sides=spec.sides)
        if isinstance(result, Failure):
            raise CampaignError(f"run {run.number} did not run again on {window}: {result.kind}")
        return spec, result

    def candles(self, run_id: str, symbol: str, window: str = "train") -> pd.DataFrame:
        """Open, high, low, close, volume of one asset over the run's window, indexed by UTC time; missing bars left out."""
        spec = self.queries.campaign(self.queries.run(run_id).campaign_id).spec
        rows = spec.window(window)
        return self._panel_of(spec).candles(symbol, rows.start, rows.stop)

    def close(self) -> None:
        """Stop work, end children and threads, let go of the database."""
        self.stop()
        self.wait(30)
        self._pool.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._database.close()

    # The background thread

    def _panel_of(self, spec: CampaignSpec) -> Panel:
        panel = self.catalog.open(spec.dataset)
        if panel.data_hash != spec.data_hash:
            raise DataError(
                f"the dataset {spec.dataset} has changed: the campaign was made on {spec.data_hash[:19]}…, now it is"
                f" {panel.data_hash[:19]}…; its results stay, but to go on import the old bars again or start a new campaign"
            )
        return panel

    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)

    def _work(
        self, campaign_id: str, spec: CampaignSpec, panel: Panel, stop: threading.Event, go: threading.Event,
        before: threading.Thread | None,
    ) -> None:  # fmt: skip
        if before is not None:
            before.join()
        event, detail = "stopped", ""
        try:
            loop = ResearchLoop(
                campaign_id, spec, panel, make_proposer(spec, panel), self.evaluator, tell=_Teller(self._set), cancelled=stop
            )
            event, detail = self._run_on(loop, stop, go)
        except Cancelled:
            detail = "by a person; the run in work was dropped"
        except EngineError as error:
            event, detail = "failed", str(error)
            self._set(problem=str(error))
        except Exception as error:  # the thread's border: a fault here must be shown, not lost with the thread
            event, detail = "failed", f"an unexpected fault, {type(error).__name__}: {error}; please report it"
            self._set(problem=detail)
        finally:
            with contextlib.suppress(EngineError):
                self.ledger.campaign_event(campaign_id, event, detail)
            self._set(state="idle", stage="", done=0, total=0, seconds_left=None)

    def _run_on(self, loop: ResearchLoop, stop: threading.Event, go: threading.Event) -> tuple[str, str]:
        """Steps until told to stop or a condition is met; (event, its reason)."""
        began = time.monotonic()
        number = self.queries.campaign(loop.campaign_id).next_number
        while True:
            go.wait()
            if stop.is_set():
                return "stopped", "by a person"
            if reason := self._ended(loop, number, time.monotonic() - began):
                return "finished", reason
            if self._status.state == "starting":
                self._set(state="running")
            self._set(run_number=number)
            record, trials = loop.step(number)
            self.ledger.record_run(record, trials)
            self._tell_of(record)
            self.ledger.take_in_spool()
            write_snapshot(self._database, self.settings.snapshot_dir)
            number += 1

    def _ended(self, loop: ResearchLoop, number: int, elapsed_s: float) -> str:
        """Which stop condition is met, in words, or nothing."""
        stop = loop.spec.stop
        if stop.runs is not None and number > stop.runs:
            return f"{stop.runs} runs are done"
        if stop.hours is not None and elapsed_s >= stop.hours * 3600:
            return f"{stop.hours:g} hours have passed"
        if stop.benchmarks_met:
            best = self.queries.best_run(loop.campaign_id)
            if best is not None and all(
                meets_all(best.figures.get(w, {}), loop.spec.benchmarks) for w in ("train", "validation")
            ):
                return f"run {best.number} meets the benchmarks on train and on validation"
        return ""

    def _tell_of(self, record: RunRecord) -> None:
        if record.failure is not None:
            self.ledger.campaign_event(record.campaign_id, "run_failed", f"run {record.number}: {record.failure}")
            return
        best = self.queries.best_run(record.campaign_id)
        if best is not None and best.run_id == record.run_id:
            sharpe = record.figures["validation"]["sharpe"]
            self.ledger.campaign_event(record.campaign_id, "new_best", f"run {record.number}: validation Sharpe {sharpe:.2f}")


class _Teller:
    """Turns a loop's progress into status, with the time left of the sweep in work."""

    def __init__(self, put: Callable[..., None]) -> None:
        self._put = put
        self._stage, self._began, self._last = "", 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._last = stage, now, 0.0
        if done < total and now - self._last < 0.1:
            return
        self._last = now
        left = (now - self._began) / done * (total - done) if done else None
        self._put(stage=stage, done=done, total=total, seconds_left=left)
