"""How far the runs of a campaign came, and what stopped them."""

from typing import Any, Literal

import pandas as pd

from engine.store.call_queries import RESEARCH
from engine.store.database import Reader

Step = Literal["proposed", "parsed", "policy", "causal", "traded", "beat_parent", "validated"]
STEPS: tuple[Step, ...] = ("proposed", "parsed", "policy", "causal", "traded", "beat_parent", "validated")
"""proposed: a run was made; parsed: its reply held code; policy: that kept to syntax, policy, contract and limits, and ran;
causal: it repeats itself and does not look ahead; traded: it was scored with a trade on train; beat_parent: it was kept;
validated: the ladder said better."""

_STEP_OF_KIND = """CASE {kind} WHEN 'reply' THEN 1 WHEN 'nondeterministic' THEN 3 WHEN 'lookahead' THEN 3
  WHEN 'start_dependent' THEN 3 WHEN 'no_trades' THEN 4 ELSE 2 END"""
"""The place in STEPS of the step at which a failure of that kind stops a draft."""

# `stopped`: the place of the first step that was not reached, 7 if none. The writer is the last call of the run's own role,
# else of any that writes code.
_RUNS = f"""
WITH writers AS (
  SELECT m.campaign_id, m.number, m.role, arg_max(m.model, m.seq) AS model, arg_max(m.prompt_version, m.seq) AS version
  FROM model_calls m WHERE m.campaign_id = $1 AND {RESEARCH} AND m.role IN ('draft', 'improve', 'crossover', 'risk', 'ranges')
  GROUP BY m.campaign_id, m.number, m.role),
writer AS (
  SELECT w.number, arg_min(w, (w.role <> coalesce(s.operator, ''), w.role)) AS w
  FROM writers w LEFT JOIN runs r USING (campaign_id, number) LEFT JOIN stories s ON s.run_id = r.run_id GROUP BY w.number),
made AS (
  SELECT r.run_id, r.number, r.arm, coalesce(w.w.role, '') AS role, coalesce(w.w.model, '') AS model,
    coalesce(w.w.version, '') AS version, r.status, r.failure_kind, r.failure_message, r.failure_line, r.summary,
    coalesce(r.train_trades_with_open, 0) AS trades, coalesce(s.is_kept, false) AS is_kept, s.ladder,
    coalesce(s.refusals, []) AS refusals
  FROM runs r LEFT JOIN writer w USING (number) LEFT JOIN stories s ON s.run_id = r.run_id WHERE r.campaign_id = $1),
ended AS (
  SELECT *, CASE WHEN status = 'failed' THEN {_STEP_OF_KIND.format(kind="failure_kind")} WHEN trades = 0 THEN 4
    WHEN NOT is_kept THEN 5 WHEN ladder IS DISTINCT FROM 'better' THEN 6 ELSE 7 END AS run_stopped FROM made),
runs_made AS (
  SELECT * EXCLUDE (run_stopped), CASE WHEN $2 AND len(refusals) > 0 THEN {_STEP_OF_KIND.format(kind="refusals[1].kind")}
    ELSE run_stopped END AS stopped FROM ended)
"""


class FunnelQueries:
    """Reads of what became of proposals. `first_drafts`: a run counts as far as its first draft came, before any repair."""

    _reader: Reader

    def funnel(self, campaign_id: str, *, first_drafts: bool = False) -> pd.DataFrame:
        """For each arm, model, and role and prompt version of the writer (empty texts where none was asked): how many of the
        campaign's runs reached each of STEPS. Rows in that order."""
        counts = ", ".join(f"count(*) FILTER (stopped > {place}) AS {step}" for place, step in enumerate(STEPS))
        return self._reader.read(
            f"{_RUNS} SELECT arm, model, role, version, {counts} FROM runs_made GROUP BY ALL ORDER BY ALL",
            [campaign_id, first_drafts],
        )

    def funnel_cases(
        self, campaign_id: str, step: Step, *, arm: str | None = None, model: str | None = None, version: str | None = None,
        first_drafts: bool = False, limit: int | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """The runs that reached the step before that one, those it stopped first, then by number: number, run_id, arm, model,
        role, version, passed, kind, message and line of why it was stopped (None where nothing failed), refused_drafts (how
        many went back), summary."""
        refused = "NOT passed AND $2 AND len(refusals) > 0"
        return self._reader.read(
            f"""{_RUNS} SELECT number, run_id, arm, model, role, version, passed,
                  CASE WHEN {refused} THEN refusals[1].kind WHEN NOT passed THEN failure_kind END AS kind,
                  CASE WHEN {refused} THEN refusals[1].message WHEN NOT passed THEN failure_message END AS message,
                  CASE WHEN {refused} THEN refusals[1].line WHEN NOT passed THEN failure_line END AS line,
                  len(refusals) AS refused_drafts, summary
                FROM (SELECT *, stopped > $3 AS passed FROM runs_made WHERE stopped >= $3)
                WHERE ($4 IS NULL OR arm = $4) AND ($5 IS NULL OR model = $5) AND ($6 IS NULL OR version = $6)
                ORDER BY passed, number LIMIT $7""",
            [campaign_id, first_drafts, STEPS.index(step), arm, model, version, limit],
        )

    def funnel_refusals(
        self, campaign_id: str, step: Step | None = None, *, arm: str | None = None, model: str | None = None,
        version: str | None = None, limit: int = 10,
    ) -> pd.DataFrame:  # fmt: skip
        """The most frequent refusals of drafts at that step, or at any: kind, message, drafts, runs. Drafts that went back to
        the model count, and those that a run failed with."""
        params: list[Any] = [campaign_id, False, None if step is None else STEPS.index(step), arm, model, version, limit]
        return self._reader.read(
            f"""{_RUNS}, refused AS (
                  SELECT run_id, unnest(list_append(refusals, CASE WHEN status = 'failed' THEN
                    {{kind: failure_kind, message: failure_message, line: failure_line}} END)) AS r
                  FROM runs_made
                  WHERE ($4 IS NULL OR arm = $4) AND ($5 IS NULL OR model = $5) AND ($6 IS NULL OR version = $6))
                SELECT r.kind AS kind, r.message AS message, count(*) AS drafts, count(DISTINCT run_id) AS runs FROM refused
                WHERE r IS NOT NULL AND ($3 IS NULL OR {_STEP_OF_KIND.format(kind="r.kind")} = $3)
                GROUP BY ALL ORDER BY drafts DESC, kind, message LIMIT $7""",
            params,
        )
