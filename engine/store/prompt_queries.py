"""Reads of prompts: the versions of each, what they led to, and those proposed."""

from dataclasses import dataclass

import pandas as pd

from engine.errors import UnknownEntry
from engine.figures import PORTFOLIO_FIGURES
from engine.store.call_queries import HEARD, RESEARCH, SPENT
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

TRIED = """
SELECT p.role, t.proposal, t.version, p.text, t.share
FROM (SELECT proposal, arg_max(version, seq) AS version, arg_max(share, seq) AS share FROM prompt_tries GROUP BY proposal) t
  JOIN prompt_proposals p ON p.seq = t.proposal
WHERE t.share > 0 AND t.proposal NOT IN (SELECT proposal FROM proposal_events)
"""
"""The open proposals that are tried now, as SQL: role, proposal, version, text, share."""


@dataclass(frozen=True)
class Tried:
    """A proposal that is tried on a share (0 to 1) of the model arm's runs; `text` is the prompt as written in the book."""

    seq: int
    role: str
    version: str
    text: str
    share: float


class PromptQueries:
    """Reads of prompts and of what came of them."""

    _reader: Reader

    def prompt_versions(self, role: str) -> pd.DataFrame:
        """The role's prompts, the one in force first and those that were only tried last: version, first_used, taken_up (the
        last time it came into force, NaT if never), who and why (of that last time, else of the proposal), text."""
        return self._reader.read(
            """WITH known AS (
                 SELECT version, min(at_utc) AS first_used, max(at_utc) AS taken_up, arg_max(who, seq) AS who,
                   arg_max(why, seq) AS why, max(seq) AS seq
                 FROM prompt_events WHERE role = $1 GROUP BY version
                 UNION ALL
                 SELECT t.version, min(t.at_utc), NULL, arg_max(p.who, t.seq), arg_max(p.why, t.seq), NULL
                 FROM prompt_tries t JOIN prompt_proposals p ON p.seq = t.proposal
                 WHERE p.role = $1 AND t.version NOT IN (SELECT version FROM prompt_events WHERE role = $1) GROUP BY t.version)
               SELECT version, first_used, taken_up, who, why, text
               FROM known JOIN (SELECT version, text FROM prompt_texts WHERE role = $1) USING (version)
               ORDER BY seq DESC NULLS LAST, first_used DESC""",
            [role],
        )

    def version_runs(self, role: str, *, campaign_id: str | None = None) -> pd.DataFrame:
        """Each recorded run that a version of the role's prompt fed: version, campaign_id, number, run_id, status, kept (None if
        it was not compared), objective (train) and validation_objective; a run that two versions fed has two rows."""
        return self._reader.read(f"{_RUNS} ORDER BY version, r.campaign_id, r.number", [role, campaign_id])

    def version_results(self, role: str, *, campaign_id: str | None = None) -> pd.DataFrame:
        """What each version of the role's prompt led to, in the research itself and not in replays: version, calls, answered,
        heard, runs, ran_share (were scored), kept_share, mean_objective (train), mean_validation_objective, tokens_in,
        tokens_out, usd and unpriced_calls. Shares and means are of its runs, NaN where there is none; versions in the order of
        taking up."""
        return self._reader.read(
            f"""WITH made AS (
                  SELECT m.prompt_version AS version, {SPENT}, {HEARD}
                  FROM model_calls m WHERE role = $1 AND {RESEARCH} AND ($2 IS NULL OR m.campaign_id = $2)
                  GROUP BY m.prompt_version),
                fed AS (
                  SELECT version, count(*) AS runs, avg((status = 'scored')::INTEGER) AS ran_share,
                    avg(coalesce(kept, false)::INTEGER) AS kept_share,
                    favg(objective) FILTER (isfinite(objective)) AS mean_objective,
                    favg(validation_objective) FILTER (isfinite(validation_objective)) AS mean_validation_objective
                  FROM ({_RUNS}) GROUP BY version),
                taken_up AS (SELECT version, min(seq) AS seq FROM prompt_events WHERE role = $1 GROUP BY version)
                SELECT version, calls, answered, heard, coalesce(runs, 0) AS runs, ran_share, kept_share, mean_objective,
                  mean_validation_objective, tokens_in, tokens_out, usd, unpriced_calls
                FROM made LEFT JOIN fed USING (version) LEFT JOIN taken_up USING (version) ORDER BY seq NULLS LAST, version""",
            [role, campaign_id],
        )

    def proposals(self) -> pd.DataFrame:
        """Prompts that were proposed, newest first: seq, at_utc, role, text, why, who, state (open, accepted, declined),
        tried_version and share (of the last trial, None and NaN if it was never tried; 0 once the trial was ended)."""
        return self._reader.read(
            """SELECT p.seq, p.at_utc, p.role, p.text, p.why, p.who,
                 CASE WHEN e.is_accepted IS NULL THEN 'open' WHEN e.is_accepted THEN 'accepted' ELSE 'declined' END AS state,
                 t.version AS tried_version, t.share
               FROM prompt_proposals p
               LEFT JOIN (SELECT proposal, arg_max(is_accepted, seq) AS is_accepted FROM proposal_events GROUP BY proposal) e
                 ON e.proposal = p.seq
               LEFT JOIN (SELECT proposal, arg_max(version, seq) AS version, arg_max(share, seq) AS share
                          FROM prompt_tries GROUP BY proposal) t ON t.proposal = p.seq
               ORDER BY p.seq DESC"""
        )

    def proposal(self, seq: int) -> tuple[str, str]:
        """Role and text of the proposal of that number. Raises UnknownEntry."""
        rows = self._reader.rows("SELECT role, text FROM prompt_proposals WHERE seq = ?", [seq])
        if not rows:
            raise UnknownEntry(f"no proposal {seq} is in the ledger: reload the page, or list what there is")
        return str(rows[0][0]), str(rows[0][1])

    def tried_prompts(self) -> list[Tried]:
        """The open proposals that are tried now, the oldest first."""
        rows = self._reader.rows(f"SELECT proposal, role, version, text, share FROM ({TRIED}) ORDER BY proposal")
        return [Tried(*row) for row in rows]

    def side_by_side(self, role: str, version: str, other: str) -> pd.DataFrame:
        """The recorded runs of two versions of the role's prompt over the same span of numbers in each campaign: from where
        both had begun to where the first of them ended. Columns version, campaign_id, number, run_id, status, kept (None if it
        was not compared), objective (train), and of that prompt's calls: calls, tokens_in, tokens_out, usd, unpriced_calls. A
        run that both versions fed tells them not apart and is left out."""
        return self._reader.read(
            f"""WITH fed AS (
                  SELECT m.prompt_version AS version, m.campaign_id, m.number, {SPENT} FROM model_calls m
                  WHERE m.role = $1 AND {RESEARCH} AND m.prompt_version IN ($2, $3) GROUP BY ALL),
                made AS (
                  SELECT f.*, r.run_id, r.status, s.is_kept AS kept, r.objective
                  FROM fed f JOIN runs r USING (campaign_id, number) LEFT JOIN stories s ON s.run_id = r.run_id
                  QUALIFY count(*) OVER (PARTITION BY f.campaign_id, f.number) = 1),
                ends AS (
                  SELECT campaign_id, version, min(number) AS first, max(number) AS last FROM made GROUP BY ALL),
                span AS (
                  SELECT campaign_id, max(first) AS first, min(last) AS last FROM ends GROUP BY campaign_id HAVING count(*) = 2)
                SELECT version, campaign_id, number, run_id, status, kept, objective, calls, tokens_in, tokens_out, usd,
                  unpriced_calls
                FROM made JOIN span USING (campaign_id) WHERE number BETWEEN first AND last
                ORDER BY campaign_id, number""",
            [role, version, other],
        )
