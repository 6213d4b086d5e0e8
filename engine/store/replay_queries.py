"""Reads of replays: which there are, what each asked and was answered, and which of them a call was made for."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.errors import UnknownEntry
from engine.store.database import Reader


@dataclass(frozen=True)
class KeptReplay:
    """A replay as it was recorded. `calls`: the stored calls that were asked again; `old` and `new`: (version, text) of the two
    prompts; `answers`: side, source call, what it was worth, in the order in which they came; `problem` as told, else empty."""

    replay_id: str
    at_utc: datetime
    role: str
    calls: tuple[str, ...]
    times: int
    old: tuple[str, str]
    new: tuple[str, str]
    answers: tuple[tuple[str, str, dict[str, Any]], ...]
    problem: str


class ReplayQueries:
    """Reads of replays and of what came of them."""

    _reader: Reader

    def replays(self, role: str, *, limit: int = 100) -> list[tuple[str, datetime]]:
        """(id, begin) of the role's replays, newest first."""
        sql = "SELECT replay_id, at_utc FROM replays WHERE role = ? ORDER BY at_utc DESC, replay_id LIMIT ?"
        return [(replay_id, at.replace(tzinfo=UTC)) for replay_id, at in self._reader.rows(sql, [role, limit])]

    def replay(self, replay_id: str) -> KeptReplay:
        """That replay with its answers so far. Raises UnknownEntry."""
        rows = self._reader.rows(
            """SELECT r.at_utc, r.role, r.calls, r.times, r.old_version, o.text, r.new_version, n.text, coalesce(e.problem, '')
               FROM replays r JOIN prompt_texts o ON o.role = r.role AND o.version = r.old_version
               JOIN prompt_texts n ON n.role = r.role AND n.version = r.new_version
               LEFT JOIN replay_ends e ON e.replay_id = r.replay_id WHERE r.replay_id = ?""",
            [replay_id],
        )
        if not rows:
            raise UnknownEntry(f"no replay {replay_id!r} is in the ledger; choose one of those on Traces, view Replay")
        at, role, calls, times, old, old_text, new, new_text, problem = rows[0]
        sql = "SELECT side, source, answer FROM replay_answers WHERE replay_id = ? ORDER BY seq"
        answers = tuple((side, source, json.loads(answer)) for side, source, answer in self._reader.rows(sql, [replay_id]))
        sides = (old, old_text), (new, new_text)
        return KeptReplay(replay_id, at.replace(tzinfo=UTC), role, tuple(calls), times, *sides, answers, problem)

    def replay_of(self, call_id: str) -> tuple[str, str, str] | None:
        """(replay, side, source call) of the replay that the call was made for; None if it was for none that is kept."""
        sql = "SELECT replay_id, side, source FROM replay_answers WHERE list_contains(calls, ?) LIMIT 1"
        return next(iter(self._reader.rows(sql, [call_id])), None)  # type: ignore[return-value]
