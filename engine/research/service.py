"""The one owner of threads, children and the database. Pages and commands ask it; nothing else starts work."""

import atexit
import contextlib
import json
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.analysis.market_figures import market_figures
from engine.errors import CampaignError, EngineError
from engine.market.catalog import Catalog, ImportResult
from engine.proposal.redaction import key_line, redact
from engine.records import CampaignSpec, Proposal, StopConditions
from engine.research.arms import check_rarer, turns_of
from engine.research.campaign import Choices, Start, campaign_id_of, check_spec, code_hash_of, draft_spec
from engine.research.compile_prompt import Compiling
from engine.research.evaluation import Evaluator
from engine.research.examiner import Examiner
from engine.research.explanations import Explanations
from engine.research.judging import Judge
from engine.research.loop import ResearchLoop
from engine.research.model_arm import ModelArm
from engine.research.model_context import Library
from engine.research.model_desk import ModelDesk
from engine.research.mutate_arm import MutateArm
from engine.research.outcome_cache import OutcomeCache
from engine.research.promotion import Promoter
from engine.research.proposers import make_proposer
from engine.research.replay import Replays
from engine.research.results import Results
from engine.research.survivals import Survivals
from engine.research.turns import MODEL, MUTATE, Turns
from engine.research.work import CampaignWork, ServiceStatus
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.store.snapshot import write_snapshot
from engine.store.survivals import KeptSurvivals
from engine.strategy.isolation import check_allowed, isolation, known_isolation
from engine.strategy.sandbox import SandboxPool

