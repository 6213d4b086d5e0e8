"""Reads of what a writer may be shown: ideas with what they earned, lessons and theories with their evidence."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.model_records import Belief, Idea
from engine.store.database import Reader
from engine.store.texts import unpacked


@dataclass(frozen=True)
class Earnings:
    """What came of the runs whose writer was shown an idea or a belief: how many there were, ran, were kept, and did better on
    validation than all before."""

    runs: int = 0
    scored: int = 0
    kept: int = 0
    better: int = 0


_EARNED = """
SELECT used_id, count(*) AS runs, count(*) FILTER (r.status = 'scored') AS scored, count(*) FILTER (is_kept) AS kept,
  count(*) FILTER (ladder = 'better') AS better
FROM (SELECT run_id, unnest(list_distinct(used)) AS used_id, is_kept, ladder FROM stories) JOIN runs r USING (run_id)
GROUP BY used_id
"""

# What a run of this campaign that is not recorded, or has a later number, has found is not known yet.
_KNOWN = "($1 IS NULL OR b.found_in = '' OR coalesce(f.number <= $2 OR f.campaign_id <> $1, false))"

_BELIEFS = f"""
WITH known AS (
  SELECT b.*, f.number FROM beliefs b LEFT JOIN runs f ON f.run_id = b.found_in
  WHERE {_KNOWN} AND ($3 IS NULL OR b.theme = $3)),
spoken AS (
  SELECT b.belief_id, b.run_id, b.is_for, r.campaign_id, r.number
  FROM belief_evidence b LEFT JOIN runs f ON f.run_id = b.found_in LEFT JOIN runs r ON r.run_id = b.run_id
  WHERE {_KNOWN} QUALIFY row_number() OVER (
    PARTITION BY b.belief_id, b.run_id ORDER BY f.number DESC NULLS FIRST, b.found_in) = 1),
evidence AS (
  SELECT belief_id, list(run_id ORDER BY campaign_id, number, run_id) FILTER (is_for) AS runs_for,
    list(run_id ORDER BY campaign_id, number, run_id) FILTER (NOT is_for) AS runs_against
  FROM spoken GROUP BY belief_id),
said AS (
  SELECT belief_id, arg_max(text, seq) FILTER (kind = 'edit') AS text,
    arg_max(kind, seq) FILTER (kind IN ('pin', 'unpin')) AS pin, arg_max(kind, seq) FILTER (kind IN ('mute', 'unmute')) AS mute,
    arg_max(kind, seq) FILTER (kind IN ('delete', 'restore')) = 'delete' AS is_deleted
  FROM belief_events GROUP BY belief_id)
SELECT k.belief_id, k.kind, coalesce(s.text, k.text), k.disproof, k.theme, k.regime, e.runs_for, e.runs_against,
  coalesce(s.pin = 'pin', false), coalesce(s.mute = 'mute', false)
FROM known k LEFT JOIN evidence e USING (belief_id) LEFT JOIN said s USING (belief_id)
WHERE NOT coalesce(s.is_deleted, false) ORDER BY k.campaign_id, k.number NULLS FIRST, k.belief_id
"""


class MemoryQueries:
    """Reads of ideas and beliefs as they stand after all that persons changed."""

    _reader: Reader

    def ideas(self, now: datetime | None = None) -> list[tuple[Idea, Earnings]]:
        """Ideas that are not deleted, by id, with what each has earned; only those that have not expired by `now`, if given."""
        rows = self._reader.rows(
            f"""WITH state AS (
                  SELECT idea_id, weight, expires, is_deleted FROM idea_events
                  QUALIFY row_number() OVER (PARTITION BY idea_id ORDER BY seq DESC) = 1)
                SELECT i.idea_id, i.title, i.text, s.weight, s.expires, coalesce(e.runs, 0), coalesce(e.scored, 0),
                  coalesce(e.kept, 0), coalesce(e.better, 0)
                FROM ideas i JOIN state s USING (idea_id) LEFT JOIN ({_EARNED}) e ON e.used_id = i.idea_id
                WHERE NOT s.is_deleted AND ($1::TIMESTAMP IS NULL OR s.expires IS NULL OR s.expires > $1::TIMESTAMP)
                ORDER BY i.idea_id""",
            [None if now is None else now.astimezone(UTC).replace(tzinfo=None)],
        )
        return [
            (Idea(idea_id, title, unpacked(text), weight, expires and expires.replace(tzinfo=UTC)), Earnings(*earned))
            for idea_id, title, text, weight, expires, *earned in rows
        ]

    def beliefs(
        self, theme: str | None = None, *, campaign_id: str | None = None, up_to_number: int | None = None
    ) -> list[Belief]:
        """Lessons and theories that no person has deleted, muted ones too, in the order of the runs that found them; of that
        theme, if given. For a run of `campaign_id` that knows runs up to `up_to_number`: only what those had found, and all that
        was found elsewhere. Where a run was judged twice the later run's word counts."""
        rows = self._reader.rows(_BELIEFS, [campaign_id, up_to_number, theme])
        return [_belief(row) for row in rows]

    def earnings(self) -> dict[str, Earnings]:
        """What each idea and belief that a writer was shown has earned, by its id."""
        return {used_id: Earnings(*earned) for used_id, *earned in self._reader.rows(_EARNED)}

    def belief_uses(self, belief_id: str) -> list[str]:
        """Ids of the runs whose writer was shown that belief, by campaign and number."""
        return self._uses(belief_id)

    def idea_uses(self, idea_id: str) -> list[str]:
        """Ids of the runs whose writer was shown that idea, by campaign and number."""
        return self._uses(idea_id)

    def _uses(self, identity: str) -> list[str]:
        sql = """SELECT s.run_id FROM stories s JOIN runs r USING (run_id) WHERE list_contains(s.used, ?)
                 ORDER BY r.campaign_id, r.number"""
        return [row[0] for row in self._reader.rows(sql, [identity])]


def _belief(row: tuple[Any, ...]) -> Belief:
    runs_for, runs_against, is_pinned, is_muted = row[6:]
    belief_id, kind, text, disproof, theme, regime = row[:6]
    return Belief(
        belief_id,
        kind,
        text,
        disproof=disproof,
        theme=theme,
        regime=regime,
        runs_for=tuple(runs_for or ()),
        runs_against=tuple(runs_against or ()),
        is_pinned=is_pinned,
        is_muted=is_muted,
    )
