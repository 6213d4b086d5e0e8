"""Why runs were tried, and what a writer may know of runs before: stories, past runs, steering, indicators."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from engine.errors import UnknownRun
from engine.figures import PORTFOLIO_FIGURES
from engine.model_records import Refusal, Steering, Story
from engine.records import Failure, Params
from engine.store.database import Reader, Writer
from engine.store.texts import packed, unpacked

_COLUMNS = tuple(f.name for f in fields(Story))
_STORY = ", ".join(f"s.{name}" for name in _COLUMNS)
_TRAIN = ", ".join(f"r.train_{name}" for name in PORTFOLIO_FIGURES)


@dataclass(frozen=True)
class PastRun:
    """A run as those who write the next ones may know it. `train`: portfolio figures of the best set, NaN where not computed,
    empty if no set ran. Of validation only what the ladder compares: `validation_sharpe` (NaN if there is none) and the number
    of its daily returns. `story` is None for a run of another arm."""

    run_id: str
    number: int
    arm: str
    parent_run_id: str | None
    source: str
    params: Params | None
    summary: str
    status: str
    failure: Failure | None
    objective: float
    train: Mapping[str, float]
    validation_sharpe: float
    validation_days: int
    story: Story | None


@dataclass(frozen=True)
class Indicator:
    """An indicator that the run of that number added to its campaign; `source` defines one function of that name."""

    name: str
    description: str
    source: str
    run_id: str
    number: int


def insert_story(writer: Writer, story: Story) -> None:
    """Write the story inside the caller's transaction."""
    row: dict[str, Any] = {name: getattr(story, name) for name in _COLUMNS}
    row |= {
        "parents": list(story.parents),
        "pack": packed(story.pack),
        "refusals": [{"kind": r.kind, "message": r.message, "line": r.line} for r in story.refusals],
        "used": list(story.used),
    }
    writer.execute(f"INSERT INTO stories ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


class StoryQueries:
    """Reads of stories and of what leads to the next one. Lists are in the order of run numbers, whatever order they were
    recorded in."""

    _reader: Reader

    def story(self, run_id: str) -> Story | None:
        """Why that run was tried; None for a run without a story. Raises UnknownRun if there is no such run."""
        rows = self._reader.rows(f"SELECT {_STORY} FROM stories s WHERE s.run_id = ?", [run_id])
        if not rows and not self._reader.rows("SELECT 1 FROM runs WHERE run_id = ?", [run_id]):
            raise _unknown_run(run_id)
        return _story(rows[0]) if rows else None

    def stories(self, campaign_id: str, up_to_number: int | None = None) -> list[Story]:
        """The stories of the campaign's runs, up to that number."""
        rows = self._reader.rows(
            f"""SELECT {_STORY} FROM stories s JOIN runs r USING (run_id)
                WHERE r.campaign_id = $1 AND ($2 IS NULL OR r.number <= $2) ORDER BY r.number""",
            [campaign_id, up_to_number],
        )
        return [_story(row) for row in rows]

    def past_runs(self, campaign_id: str, arm: str, up_to_number: int, *, after_number: int = 0) -> list[PastRun]:
        """The arm's runs with numbers in (after_number, up_to_number]. Runs never change: a caller may keep those it has and
        ask for later ones."""
        return self._past_runs(
            "r.campaign_id = ? AND r.arm = ? AND r.number <= ? AND r.number > ?", [campaign_id, arm, up_to_number, after_number]
        )

    def past_run(self, run_id: str) -> PastRun:
        """That run, of whatever arm and campaign. Raises UnknownRun."""
        found = self._past_runs("r.run_id = ?", [run_id])
        if not found:
            raise _unknown_run(run_id)
        return found[0]

    def _past_runs(self, condition: str, params: Sequence[Any]) -> list[PastRun]:
        rows = self._reader.rows(
            f"""SELECT r.run_id, r.number, r.arm, r.parent_run_id, c.source, r.params, r.summary, r.status, r.failure_kind,
                  r.failure_message, r.failure_line, r.objective, r.validation_sharpe, coalesce(d.days, 0), {_TRAIN}, {_STORY}
                FROM runs r JOIN strategies c USING (code_hash) LEFT JOIN stories s ON s.run_id = r.run_id
                LEFT JOIN (SELECT run_id, octet_length(returns) // 4 AS days FROM run_returns WHERE "window" = 'validation') d
                  ON d.run_id = r.run_id
                WHERE {condition} ORDER BY r.number""",
            params,
        )
        return [_past_run(row) for row in rows]

    def steering(self, campaign_id: str) -> list[tuple[Steering, list[str]]]:
        """What a person wants of the campaign and has not withdrawn, in that order, each with the ids of the runs it led to."""
        rows = self._reader.rows(
            """SELECT s.seq, s.kind, s.run_id, s.note, s.generations,
                 list(u.run_id ORDER BY r.number NULLS LAST, u.run_id) FILTER (u.run_id IS NOT NULL)
               FROM steering s LEFT JOIN steering_uses u USING (seq) LEFT JOIN runs r ON r.run_id = u.run_id
               WHERE s.campaign_id = ? AND s.seq NOT IN (SELECT seq FROM steering_withdrawn) GROUP BY ALL ORDER BY s.seq""",
            [campaign_id],
        )
        return [(Steering(*row[:5]), row[5] or []) for row in rows]

    def indicators(self, campaign_id: str, up_to_number: int) -> list[Indicator]:
        """Indicators that recorded runs up to that number added, each name as its first run defined it."""
        rows = self._reader.rows(
            """SELECT i.name, i.description, i.source, i.run_id, r.number FROM indicators i JOIN runs r USING (run_id)
               WHERE i.campaign_id = ? AND r.number <= ?
               QUALIFY row_number() OVER (PARTITION BY i.name ORDER BY r.number) = 1 ORDER BY r.number, i.name""",
            [campaign_id, up_to_number],
        )
        return [Indicator(*row) for row in rows]


def _unknown_run(run_id: str) -> UnknownRun:
    return UnknownRun(f"no run {run_id!r} is in the ledger; `leaderboard` shows those that there are")


def _story(values: Sequence[Any]) -> Story:
    row = dict(zip(_COLUMNS, values, strict=True))
    row |= {
        "parents": tuple(row["parents"]),
        "pack": unpacked(row["pack"]),
        "refusals": tuple(Refusal(**refusal) for refusal in row["refusals"]),
        "used": tuple(row["used"]),
    }
    return Story(**row)


def _past_run(row: tuple[Any, ...]) -> PastRun:
    """The run of a row of `past_runs`: 14 columns, then the train figures, then the story."""
    values, train, story = row[:14], row[14 : 14 + len(PORTFOLIO_FIGURES)], row[14 + len(PORTFOLIO_FIGURES) :]
    kind, message, line = values[8:11]
    return PastRun(
        run_id=values[0],
        number=values[1],
        arm=values[2],
        parent_run_id=values[3],
        source=values[4],
        params=None if values[5] is None else json.loads(values[5]),
        summary=values[6],
        status=values[7],
        failure=None if kind is None else Failure(kind, message, line),
        objective=_number(values[11]),
        train={} if all(v is None for v in train) else dict(zip(PORTFOLIO_FIGURES, map(_number, train), strict=True)),
        validation_sharpe=_number(values[12]),
        validation_days=values[13],
        story=None if story[0] is None else _story(story),
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
