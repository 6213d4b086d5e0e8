"""All reads of the ledger, named; the only place with their SQL. The same queries run on the ledger and on its snapshot.

No result that ranks or compares holds a time: equal seeds must give equal boards, byte for byte.
"""

import difflib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import CampaignError, UnknownRun
from engine.figures import PORTFOLIO_FIGURES
from engine.records import RUN_WINDOWS, Failure, TrialBatch, spec_from_dict
from engine.store.answers import CampaignRow, RunRow, Totals
from engine.store.database import Reader
from engine.store.evidence_queries import EvidenceQueries
from engine.store.trials import TrialCount, count_trials, counting_since, not_in_ledger, trials_of_campaign

_STATES = {
    "created": "new", "started": "running", "resumed": "running", "paused": "paused", "stopped": "stopped",
    "finished": "finished", "failed": "failed", "interrupted": "interrupted",
}  # fmt: skip
_STATE_KINDS = ", ".join(f"'{kind}'" for kind in _STATES)

# A run counts for the board's head if it is scored and its best set has the trades that the campaign asks for.
_ENOUGH = """(r.status = 'scored' AND coalesce(r.train_trades_with_open, 0) >= c.min_trades
    AND coalesce(r.validation_trades_with_open, 0) >= coalesce(c.validation_min_trades, 0))"""
_BOARD_ORDER = f"r.status = 'failed', NOT {_ENOUGH}, r.validation_sharpe DESC NULLS LAST, r.number"

_CAMPAIGNS = f"""
WITH board AS (
  SELECT r.campaign_id, r.run_id, r.validation_sharpe, r.status, r.scenarios,
    {_ENOUGH} AND r.validation_sharpe IS NOT NULL AS fit,
    row_number() OVER (PARTITION BY r.campaign_id ORDER BY {_BOARD_ORDER}) AS place
  FROM runs r JOIN campaigns c USING (campaign_id)),
counts AS (
  SELECT campaign_id, count(*) AS runs, count(*) FILTER (status = 'failed') AS failed, sum(scenarios)::BIGINT AS scenarios,
    max(run_id) FILTER (place = 1 AND fit) AS best_run_id,
    max(validation_sharpe) FILTER (place = 1 AND fit) AS best_validation_sharpe
  FROM board GROUP BY campaign_id),
last_runs AS (SELECT campaign_id, max(at_utc) AS at_utc FROM run_times JOIN runs USING (run_id) GROUP BY campaign_id),
events AS (
  SELECT campaign_id, arg_max(kind, seq) FILTER (kind IN ({_STATE_KINDS})) AS kind,
    min(at_utc) AS created_at, max(at_utc) AS at_utc,
    coalesce(arg_max(kind, seq) FILTER (kind IN ('archived', 'unarchived')), '') = 'archived' AS archived,
    arg_max(detail, seq) FILTER (kind = 'renamed') AS renamed
  FROM campaign_events GROUP BY campaign_id)
SELECT c.campaign_id, coalesce(e.renamed, c.name) AS name, c.theme, c.dataset, c.proposer, c.seed,
  CASE WHEN e.archived THEN 'archived' ELSE e.kind END AS state, coalesce(n.runs, 0) AS runs, coalesce(n.failed, 0) AS failed,
  coalesce(n.scenarios, 0) AS scenarios, n.best_run_id, n.best_validation_sharpe, e.created_at,
  greatest(e.at_utc, l.at_utc) AS changed_at
FROM campaigns c JOIN events e USING (campaign_id) LEFT JOIN counts n USING (campaign_id)
  LEFT JOIN last_runs l USING (campaign_id)
"""

_CHANGE_FIGURES = ("pnl", "contribution", "trades_with_open", "win_rate_with_open", "profit_factor_with_open", "max_drawdown")


