"""Reads of what evidence is made of: all runs' daily returns, what their trials show by luck, looks, and promotions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.figures import PORTFOLIO_FIGURES
from engine.records import RUN_WINDOWS
from engine.store.database import Reader
from engine.store.looks import VaultResult, after_looks, looks_on, vault_result


@dataclass(frozen=True, eq=False)
class RunReturns:
    """Daily returns of all best sets of a campaign on one window, in the order of the runs: (runs, days) float64 on UTC day
    numbers `days`."""

    run_ids: tuple[str, ...]
    arms: tuple[str, ...]
    days: np.ndarray
    daily: np.ndarray


@dataclass(frozen=True, eq=False)
class RunLuck:
    """The `chance_maxima` of a run's scenarios on train, None for one from before they were kept."""

    run_id: str
    number: int
    scenarios: int
    maxima: np.ndarray | None


@dataclass(frozen=True, eq=False)
class TrialLuck:
    """The elementwise greatest `chance_maxima` of the campaign's runs (None if no run has them), the scenarios behind it, and
    those of runs from before they were kept."""

    maxima: np.ndarray | None
    scenarios: int
    unknown: int


class EvidenceQueries:
    """Reads for evidence and promotion. Nothing of a sealed window's result may be read by what searches."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def returns(self, campaign_id: str, window: str) -> RunReturns:
        """Of the runs that have them on that window."""
        rows = self._reader.rows(
            """SELECT r.run_id, r.arm, d.days, q.returns FROM run_returns q JOIN runs r USING (run_id)
               JOIN day_sets d USING (days_hash) WHERE r.campaign_id = ? AND q."window" = ? ORDER BY r.number""",
            [campaign_id, window],
        )
        days = np.frombuffer(rows[0][2], "<i4") if rows else np.empty(0, np.int32)
        daily = [np.frombuffer(returns, "<f4").astype(float) for *_, returns in rows]
        return RunReturns(
            tuple(r for r, *_ in rows),
            tuple(arm for _, arm, *_ in rows),
            days,
            np.array(daily) if daily else np.empty((0, len(days))),
        )

    def luck(self, campaign_id: str) -> TrialLuck:
        """What the trials of the campaign's runs on train show by luck, all together."""
        rows = self._reader.rows(
            """SELECT l.maxima, r.scenarios FROM runs r LEFT JOIN run_luck l USING (run_id)
               WHERE r.campaign_id = ? AND r.scenarios > 0""",
            [campaign_id],
        )
        found: np.ndarray | None = None
        for packed, _ in rows:
            if packed is not None:
                maxima = np.frombuffer(packed, "<f2").astype(float)
                found = maxima if found is None else np.maximum(found, maxima)
        known = sum(int(n) for packed, n in rows if packed is not None)
        return TrialLuck(found, known, sum(int(n) for packed, n in rows if packed is None))

    def luck_by_run(self, campaign_id: str, runs: int) -> list[RunLuck]:
        """What the scenarios of each of the campaign's first `runs` runs show by luck, in the order of the runs."""
        rows = self._reader.rows(
            """SELECT r.run_id, r.number, r.scenarios, l.maxima FROM runs r LEFT JOIN run_luck l USING (run_id)
               WHERE r.campaign_id = ? ORDER BY r.number LIMIT ?""",
            [campaign_id, runs],
        )
        kept = [None if packed is None else np.frombuffer(packed, "<f2").astype(float) for *_, packed in rows]
        return [RunLuck(str(r), int(i), int(n or 0), maxima) for (r, i, n, _), maxima in zip(rows, kept, strict=True)]

    def days(self, campaign_id: str, window: str) -> np.ndarray:
        """(days,) UTC day numbers of the campaign's returns on that window; empty without any."""
        rows = self._reader.rows(
            """SELECT d.days FROM run_returns q JOIN runs r USING (run_id) JOIN day_sets d USING (days_hash)
               WHERE r.campaign_id = ? AND q."window" = ? LIMIT 1""",
            [campaign_id, window],
        )
        return np.frombuffer(rows[0][0] if rows else b"", "<i4").astype(np.int64)

    def baselines(self, campaign_id: str, window: str, figures: Sequence[str]) -> pd.DataFrame:
        """The scored runs of the campaign's baselines on a window that runs are scored on: arm, and those figures. KeyError for
        a figure or a window that there is not."""
        if window not in RUN_WINDOWS or not set(figures) <= set(PORTFOLIO_FIGURES):
            raise KeyError(f"{window}: {', '.join(figures)}")
        columns = "".join(f", {window}_{name} AS {name}" for name in figures)
        sql = f"""SELECT arm{columns} FROM runs
                  WHERE campaign_id = ? AND arm IN ('random', 'mutate') AND status = 'scored' ORDER BY number"""
        return self._reader.read(sql, [campaign_id])

    def run_count(self, campaign_id: str) -> int:
        """How many runs the campaign has: what was computed of it holds until there is another."""
        return int(self._reader.rows("SELECT count(*) FROM runs WHERE campaign_id = ?", [campaign_id])[0][0])

    def looks_on(self, symbols: Sequence[str], first_ns: int, last_ns: int, data_hash: str) -> pd.DataFrame:
        """Looks at bars of these symbols between those times, or at that dataset: see `looks.looks_on`."""
        return looks_on(self._reader, symbols, first_ns, last_ns, data_hash)

    def after_looks(self, campaign_id: str, data_hash: str) -> dict[str, int]:
        """Runs that were made after a person had looked, with the look's k: see `looks.after_looks`."""
        return after_looks(self._reader, campaign_id, data_hash)

    def vault_result(self, run_id: str) -> VaultResult | None:
        """What the look at that run showed; None if nobody has looked. For people and the rule of promotion alone."""
        return vault_result(self._reader, run_id)

    def promotion(self, run_id: str) -> tuple[bool, list[dict[str, Any]]] | None:
        """(was it promoted, the conditions as they were) of the last attempt to promote that run; None if there was none."""
        rows = self._reader.rows(
            "SELECT is_promoted, conditions FROM promotions WHERE run_id = ? ORDER BY seq DESC LIMIT 1", [run_id]
        )
        return (bool(rows[0][0]), json.loads(rows[0][1])) if rows else None

    def promotion_looks(self, campaign_id: str) -> int:
        """Looks that promotions have spent on the campaign."""
        sql = "SELECT count(*) FROM looks WHERE campaign_id = ? AND who = 'promotion'"
        return int(self._reader.rows(sql, [campaign_id])[0][0])
