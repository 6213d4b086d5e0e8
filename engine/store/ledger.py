"""All writes to the ledger; each is one transaction, and repeating one counts nothing twice."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import CampaignError
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.model_records import Story
from engine.records import RUN_WINDOWS, CampaignSpec, RunRecord, TrialBatch
from engine.settings import Settings
from engine.store.database import Database, Writer, utc_now
from engine.store.looks import Look, VaultResult, insert_look, insert_vault_result
from engine.store.spool import read_spool, set_aside
from engine.store.stories import insert_story
from engine.store.trials import insert_trials

_SCENARIO_COLUMNS = {"params", "objective", "failure", *PORTFOLIO_FIGURES}


@dataclass(frozen=True)
class SpoolTaken:
    """What the spool gave: trial batches counted now, and one sentence for each file that was set aside."""

    batches: int
    set_aside: tuple[str, ...] = ()


class Ledger:
    """Writes campaigns, runs, trials and looks. Safe to call from several threads; the database serialises."""

    def __init__(self, database: Database, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def create_campaign(self, campaign_id: str, spec: CampaignSpec) -> None:
        """Record the campaign; again with an equal spec does nothing. Raises CampaignError if the spec differs."""
        text = to_json(spec.as_dict())
        row = {
            "campaign_id": campaign_id, "name": spec.name, "theme": spec.theme, "dataset": spec.dataset,
            "data_hash": spec.data_hash, "proposer": spec.proposer, "seed": spec.seed, "objective": spec.objective,
            "min_trades": spec.min_trades, "spec": text, "validation_min_trades": spec.validation_min_trades,
        }  # fmt: skip
        with self._database.transaction() as writer:
            there = writer.execute("SELECT spec FROM campaigns WHERE campaign_id = ?", [campaign_id])
            if there and there[0][0] != text:
                raise CampaignError(
                    f"a campaign {campaign_id} with another specification is in the ledger: continue that, or choose another id"
                )
            if not there:
                writer.insert("campaigns", pd.DataFrame([row]))
                self._event(writer, campaign_id, "created", "")

    def campaign_event(self, campaign_id: str, kind: str, detail: str = "") -> None:
        """Add an event. `kind` started, resumed, paused, stopped, finished, failed, interrupted sets the campaign's state;
        archived and unarchived hide and show it, renamed gives it the name in `detail`; others are only shown.

        Raises CampaignError for an unknown campaign.
        """
        with self._database.transaction() as writer:
            check_campaign(writer, campaign_id)
            self._event(writer, campaign_id, kind, detail)

    def record_run(self, record: RunRecord, trials: Iterable[TrialBatch], story: Story | None = None) -> bool:
        """Record the run with all its results and its story, and count its trials (a batch for each window that was scored), in
        one transaction; False if the run is there already, and then nothing is written.

        Raises ValueError for a record that breaks its contract or a story of another run, CampaignError for an unknown campaign
        or a number that another run has.
        """
        scenarios, run = _scenario_rows(record), _run_row(record)
        if story is not None and story.run_id != record.run_id:
            raise ValueError(f"the story of run {story.run_id} was handed in with run {record.run_id}")
        with self._database.transaction() as writer:
            check_campaign(writer, record.campaign_id)
            if writer.execute("SELECT 1 FROM runs WHERE run_id = ?", [record.run_id]):
                return False
            place = [record.campaign_id, record.number]
            if taken := writer.execute("SELECT run_id FROM runs WHERE campaign_id = ? AND number = ?", place):
                raise CampaignError(
                    f"run {record.number} of campaign {record.campaign_id} is {taken[0][0]} already, not {record.run_id}"
                )
            if not writer.execute("SELECT 1 FROM strategies WHERE code_hash = ?", [record.code_hash]):
                writer.execute("INSERT INTO strategies VALUES (?, ?)", [record.code_hash, record.proposal.source])
            writer.insert("runs", run)
            writer.execute("INSERT INTO run_times VALUES (?, ?, ?)", [record.run_id, self._now(), float(record.elapsed_s)])
            writer.insert("scenarios", scenarios)
            writer.insert("run_assets", _asset_rows(record))
            _insert_returns(writer, record)
            if record.luck_maxima is not None:
                maxima = np.asarray(record.luck_maxima, "<f2").tobytes()  # three digits are enough for a mean of 2,000
                writer.execute("INSERT INTO run_luck VALUES (?, ?)", [record.run_id, maxima])
            if story is not None:
                insert_story(writer, story)
            for batch in trials:
                insert_trials(writer, batch, self._clock())
        return True

    def record_trials(self, batch: TrialBatch, campaign_id: str | None = None) -> bool:
        """Count the batch, made for that campaign or for none; False if a batch of that id was counted before."""
        with self._database.transaction() as writer:
            return insert_trials(writer, batch, self._clock(), campaign_id=campaign_id)

    def record_look(self, look: Look) -> int:
        """Record that someone looks into a sealed window, before anything is seen; the how manieth look on such bars it is."""
        with self._database.transaction() as writer:
            return insert_look(writer, look, self._now())

    def record_vault_result(self, found: VaultResult, trials: TrialBatch) -> None:
        """Keep what a look showed, and count it as a trial."""
        with self._database.transaction() as writer:
            insert_vault_result(writer, found, _insert_days(writer, found.days))
            insert_trials(writer, trials, self._clock())

    def record_promotion(self, campaign_id: str, run_id: str, *, is_promoted: bool, conditions: str) -> None:
        """Keep what became of an attempt to promote the run; `conditions` as JSON text."""
        with self._database.transaction() as writer:
            check_campaign(writer, campaign_id)
            seq = writer.execute("SELECT count(*) + 1 FROM promotions")[0][0]
            row = [seq, self._now(), campaign_id, run_id, is_promoted, conditions]
            writer.execute("INSERT INTO promotions VALUES (?, ?, ?, ?, ?, ?)", row)

    def save_preset(self, name: str, preset: dict[str, Any]) -> None:
        """Keep the preset; the latest under a name counts, earlier ones stay in the ledger."""
        with self._database.transaction() as writer:
            seq = writer.execute("SELECT coalesce(max(seq), 0) + 1 FROM presets")[0][0]
            writer.execute("INSERT INTO presets VALUES (?, ?, ?, ?)", [seq, self._now(), name, to_json(preset)])

    def take_in_spool(self) -> SpoolTaken:
        """Count the batches that other processes have left, each once, whatever dies in between.

        A file is deleted only after its batch is committed; one that cannot be read moves to spool/broken and is told in
        an event.
        """
        found = read_spool(self._settings.spool_dir)
        if not found.batches and not found.broken:
            return SpoolTaken(0)
        with self._database.transaction() as writer:
            counted = sum(insert_trials(writer, batch, self._clock()) for _, batch in found.batches)
        for path, _ in found.batches:
            path.unlink(missing_ok=True)
        return SpoolTaken(counted, tuple(self._put_away(path, reason) for path, reason in found.broken))

    def _put_away(self, path: Path, reason: str) -> str:
        told = f"the trial file {path.name} cannot be read ({reason}); it was set aside as {set_aside(path)}, uncounted"
        with self._database.transaction() as writer:
            self._event(writer, None, "spool_broken", told)
        return told

    def _event(self, writer: Writer, campaign_id: str | None, kind: str, detail: str) -> None:
        insert_event(writer, campaign_id, kind, detail, self._now())

    def _now(self) -> datetime:
        """UTC without a zone, as DuckDB's TIMESTAMP wants it."""
        return self._clock().replace(tzinfo=None)


