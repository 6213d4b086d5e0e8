"""Reads of prompts: the versions of each, what they led to, and those proposed."""

import pandas as pd

from engine.figures import PORTFOLIO_FIGURES
from engine.store.call_queries import RESEARCH, SPENT
from engine.store.database import Reader

# The objective on validation, for campaigns whose objective is a portfolio figure.
_ON_VALIDATION = "CASE c.objective " + " ".join(f"WHEN '{f}' THEN r.validation_{f}" for f in PORTFOLIO_FIGURES) + " END"

_RUNS = f"""
SELECT f.prompt_version AS version, r.campaign_id, r.number, r.run_id, r.status, s.is_kept AS kept, r.objective,
  {_ON_VALIDATION} AS validation_objective
FROM (SELECT DISTINCT prompt_version, campaign_id, number FROM model_calls m WHERE role = $1 AND {RESEARCH}) f
  JOIN runs r USING (campaign_id, number) JOIN campaigns c USING (campaign_id) LEFT JOIN stories s ON s.run_id = r.run_id
WHERE $2 IS NULL OR r.campaign_id = $2
"""


class PromptQueries:
    """Reads of prompts and of what came of them."""

    _reader: Reader

    def prompt_versions(self, role: str) -> pd.DataFrame:
        """The role's prompts, the one in force first: version, first_used, taken_up (the last time it came into force), who and
        why (of that last time), text."""
        return self._reader.read(
            """SELECT e.version, min(e.at_utc) AS first_used, max(e.at_utc) AS taken_up, arg_max(e.who, e.seq) AS who,
                 arg_max(e.why, e.seq) AS why, any_value(t.text) AS text
               FROM prompt_events e JOIN prompt_texts t USING (role, version)
               WHERE role = ? GROUP BY e.version ORDER BY max(e.seq) DESC""",
            [role],
        )

    def version_runs(self, role: str, *, campaign_id: str | None = None) -> pd.DataFrame:
        """Each recorded run that a version of the role's prompt fed: version, campaign_id, number, run_id, status, kept (None if
        it was not compared), objective (train) and validation_objective; a run that two versions fed has two rows."""
        return self._reader.read(f"{_RUNS} ORDER BY version, r.campaign_id, r.number", [role, campaign_id])

    def version_results(self, role: str, *, campaign_id: str | None = None) -> pd.DataFrame:
        """What each version of the role's prompt led to, in the research itself and not in replays: version, calls, answered,
        runs, ran_share (were scored), kept_share, mean_objective (train), mean_validation_objective, tokens_in, tokens_out, usd
        and unpriced_calls. Shares and means are of its runs, NaN where there is none; versions in the order of taking up."""
        return self._reader.read(
            f"""WITH made AS (
                  SELECT m.prompt_version AS version, {SPENT}, count(*) FILTER (m.status = 'answered') AS answered
                  FROM model_calls m WHERE role = $1 AND {RESEARCH} AND ($2 IS NULL OR m.campaign_id = $2)
                  GROUP BY m.prompt_version),
                fed AS (
                  SELECT version, count(*) AS runs, avg((status = 'scored')::INTEGER) AS ran_share,
                    avg(coalesce(kept, false)::INTEGER) AS kept_share,
                    favg(objective) FILTER (isfinite(objective)) AS mean_objective,
                    favg(validation_objective) FILTER (isfinite(validation_objective)) AS mean_validation_objective
                  FROM ({_RUNS}) GROUP BY version),
                taken_up AS (SELECT version, min(seq) AS seq FROM prompt_events WHERE role = $1 GROUP BY version)
                SELECT version, calls, answered, coalesce(runs, 0) AS runs, ran_share, kept_share, mean_objective,
                  mean_validation_objective, tokens_in, tokens_out, usd, unpriced_calls
                FROM made LEFT JOIN fed USING (version) LEFT JOIN taken_up USING (version) ORDER BY seq NULLS LAST, version""",
            [role, campaign_id],
        )

    def proposals(self) -> pd.DataFrame:
        """Prompts that were proposed, newest first: seq, at_utc, role, text, why, who, state (open, accepted, declined)."""
        return self._reader.read(
            """SELECT p.seq, p.at_utc, p.role, p.text, p.why, p.who,
                 CASE WHEN e.is_accepted IS NULL THEN 'open' WHEN e.is_accepted THEN 'accepted' ELSE 'declined' END AS state
               FROM prompt_proposals p
               LEFT JOIN (SELECT proposal, arg_max(is_accepted, seq) AS is_accepted FROM proposal_events GROUP BY proposal) e
                 ON e.proposal = p.seq
               ORDER BY p.seq DESC"""
        )