MAX_NOTE = 200


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
            self.model = ModelDesk(self._database, settings)
            self._recorded()  # other processes read the snapshot from now on
        except BaseException:
            self._database.close()  # else the ledger stays taken by a service that nobody has
            raise
        self._pools = SandboxPool(settings.slots, settings.limits), SandboxPool(1, settings.limits)
        self._executor = ThreadPoolExecutor(settings.slots, "evaluation")
        cache = OutcomeCache(settings.cache_dir)
        self.evaluator = Evaluator(self._pools[0], self._executor, aside=self._pools[1], cache=cache)
        self._judging = ThreadPoolExecutor(self._pools[1].slots, "judging")
        aside = Evaluator(self._pools[1], self._judging)  # replays and compiling never wait for a sweep
        self.results = Results(self.queries, self.catalog, self.evaluator)
        self.examiner = Examiner(self.results, self._pools[1])
        kept = KeptSurvivals(self._database)
        self.survivals = Survivals(self.queries, self.results, aside, self.ledger.record_trials, kept)
        self.explanations = Explanations(self.queries, self.results, self.ledger.record_trials)
        self.promoter = Promoter(self.queries, self.ledger, aside, self.results.panel)
        judge = Judge(aside, self.results.train, self.model.queries, self.ledger.record_trials)
        self.replays = Replays(self.model, judge)
        self.compiling = Compiling(self.model, judge, self.queries)
        self._warming = threading.Thread(target=self._warm, args=(bool(address),), name="warm", daemon=True)
        self._warming.start()
        self._lock = threading.RLock()
        self._work: CampaignWork | None = None
        self._by_hand: defaultdict[str, deque[Proposal]] = defaultdict(deque)
        self._problem: str | None = None
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
        choice = self.model.choice
        status = replace(status, model=choice.model if choice else "")
        held = known_isolation()
        if held is None:
            return replace(status, isolation="it is being tested how well this machine holds strategy code")
        return replace(status, isolation=str(held), isolation_level=held.level)

    def _warm(self, has_pages: bool) -> None:
        """See what holds strategy code here; where people look on, start the process for results before they ask for one."""
        isolation()
        if has_pages:
            self._pools[1].warm()

    # Campaigns

    def draft(self, dataset: str, choices: Choices) -> CampaignSpec:
        """The campaign that these choices amount to on that dataset. Raises CampaignError, DataError, UnknownDataset."""
        return draft_spec(self.catalog.open(dataset), choices)

    def launch(self, spec: CampaignSpec, starts: Sequence[Start] = ()) -> str:
        """Start the campaign in the background, or go on with it if the same was asked for before; returns its id.

        `starts` are made its first runs, by hand, unless they were before: the model's arm may take them as parents. Raises
        CampaignError, and records nothing, where one of them holds a key.
        """
        for start in starts:
            _check_keyless(start.source, f"the strategy {redact(start.summary)!r}")
        campaign_id = self.enter(spec)
        with self._lock:
            work, waiting = self._work, self._by_hand[campaign_id]
            for proposal in (Proposal(start.source, redact(start.summary), "human") for start in starts):
                is_made = bool(self.queries.runs_of_code(campaign_id, code_hash_of(proposal.source), "human"))
                if not (is_made or (work and work.campaign_id == campaign_id and work.take(proposal)) or proposal in waiting):
                    waiting.append(proposal)
            self.start(campaign_id)
        return campaign_id

    def start_of(self, run_id: str) -> Start:
        """That run's strategy as a start for a campaign. Raises UnknownRun, StrategyError where such code must not run."""
        run = self.queries.run(run_id)
        check_allowed(run.arm)
        return Start(run.source, f"Run {run.number:,} of {self.queries.campaign(run.campaign_id).name}: {run.summary}")

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
        loop = self._loop_of(campaign_id)
        with self._lock:
            before = self._work
            if before is not None and before.campaign_id == campaign_id and before.go_on():
                return
            self.stop()
            self._begin(loop)

    def run_by_hand(self, campaign_id: str, source: str, *, parent_run_id: str | None = None, note: str = "") -> None:
        """Make a run of that source, written by a person, in the campaign; `note` says in a sentence what is new.

        The next run, if the campaign is at work or paused; else this run is made and no other, and the campaign's state
        stays. Returns at once. Asking again for what waits already changes nothing. Raises CampaignError for an empty source,
        for one that holds a key, for a parent of another campaign, and while another campaign is at work; UnknownRun, DataError.
        """
        if not source.strip():
            raise CampaignError("there is no source; write or paste a strategy first")
        _check_keyless(source, "the strategy")
        if parent_run_id is not None and self.queries.run(parent_run_id).campaign_id != campaign_id:
            raise CampaignError(f"the run {parent_run_id} belongs to another campaign; choose a run of this one, or none")
        proposal = Proposal(source, redact(" ".join(note.split()))[:MAX_NOTE] or "Written by hand.", "human", parent_run_id)
        loop = self._loop_of(campaign_id)
        with self._lock:
            status, waiting = self.status(), self._by_hand[campaign_id]
            if status.campaign_id != campaign_id and status.state in ("starting", "running", "paused"):
                raise CampaignError(f"the campaign {status.campaign} is {status.state}; stop it first, then run this strategy")
            self.ledger.campaign_event(campaign_id, "by_hand", f"handed in: {proposal.summary}")
            if self._work is None or status.campaign_id != campaign_id or not self._work.take(proposal):
                waiting.append(proposal)
                self._begin(loop, only_by_hand=True)

    def _loop_of(self, campaign_id: str) -> ResearchLoop:
        spec = self.spec(campaign_id)
        panel = self.results.panel(spec)
        return ResearchLoop(
            campaign_id, spec, panel, make_proposer(spec, panel), self.evaluator, trials_of=self.results.tried
        )  # fmt: skip

    def _begin(self, loop: ResearchLoop, *, only_by_hand: bool = False) -> None:
        """Set the loop to work, behind the work that there is; the lock is held."""
        if self.queries.state(loop.campaign_id) == "archived":
            self.ledger.campaign_event(loop.campaign_id, "unarchived")
        turns = turns_of(loop.campaign_id, loop.spec, self.queries)
        arm = self._model_arm(loop, turns) if MODEL in turns.arms else None
        mutate = MutateArm(loop, turns, self.queries, self.model.queries) if MUTATE in turns.arms else None
        self._work = CampaignWork(
            loop, self.ledger, self.queries, turns=turns, model=arm, mutate=mutate,
            conditions=lambda: self.spec(loop.campaign_id).stop, recorded=self._recorded,
            by_hand=self._by_hand[loop.campaign_id], only_by_hand=only_by_hand, after=self._work,
        )  # fmt: skip
        self._work.begin()

    def _model_arm(self, loop: ResearchLoop, turns: Turns) -> ModelArm:
        market = self.evaluator.campaign_bed(loop.panel, loop.spec, "train").market
        figures = market_figures(market.panel, market.window)
        library = Library(loop.campaign_id, loop.spec, loop.panel, self.queries, self.model.queries, figures)
        return ModelArm(loop, library, self.model, turns)

    def make_baselines_rarer(self, campaign_id: str, every: int) -> None:
        """Give the arms beside the model's their turn in every so manieth round only, from the next run on; 1 is as often as the
        model. Raises CampaignError without a model's arm, and while a baseline's mean is not known well enough."""
        spec = self.spec(campaign_id)
        check_rarer(campaign_id, spec, self.queries, every)
        with self._lock:
            work = self._work
            if work is None or work.campaign_id != campaign_id or not work.make_rarer(every):
                rarer = turns_of(campaign_id, spec, self.queries).make_rarer(every)
                self.ledger.campaign_event(campaign_id, "baselines", json.dumps(asdict(rarer)))

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
        for campaign_id in self.queries.campaigns().query("state == 'running'")["campaign_id"]:
            self.ledger.campaign_event(campaign_id, "interrupted", "the process ended; no recorded run is lost")
        cut_off = self.queries.campaigns().query("state == 'interrupted'")["campaign_id"].tolist()
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
        if self._work is not None and self._work.campaign_id == campaign_id:
            self._work.rename(name.strip())

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

    # Data

    def import_dataset(self, path: Path, name: str, *, reference: str | None = None, replace: bool = False) -> ImportResult:
        """Import bars; raises ImportRefused with what was found and wanted."""
        return self.catalog.import_path(path, name, reference=reference, replace=replace)

    def close(self) -> None:
        """Stop work, end children and threads, let go of the database, and then raise what went wrong. Closing twice is fine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        steps: tuple[Callable[[], object], ...] = (
            self.replays.stop, self.compiling.stop, self.model.close, self._interrupt,
            partial(self._executor.shutdown, wait=False, cancel_futures=True), self.examiner.stop,
            self.survivals.stop, *(pool.close for pool in self._pools), self._warming.join,
            self._executor.shutdown, self.examiner.close, self.survivals.close, self.replays.close,
            self.compiling.close, self._judging.shutdown, self._database.close,
        )  # fmt: skip
        with contextlib.ExitStack() as ending:  # each step is taken, whatever becomes of those before it
            for step in reversed(steps):
                ending.callback(step)

    def _interrupt(self) -> None:
        if self._work is not None:
            self._work.interrupt("the program was closed")
        self.wait(30)

    def _recorded(self) -> None:
        """Take in what other processes have left, and show them what is recorded now."""
        self.ledger.take_in_spool()
        write_snapshot(self._database, self.settings.snapshot_dir)


def _check_keyless(source: str, what: str) -> None:
    """Raises CampaignError for a source that holds a key: code is recorded as it runs, and the ledger forgets nothing."""
    if (line := key_line(source)) is not None:
        raise CampaignError(f"line {line} of {what} holds a key or what looks like one; take it out: code is kept for good")


def _at_exit(close: "weakref.WeakMethod[Callable[[], None]]") -> None:
    """Have `close` called when the interpreter ends, before it joins the evaluation threads: they wait for it."""
    register = getattr(threading, "_register_atexit", atexit.register)  # what concurrent.futures itself registers with
    register(lambda: (act := close()) and act())