def to_json(value: Any) -> str:
    """The value as JSON text; numpy numbers become plain ones. Raises ValueError for NaN and infinity."""
    return json.dumps(value, default=lambda v: v.item(), allow_nan=False)


def check_campaign(writer: Writer, campaign_id: str) -> None:
    """Raise CampaignError if the ledger has no such campaign."""
    if not writer.execute("SELECT 1 FROM campaigns WHERE campaign_id = ?", [campaign_id]):
        raise CampaignError(f"no campaign {campaign_id} is in the ledger: create it first")


def insert_event(writer: Writer, campaign_id: str | None, kind: str, detail: str, at: datetime) -> None:
    """Add an event inside the caller's transaction; `at` is UTC without a zone."""
    seq = writer.execute("SELECT coalesce(max(seq), 0) + 1 FROM campaign_events")[0][0]
    writer.execute("INSERT INTO campaign_events VALUES (?, ?, ?, ?, ?)", [seq, campaign_id, at, kind, detail])


def _run_row(record: RunRecord) -> pd.DataFrame:
    failure, proposal = record.failure, record.proposal
    row: dict[str, Any] = {
        "run_id": record.run_id, "campaign_id": record.campaign_id, "number": record.number, "arm": proposal.arm,
        "parent_run_id": proposal.parent_run_id, "code_hash": record.code_hash, "summary": proposal.summary,
        "status": "failed" if failure else "scored", "failure_kind": failure and failure.kind,
        "failure_message": failure and failure.message, "failure_line": failure and failure.line,
        "params": None if record.params is None else to_json(record.params), "objective": record.objective,
        "best_scenario": record.best, "scenarios": len(record.scenarios), "reason": record.reason,
        "warm_up_bars": record.warm_up_bars, "is_cross_sectional": record.is_cross_sectional,
    }  # fmt: skip
    for window, figures in record.figures.items():
        if window not in RUN_WINDOWS or not figures.keys() <= PORTFOLIO_FIGURES.keys():
            raise ValueError(
                f"run {record.run_id}: figures of {window} are {sorted(figures)}; wanted {RUN_WINDOWS} and known figures"
            )
        row |= {f"{window}_{name}": float(value) for name, value in figures.items()}
    return pd.DataFrame([row])