class Queries:
    """Reads from the ledger, or from a snapshot of it. Thread-safe.

    `source` is ledger, snapshot or empty, `age_s` how old the answers are (0 for the ledger). `pending` are trials that lie
    in the spool: they count as made. Raises UnknownRun and CampaignError for ids that are not there, with near ones.
    """

    def __init__(
        self, database: Reader, *, source: str = "ledger", age_s: float = 0.0, pending: Iterable[TrialBatch] = ()
    ) -> None:
        self._database = database
        self.source = source
        self.age_s = age_s
        self._pending = tuple(pending)

    @property
    def revision(self) -> int:
        """Grows with each commit: a page may cache its answers on it."""
        return self._database.revision

    # Campaigns

    def campaigns(self) -> pd.DataFrame:
        """All campaigns, last changed first, archived ones too: campaign_id, name, theme, dataset, proposer, seed, state, runs,
        failed, scenarios, best_run_id and best_validation_sharpe (None and NaN where no run has enough trades), created_at,
        changed_at."""
        frame = self._database.read(_CAMPAIGNS + "ORDER BY changed_at DESC, c.campaign_id")
        frame["state"] = frame["state"].replace(_STATES)
        return frame

    def campaign(self, campaign_id: str) -> CampaignRow:
        """That campaign with its specification."""
        rows = self._database.rows(
            f"""SELECT q.name, q.state, c.spec, q.created_at, q.runs,
                  (SELECT coalesce(max(number), 0) + 1 FROM runs WHERE campaign_id = c.campaign_id)
                FROM ({_CAMPAIGNS}) q JOIN campaigns c USING (campaign_id) WHERE c.campaign_id = ?""",
            [campaign_id],
        )
        if not rows:
            raise CampaignError(self._no("campaign", campaign_id, "SELECT campaign_id FROM campaigns"))
        name, state, spec, created_at, runs, number = rows[0]
        return CampaignRow(
            campaign_id=campaign_id,
            name=name,
            state=_STATES.get(state, state),
            spec=spec_from_dict(json.loads(spec)),
            created_at=created_at.replace(tzinfo=UTC),
            runs=runs,
            next_number=number,
        )

    def state(self, campaign_id: str) -> str:
        """The campaign's state: new, running, paused, stopped, finished, failed, interrupted or archived."""
        return self.campaign(campaign_id).state

    def events(self, campaign_id: str | None = None, *, kind: str | None = None, limit: int = 50) -> pd.DataFrame:
        """The latest events, newest first: seq, at_utc, campaign_id, kind, detail; of one campaign or kind, or of all."""
        return self._database.read(
            """SELECT seq, at_utc, campaign_id, kind, detail FROM campaign_events
               WHERE (campaign_id = $1 OR $1 IS NULL) AND (kind = $2 OR $2 IS NULL) ORDER BY seq DESC LIMIT $3""",
            [campaign_id, kind, limit],
        )

    def campaign_trials(self, campaign_id: str) -> dict[str, int]:
        """Trials that were made for the campaign, by origin: loop, replay, compile."""
        return trials_of_campaign(self._database, campaign_id)

    def totals(self) -> Totals:
        """How many campaigns, runs, failed runs, scenarios and trials this store holds."""
        campaigns, runs, failed, scenarios, trials = self._database.rows(
            """SELECT (SELECT count(*) FROM campaigns), count(*), count(*) FILTER (status = 'failed'),
                 coalesce(sum(scenarios), 0)::BIGINT, (SELECT coalesce(sum(scenarios), 0)::BIGINT FROM trials) FROM runs"""
        )[0]
        trials += sum(batch.scenarios for batch in not_in_ledger(self._database, self._pending))
        return Totals(campaigns, runs, failed, scenarios, trials, counting_since(self._database))

    # Runs

    def runs(self, campaign_id: str, *, limit: int | None = None) -> pd.DataFrame:
        """The campaign's leaderboard: `rank`, the run's keys and texts, `train_...` and `validation_...` figures.

        Scored runs by validation Sharpe, NaN after all numbers; then those with fewer trades on train, or on validation, than
        the campaign asks for (`enough_trades` False); failed runs last; equals by number.
        """
        return self._database.read(
            f"""SELECT row_number() OVER (ORDER BY {_BOARD_ORDER}) AS rank, {_ENOUGH} AS enough_trades, r.*
                FROM runs r JOIN campaigns c USING (campaign_id) WHERE r.campaign_id = ? ORDER BY rank LIMIT ?""",
            [campaign_id, limit],
        )

    def best_runs(self, *, limit: int) -> pd.DataFrame:
        """The best scored runs of all campaigns but archived ones, ordered as a board is, which says little across datasets:
        run_id, campaign_id, campaign (its name), dataset, number, summary, validation_sharpe, enough_trades."""
        return self._database.read(
            f"""SELECT r.run_id, r.campaign_id, q.name AS campaign, q.dataset, r.number, r.summary, r.validation_sharpe,
                  {_ENOUGH} AS enough_trades
                FROM runs r JOIN campaigns c USING (campaign_id) JOIN ({_CAMPAIGNS}) q USING (campaign_id)
                WHERE r.status = 'scored' AND q.state IS DISTINCT FROM 'archived'
                ORDER BY {_BOARD_ORDER}, r.campaign_id LIMIT ?""",
            [limit],
        )

    def recent_runs(self, campaign_id: str, *, limit: int = 20) -> pd.DataFrame:
        """The campaign's latest runs, newest first, with `recorded_at` and `elapsed_s`: not a board."""
        return self._database.read(
            """SELECT r.*, t.at_utc AS recorded_at, t.elapsed_s FROM runs r JOIN run_times t USING (run_id)
               WHERE r.campaign_id = ? ORDER BY r.number DESC LIMIT ?""",
            [campaign_id, limit],
        )

    def numbers(self, campaign_id: str) -> list[int]:
        """Numbers of the campaign's recorded runs, in order."""
        rows = self._database.rows("SELECT number FROM runs WHERE campaign_id = ? ORDER BY number", [campaign_id])
        return [int(number) for (number,) in rows]

    def runs_of_code(self, campaign_id: str, code_hash: str, arm: str) -> list[tuple[str, int]]:
        """(id, number) of the campaign's runs of that source by that arm, in the order of their numbers."""
        return [
            (str(run_id), int(number))
            for run_id, number in self._database.rows(
                "SELECT run_id, number FROM runs WHERE campaign_id = ? AND code_hash = ? AND arm = ? ORDER BY number",
                [campaign_id, code_hash, arm],
            )
        ]

    def best_run(self, campaign_id: str) -> RunRow | None:
        """The first of the campaign's board, None if no run has enough trades and a validation Sharpe."""
        board = self.runs(campaign_id, limit=1)
        is_best = len(board) == 1 and bool(board["enough_trades"].iloc[0]) and not np.isnan(board["validation_sharpe"].iloc[0])
        return self.run(str(board["run_id"].iloc[0])) if is_best else None

    def run_ids(self, campaign_id: str | None = None) -> list[str]:
        """Ids of all runs, or of one campaign's, by campaign and number."""
        sql = "SELECT run_id FROM runs WHERE campaign_id = $1 OR $1 IS NULL ORDER BY campaign_id, number"
        return [row[0] for row in self._database.rows(sql, [campaign_id])]

    def run(self, run_id: str) -> RunRow:
        """That run with its code, parameters and portfolio figures."""
        frame = self._database.read(
            "SELECT r.*, s.source FROM runs r LEFT JOIN strategies s USING (code_hash) WHERE run_id = ?", [run_id]
        )
        if frame.empty:
            raise UnknownRun(self._no("run", run_id, "SELECT run_id FROM runs"))
        row: dict[str, Any] = {str(name): None if pd.isna(value) else value for name, value in frame.iloc[0].items()}
        failure = None
        if row["status"] == "failed":
            line = row["failure_line"]
            failure = Failure(row["failure_kind"], row["failure_message"], None if line is None else int(line))
        best = row["best_scenario"]
        return RunRow(
            **{
                name: row[name]
                for name in ("run_id", "campaign_id", "arm", "parent_run_id", "code_hash", "source", "summary", "reason")
            },
            number=int(row["number"]),
            failure=failure,
            params=None if row["params"] is None else json.loads(row["params"]),
            objective=_number(row["objective"]),
            best_scenario=None if best is None else int(best),
            scenarios=int(row["scenarios"]),
            figures={window: _figures(row, window) for window in RUN_WINDOWS},
            warm_up_bars=None if row["warm_up_bars"] is None else int(row["warm_up_bars"]),
            is_cross_sectional=None if row["is_cross_sectional"] is None else bool(row["is_cross_sectional"]),
        )

    def lineage(self, run_id: str) -> pd.DataFrame:
        """The run's ancestors from the first draft to itself: run_id, parent_run_id, number, arm, status, summary, objective,
        validation_sharpe."""
        self.run(run_id)
        return self._database.read(
            """WITH RECURSIVE line AS (
                 SELECT r.*, 0 AS back FROM runs r WHERE run_id = ?
                 UNION ALL SELECT r.*, line.back + 1 FROM runs r JOIN line ON r.run_id = line.parent_run_id)
               SELECT run_id, parent_run_id, number, arm, status, summary, objective, validation_sharpe FROM line
               ORDER BY back DESC""",
            [run_id],
        )

    def scenarios(self, run_id: str) -> pd.DataFrame:
        """Every parameter set of the run in the order tried: scenario, params (JSON text), objective, failure, figures."""
        return self._database.read("SELECT * EXCLUDE (run_id) FROM scenarios WHERE run_id = ? ORDER BY scenario", [run_id])

    def progress(self, campaign_id: str) -> pd.DataFrame:
        """The campaign's runs in the order made: number, run_id, arm, status, enough_trades, objective, validation_objective
        (NaN if the objective is no portfolio figure), main figures of both windows, best_objective and best_validation_sharpe
        so far among runs with enough trades, recorded_at, elapsed_s."""
        found = self._database.rows("SELECT objective FROM campaigns WHERE campaign_id = ?", [campaign_id])
        if not found:
            raise CampaignError(self._no("campaign", campaign_id, "SELECT campaign_id FROM campaigns"))
        objective = found[0][0]
        figures = ("sharpe", "total_return", "max_drawdown", "trades_with_open", "win_rate_with_open", "assets_traded")
        main = ", ".join(f"r.{window}_{name}" for window in RUN_WINDOWS for name in figures)
        twin = f"r.validation_{objective}" if objective in PORTFOLIO_FIGURES else "CAST(NULL AS DOUBLE)"
        return self._database.read(
            f"""SELECT r.number, r.run_id, r.arm, r.status, {_ENOUGH} AS enough_trades, r.objective,
                  {twin} AS validation_objective, {main},
                  max(CASE WHEN {_ENOUGH} THEN r.objective END) OVER so_far AS best_objective,
                  max(CASE WHEN {_ENOUGH} THEN r.validation_sharpe END) OVER so_far AS best_validation_sharpe,
                  t.at_utc AS recorded_at, t.elapsed_s
                FROM runs r JOIN campaigns c USING (campaign_id) JOIN run_times t USING (run_id)
                WHERE r.campaign_id = ? WINDOW so_far AS (ORDER BY r.number) ORDER BY r.number""",
            [campaign_id],
        )

    def arm_runs(self, campaign_id: str) -> pd.DataFrame:
        """The campaign's runs in the order made, as arms are compared: number, arm, trials (scenarios that were scored on any
        window), score (validation Sharpe; NaN with fewer trades than the campaign asks for), refused (drafts that never ran)."""
        return self._database.read(
            f"""SELECT r.number, r.arm, (coalesce(t.scenarios, 0) + coalesce(v.scenarios, 0))::BIGINT AS trials,
                  CASE WHEN {_ENOUGH} THEN r.validation_sharpe END AS score,
                  coalesce(len(s.refusals), CAST(r.status = 'failed' AND t.scenarios IS NULL AS BIGINT)) AS refused
                FROM runs r JOIN campaigns c USING (campaign_id) LEFT JOIN stories s USING (run_id)
                LEFT JOIN trials t ON t.batch_id = r.run_id || ':train'
                LEFT JOIN trials v ON v.batch_id = r.run_id || ':validation'
                WHERE r.campaign_id = ? ORDER BY r.number""",
            [campaign_id],
        )

    def daily_returns(self, run_id: str, window: str) -> pd.Series:
        """Daily portfolio returns of the run's best set, float32, by UTC day; empty if the run has none there."""
        rows = self._database.rows(
            'SELECT d.days, r.returns FROM run_returns r JOIN day_sets d USING (days_hash) WHERE r.run_id = ? AND r."window" = ?',
            [run_id, window],
        )
        days, returns = rows[0] if rows else (b"", b"")
        index = pd.to_datetime(np.frombuffer(days, dtype="<i4").astype(np.int64), unit="D", utc=True)
        return pd.Series(np.frombuffer(returns, dtype="<f4"), index=pd.DatetimeIndex(index, name="day"), name="return")

    # Assets

    def run_assets(self, run_id: str, window: str) -> pd.DataFrame:
        """Asset figures of the run's best set, indexed by symbol in panel order."""
        sql = 'SELECT * EXCLUDE (run_id, "window", position) FROM run_assets WHERE run_id = ? AND "window" = ? ORDER BY position'
        return self._database.read(sql, [run_id, window]).set_index("symbol")

    def assets_over_campaign(self, campaign_id: str, window: str) -> pd.DataFrame:
        """Each asset over all runs of the campaign, best mean first: symbol, runs, runs_traded, mean_pnl, positive_share (share
        of runs with P/L above 0), trades (with open), best_pnl, best_run_id."""
        return self._database.read(
            """WITH mine AS (
                 SELECT a.symbol, a.run_id, a.pnl, a.trades_with_open, r.number FROM run_assets a JOIN runs r USING (run_id)
                 WHERE r.campaign_id = ? AND a."window" = ?),
               means AS (
                 SELECT symbol, count(*) AS runs, count(*) FILTER (trades_with_open > 0) AS runs_traded, favg(pnl) AS mean_pnl,
                   avg(CAST(pnl > 0 AS INTEGER)) AS positive_share, sum(trades_with_open) AS trades, max(pnl) AS best_pnl
                 FROM mine GROUP BY symbol),
               best AS (
                 SELECT m.symbol, arg_min(m.run_id, m.number) AS best_run_id FROM mine m JOIN means e
                   ON m.symbol = e.symbol AND m.pnl = e.best_pnl GROUP BY m.symbol)
               SELECT means.*, best.best_run_id FROM means LEFT JOIN best USING (symbol)
               ORDER BY mean_pnl DESC NULLS LAST, symbol""",
            [campaign_id, window],
        )

    def asset_change(self, run_id: str, other_run_id: str, window: str) -> pd.DataFrame:
        """Each asset in this run against the other, greatest gain first: symbol, then `x`, `other_x` and `change_x` (this less
        other) for pnl, contribution, trades, win rate, profit factor (with open) and max_drawdown; NaN where one has none."""
        columns = ", ".join(f"a.{x}, b.{x} AS other_{x}, a.{x} - b.{x} AS change_{x}" for x in _CHANGE_FIGURES)
        return self._database.read(
            f"""SELECT symbol, {columns} FROM (SELECT * FROM run_assets WHERE run_id = $1 AND "window" = $3) a
                FULL JOIN (SELECT * FROM run_assets WHERE run_id = $2 AND "window" = $3) b USING (symbol)
                ORDER BY change_pnl DESC NULLS LAST, symbol""",
            [run_id, other_run_id, window],
        )

    # Trials, looks, presets

    def trials(self, symbols: Sequence[str], first_ns: int, last_ns: int) -> TrialCount:
        """Every scoring ever made on bars of these symbols between those times (ns UTC, both ends included)."""
        return count_trials(self._database, symbols, first_ns, last_ns, pending=self._pending)

    def searched(self, symbols: Sequence[str], first_ns: int, last_ns: int) -> int:
        """As `trials`, but those alone for which these bars were train or validation: that is, not looks into a vault."""
        return count_trials(self._database, symbols, first_ns, last_ns, pending=self._pending, windows=RUN_WINDOWS).total

    def looks(self, *, campaign_id: str | None = None, data_hash: str | None = None) -> pd.DataFrame:
        """Looks into sealed windows, newest first: at_utc, campaign_id, run_id, data_hash, window, who, why."""
        return self._database.read(
            """SELECT * FROM looks WHERE (campaign_id = $1 OR $1 IS NULL) AND (data_hash = $2 OR $2 IS NULL)
               ORDER BY at_utc DESC""",
            [campaign_id, data_hash],
        )

    @property
    def evidence(self) -> EvidenceQueries:
        """Reads of what evidence is made of."""
        return EvidenceQueries(self._database)

    def presets(self) -> dict[str, dict[str, Any]]:
        """The latest preset under each name, names sorted."""
        rows = self._database.rows("SELECT name, arg_max(preset, seq) FROM presets GROUP BY name ORDER BY name")
        return {name: json.loads(preset) for name, preset in rows}

    def _no(self, what: str, wanted: str, ids: str) -> str:
        """One sentence for an id that is not there, with the nearest that are."""
        near = difflib.get_close_matches(wanted, [row[0] for row in self._database.rows(ids)], n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else "`leaderboard` shows those that there are"
        return f"no {what} {wanted!r} is in the ledger; {hint}"


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _figures(row: dict[str, Any], window: str) -> dict[str, float]:
    """The window's portfolio figures; empty if none was stored."""
    figures = {name: _number(row[f"{window}_{name}"]) for name in PORTFOLIO_FIGURES}
    return {} if all(np.isnan(v) for v in figures.values()) else figures
