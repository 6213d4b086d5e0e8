"""The one owner of threads, children and the database. Pages and commands ask it; nothing else starts work."""

import atexit
import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from engine.backtest.portfolio import Result
from engine.errors import CampaignError, DataError, EngineError
from engine.market.bars import Panel
from engine.market.catalog import Catalog, ImportResult
from engine.records import RUN_WINDOWS, CampaignSpec, Failure, StopConditions
from engine.research.campaign import Choices, campaign_id_of, check_spec, draft_spec
from engine.research.evaluation import Evaluator, RunResult, run_result
from engine.research.loop import ResearchLoop
from engine.research.proposers import make_proposer
from engine.research.work import CampaignWork, ServiceStatus
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.store.snapshot import write_snapshot
from engine.strategy.isolation import isolation, known_isolation
from engine.strategy.sandbox import SandboxPool

RESULTS_KEPT = 8


class ResearchService:
    """Runs one campaign at a time in the background and answers for all of them. Thread-safe.

    Opening it takes the store: raises StoreLocked, StoreTooNew or StoreError. A campaign that was running when a process
    died is continued with `recover`. `close` ends the run in work unrecorded, then everything in reverse order.
    """

    def __init__(self, settings: Settings, *, address: str = "") -> None:
        self.settings = settings
        self.catalog = Catalog(settings.bars_dir)
        self._database = Database(settings.database_path)
        try:
            if address:
                self._database.announce(address)
            self.ledger = Ledger(self._database, settings)
            self.queries = Queries(self._database)
            self._recorded()  # other processes read the snapshot from now on
        except BaseException:
            self._database.close()  # else the ledger stays taken by a service that nobody has
            raise
        self._pools = SandboxPool(settings.slots, settings.limits), SandboxPool(1, settings.limits)
        self._executor = ThreadPoolExecutor(settings.slots, "evaluation")
        self.evaluator = Evaluator(self._pools[0], self._executor, aside=self._pools[1])
        threading.Thread(target=self._warm, args=(address is not None,), name="warm", daemon=True).start()
        self._lock = threading.RLock()
        self._work: CampaignWork | None = None
        self._problem: str | None = None
        self._results: OrderedDict[tuple[str, str], RunResult] = OrderedDict()
        self._closed = False
        _at_exit(weakref.WeakMethod(self.close))

    @property
    def revision(self) -> int:
        """Grows with each change of the ledger."""
        return self._database.revision

    def status(self) -> ServiceStatus:
        """What goes on now."""
        work = self._work
        status = ServiceStatus(problem=self._problem) if work is None else work.status
        held = known_isolation()
        return replace(status, isolation="is being tested" if held is None else str(held))

    def _warm(self, has_pages: bool) -> None:
        """See what holds strategy code here; where people look on, start the process for results before they ask for one."""
        isolation()
        if has_pages:
            self._pools[1].warm()

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
        row, spec = self.queries.campaign(campaign_id), self.spec(campaign_id)
        panel = self._panel_of(spec)
        with self._lock:
            before = self._work
            if before is not None and before.campaign_id == campaign_id and before.go_on():
                return
            self.stop()
            if row.state == "archived":
                self.ledger.campaign_event(campaign_id, "unarchived")
            loop = ResearchLoop(campaign_id, spec, panel, make_proposer(spec, panel), self.evaluator)
            work = CampaignWork(
                loop, self.ledger, self.queries, conditions=lambda: self.spec(campaign_id).stop, recorded=self._recorded,
                after=before,
            )  # fmt: skip
            work.begin()
            self._work = work

    def pause(self) -> None:
        """Hold after the run in work."""
        if self._work is not None:
            self._work.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        if self._work is not None:
            self._work.go_on()

    def stop(self) -> None:
        """End the campaign's work; the run in work is dropped and will be made again. Returns at once."""
        if self._work is not None:
            self._work.stop()

    def recover(self) -> str | None:
        """Go on with the campaign that was at work when the last process was closed or died; its id, or None."""
        campaigns = self.queries.campaigns()
        for campaign_id in campaigns.loc[campaigns["state"] == "running", "campaign_id"]:
            self.ledger.campaign_event(campaign_id, "interrupted", "the process ended; no recorded run is lost")
        campaigns = self.queries.campaigns()
        cut_off = campaigns.loc[campaigns["state"] == "interrupted", "campaign_id"].tolist()
        if not cut_off:
            return None
        try:
            self.start(cut_off[0])
        except EngineError as error:
            self._problem = str(error)
            return None
        return str(cut_off[0])

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the work in the background to end; False if it has not."""
        return self._work is None or self._work.wait(timeout_s)

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
        if window not in RUN_WINDOWS:
            raise CampaignError(f"the window {window!r} of a run was asked for; there are train and validation")
        bed = self.evaluator.bed(self._panel_of(spec), spec.assets, spec.window(window), spec.costs)
        if window == "train":
            bed = bed.after(run.warm_up_bars or 0)
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
        """Stop work, end children and threads, let go of the database. Closing twice is fine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._work is not None:
            self._work.interrupt("the program was closed")
        self.wait(30)
        self._executor.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools:
            pool.close()
        self._executor.shutdown()
        self._database.close()

    def _recorded(self) -> None:
        """Take in what other processes have left, and show them what is recorded now."""
        self.ledger.take_in_spool()
        write_snapshot(self._database, self.settings.snapshot_dir)

    def _panel_of(self, spec: CampaignSpec) -> Panel:
        panel = self.catalog.open(spec.dataset)
        if panel.data_hash != spec.data_hash:
            raise DataError(
                f"the dataset {spec.dataset} has changed: the campaign was made on {spec.data_hash[:19]}…, now it is"
                f" {panel.data_hash[:19]}…; its results stay, but to go on import the old bars again or start a new campaign"
            )
        return panel


def _at_exit(close: "weakref.WeakMethod[Callable[[], None]]") -> None:
    """Have `close` called when the interpreter ends, before it joins the evaluation threads: they wait for it."""
    register = getattr(threading, "_register_atexit", atexit.register)  # what concurrent.futures itself registers with
    register(lambda: (act := close()) and act())