def _scenario_rows(record: RunRecord) -> pd.DataFrame:
    rows = record.scenarios
    if rows.empty:
        return rows
    if set(rows.columns) != _SCENARIO_COLUMNS:
        raise ValueError(f"run {record.run_id}: scenario columns differ by {sorted(set(rows.columns) ^ _SCENARIO_COLUMNS)}")
    return rows.assign(
        run_id=record.run_id,
        scenario=np.arange(len(rows)),
        params=rows["params"].astype("str"),
        failure=rows["failure"].astype("str"),
    )


def _asset_rows(record: RunRecord) -> pd.DataFrame:
    frames = []
    for window, assets in record.assets.items():
        if set(assets.columns) != ASSET_FIGURES.keys():
            raise ValueError(f"run {record.run_id}: asset columns differ by {sorted(set(assets.columns) ^ ASSET_FIGURES.keys())}")
        keys: dict[str, Any] = {
            "run_id": record.run_id,
            "window": window,
            "symbol": assets.index,
            "position": np.arange(len(assets)),
        }
        frames.append(assets.reset_index(drop=True).assign(**keys))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _insert_returns(writer: Writer, record: RunRecord) -> None:
    for window, returns in record.daily_returns.items():
        days = np.asarray(record.days.get(window, ()), dtype="<i4")
        if len(days) != len(returns):
            raise ValueError(f"run {record.run_id}: {len(returns)} daily returns of {window}, but {len(days)} days")
        days_hash = _insert_days(writer, days)
        packed = np.asarray(returns, dtype="<f4").tobytes()
        writer.execute("INSERT INTO run_returns VALUES (?, ?, ?, ?)", [record.run_id, window, days_hash, packed])


def _insert_days(writer: Writer, days: np.ndarray) -> str:
    """The name of those UTC day numbers, which the ledger knows from now on."""
    packed = np.asarray(days, dtype="<i4").tobytes()
    days_hash = hashlib.sha256(packed).hexdigest()[:16]
    if not writer.execute("SELECT 1 FROM day_sets WHERE days_hash = ?", [days_hash]):
        writer.execute("INSERT INTO day_sets VALUES (?, ?)", [days_hash, packed])
    return days_hash
