"""Reads of calls to a model: pages of them, one whole, a run's in order, and what they have cost."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from engine.errors import UnknownEntry
from engine.model_records import UNHEARD, CallPlace, CallRecord, Spent
from engine.store.database import Reader
from engine.store.texts import Needle, unpacked, unpacked_fields

RESEARCH = "m.origin IN ('loop', 'trial')"
"""Calls that fed a run, as SQL; those of replays and of compiling did not."""

# Small columns only: prompts and replies of 10,000 calls are 100 MB, which no page may read.
_ROWS = """
SELECT m.call_id, m.campaign_id, m.number, m.origin, m.seq, m.role, m.prompt_version, m.model, m.status, m.problem, m.attempt,
  m.tokens_in, m.tokens_out, m.usd, t.latency_s, t.at_utc, r.run_id, r.status AS run_status, r.failure_kind AS run_failure,
  s.is_kept AS kept
"""
_FROM = """
FROM model_calls m JOIN model_call_times t USING (call_id)
  LEFT JOIN runs r ON r.campaign_id = m.campaign_id AND r.number = m.number LEFT JOIN stories s ON s.run_id = r.run_id
"""
_WHOLE = """
SELECT m.call_id, m.campaign_id, m.number, m.origin, m.seq, m.role, m.prompt_version, m.model, m.inputs, m.prompt, m.reply,
  m.fields, m.status, m.problem, m.attempt, m.tokens_in, m.tokens_out, m.usd, t.latency_s, t.at_utc
FROM model_calls m JOIN model_call_times t USING (call_id)
"""
# Billionths of a dollar are summed exactly, so that the sum hangs on no order.
SPENT = """count(*) AS calls, coalesce(sum(m.tokens_in), 0)::BIGINT AS tokens_in,
  coalesce(sum(m.tokens_out), 0)::BIGINT AS tokens_out, coalesce(sum(m.usd::DECIMAL(18, 9)), 0)::DOUBLE AS usd,
  count(*) FILTER (m.usd IS NULL) AS unpriced_calls"""
HEARD = f"""count(*) FILTER (m.status = 'answered') AS answered,
  count(*) FILTER (m.status NOT IN {UNHEARD}) AS heard"""
"""Calls that were answered, and all whose end was waited for."""
_SEARCHED_FIRST, _SEARCHED_AT_ONCE = 500, 8_000
"""Calls whose texts are read at once by a search: few at first, since most searches find a page's worth there, then many,
since a snapshot's file is read as a whole each time."""


class CallQueries:
    """Reads of the calls to a model."""

    _reader: Reader

    def calls(
        self, *, campaign_id: str | None = None, run_id: str | None = None, number: int | None = None, role: str | None = None,
        status: str | None = None, model: str | None = None, prompt_version: str | None = None, text: str | None = None,
        origin: str | None = None, newest_first: bool = True, limit: int | None = 100, offset: int = 0,
    ) -> pd.DataFrame:  # fmt: skip
        """A page of the calls that meet every condition given, by time: the small fields of `CallRecord` (its place as
        campaign_id, number and origin), then how the run that it fed has ended: run_id, run_status, run_failure (its kind) and
        kept; None while there is no such run. `text` is searched in prompt and reply, whatever its case."""
        where, params = _where({
            "m.campaign_id": campaign_id, "r.run_id": run_id, "m.number": number, "m.role": role, "m.status": status,
            "m.model": model, "m.prompt_version": prompt_version, "m.origin": origin,
        })  # fmt: skip
        way = "DESC" if newest_first else "ASC"
        order = f"ORDER BY t.at_utc {way}, m.campaign_id {way}, m.number {way}, m.seq {way}, m.call_id {way}"
        if text:
            some = self._search(f"SELECT m.call_id {_FROM} WHERE {where} {order}", params, text, limit and offset + limit)
            where, params = "m.call_id IN (SELECT unnest(CAST(? AS VARCHAR[])))", [some]
        return self._reader.read(f"{_ROWS} {_FROM} WHERE {where} {order} LIMIT ? OFFSET ?", [*params, limit, offset])

    def count_calls(
        self, *, campaign_id: str | None = None, number: int | None = None, role: str | None = None, status: str | None = None,
        model: str | None = None, prompt_version: str | None = None,
    ) -> int:  # fmt: skip
        """How many calls meet every condition given."""
        where, params = _where({
            "campaign_id": campaign_id, "number": number, "role": role, "status": status, "model": model,
            "prompt_version": prompt_version,
        })  # fmt: skip
        return int(self._reader.rows(f"SELECT count(*) FROM model_calls WHERE {where}", params)[0][0])

    def models_asked(self) -> list[str]:
        """The name of every model that was ever asked, in order."""
        return [row[0] for row in self._reader.rows("SELECT DISTINCT model FROM model_calls ORDER BY model")]

    def role_calls(self) -> pd.DataFrame:
        """What was asked of each role in the research itself: role, calls, answered, heard, tokens_in, tokens_out, usd,
        unpriced_calls; in the order of names."""
        return self._reader.read(
            f"""SELECT m.role, {HEARD}, {SPENT}
                FROM model_calls m WHERE {RESEARCH} GROUP BY m.role ORDER BY m.role"""
        )

    def _search(self, sql: str, params: Sequence[Any], text: str, wanted: int | None) -> list[str]:
        """Those of the query's ids, in its order, whose call holds the text; as many as wanted."""
        ids = [row[0] for row in self._reader.rows(sql, params)]
        needle, found, first, size = Needle(text), list[str](), 0, _SEARCHED_FIRST
        while first < len(ids) and (wanted is None or len(found) < wanted):
            some = ids[first : first + size]
            texts = self._reader.rows(
                "SELECT call_id, prompt, reply FROM model_calls WHERE call_id IN (SELECT unnest(CAST(? AS VARCHAR[])))", [some]
            )
            holding = {call_id for call_id, prompt, reply in texts if needle.is_in(reply) or needle.is_in(prompt)}
            found += [call_id for call_id in some if call_id in holding]
            first, size = first + size, min(4 * size, _SEARCHED_AT_ONCE)
        return found[:wanted]

    def call(self, call_id: str) -> CallRecord:
        """That call, whole. Raises UnknownEntry."""
        rows = self._reader.rows(f"{_WHOLE} WHERE m.call_id = ?", [call_id])
        if not rows:
            raise UnknownEntry(f"no call {call_id!r} is in the ledger; `traces` shows those that there are")
        return _call(rows[0])

    def calls_of_run(self, campaign_id: str, number: int) -> list[CallRecord]:
        """The calls that fed the campaign's run of that number, whole, in the order made."""
        rows = self._reader.rows(
            f"{_WHOLE} WHERE m.campaign_id = ? AND m.number = ? AND {RESEARCH} ORDER BY m.seq, m.call_id", [campaign_id, number]
        )
        return [_call(row) for row in rows]

    def first_answer(self, campaign_id: str, role: str, prompt_version: str) -> CallRecord | None:
        """The call of the campaign's lowest run that was answered to that version of the role's prompt; None if none was."""
        rows = self._reader.rows(
            f"""{_WHOLE} WHERE m.campaign_id = ? AND m.role = ? AND m.prompt_version = ? AND m.status = 'answered'
                AND m.origin = 'loop' ORDER BY m.number, m.seq LIMIT 1""",
            [campaign_id, role, prompt_version],
        )
        return _call(rows[0]) if rows else None

    def first_refusals(self, call_ids: Sequence[str]) -> dict[str, str]:
        """By call, for those that wrote a run's first draft which was refused: the kind of the refusal."""
        rows = self._reader.rows(
            """SELECT m.call_id, s.refusals[1].kind FROM model_calls m
                JOIN runs r ON r.campaign_id = m.campaign_id AND r.number = m.number JOIN stories s ON s.run_id = r.run_id
                WHERE m.call_id IN (SELECT unnest(CAST(? AS VARCHAR[]))) AND m.role = s.operator AND len(s.refusals) > 0
                  AND m.status = 'answered' AND m.origin = 'loop' AND m.seq = (
                    SELECT min(o.seq) FROM model_calls o WHERE o.campaign_id = m.campaign_id AND o.number = m.number
                      AND o.role = m.role AND o.status = 'answered' AND o.origin = 'loop')""",
            [list(call_ids)],
        )
        return dict(rows)

    def next_seq(self, campaign_id: str, number: int) -> int:
        """The number of that run's next call, from 1; a run that is made again after a crash counts on."""
        sql = "SELECT coalesce(max(seq), 0) + 1 FROM model_calls WHERE campaign_id = ? AND number = ?"
        return int(self._reader.rows(sql, [campaign_id, number])[0][0])

    def statuses(self, campaign_id: str, up_to_number: int) -> pd.DataFrame:
        """How the calls of the campaign's recorded runs up to that number ended, where their end was waited for: number, seq,
        role, prompt_version, status; in order."""
        return self._reader.read(
            f"""SELECT m.number, m.seq, m.role, m.prompt_version, m.status FROM model_calls m
                JOIN runs r ON r.campaign_id = m.campaign_id AND r.number = m.number
                WHERE m.campaign_id = ? AND m.number <= ? AND {RESEARCH} AND m.status NOT IN {UNHEARD}
                ORDER BY m.number, m.seq, m.call_id""",
            [campaign_id, up_to_number],
        )

    # Spending: calls of every origin cost money

    def spent_on_day(self, day: date, campaign_id: str | None = None) -> Spent:
        """What all calls of that UTC day have cost, those for one campaign or for all."""
        start = datetime.combine(day, time())
        rows = self._reader.rows(
            f"""SELECT {SPENT} FROM model_calls m JOIN model_call_times t USING (call_id)
                WHERE t.at_utc >= $1 AND t.at_utc < $2 AND ($3 IS NULL OR m.campaign_id = $3)""",
            [start, start + timedelta(days=1), campaign_id],
        )
        return Spent(*rows[0])

    def spent_in_campaign(self, campaign_id: str) -> Spent:
        """What all calls for that campaign have cost."""
        return Spent(*self._reader.rows(f"SELECT {SPENT} FROM model_calls m WHERE m.campaign_id = ?", [campaign_id])[0])

    def spent_per_run(self, campaign_id: str | None = None, *, last: int = 20) -> pd.DataFrame:
        """What each of the latest recorded runs has cost that made calls, newest first: campaign_id, number, calls, tokens_in,
        tokens_out, usd, unpriced_calls, latency_s (of its calls together), elapsed_s (of the run); of one campaign or of all."""
        return self._reader.read(
            f"""SELECT m.campaign_id, m.number, {SPENT}, sum(t.latency_s) AS latency_s, any_value(e.elapsed_s) AS elapsed_s
                FROM model_calls m JOIN model_call_times t USING (call_id)
                JOIN runs r ON r.campaign_id = m.campaign_id AND r.number = m.number JOIN run_times e ON e.run_id = r.run_id
                WHERE {RESEARCH} AND ($1 IS NULL OR m.campaign_id = $1)
                GROUP BY m.campaign_id, m.number ORDER BY max(e.at_utc) DESC, m.number DESC LIMIT $2""",
            [campaign_id, last],
        )


def _where(conditions: dict[str, Any]) -> tuple[str, list[Any]]:
    """SQL and its values for the conditions that are given."""
    given = {column: value for column, value in conditions.items() if value is not None}
    return " AND ".join(f"{column} = ?" for column in given) or "true", list(given.values())


def _call(row: tuple[Any, ...]) -> CallRecord:
    call_id, campaign_id, number, origin, seq, role, version, model, inputs, prompt, reply, fields, *rest, at_utc = row
    status, problem, attempt, tokens_in, tokens_out, usd, latency_s = rest
    return CallRecord(
        call_id=call_id, place=CallPlace(campaign_id, number, origin), seq=seq, role=role, prompt_version=version, model=model,
        inputs=unpacked_fields(inputs), prompt=unpacked(prompt), reply=unpacked(reply), fields=unpacked_fields(fields),
        status=status, problem=problem, attempt=attempt, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd,
        latency_s=latency_s, at_utc=at_utc.replace(tzinfo=UTC),
    )  # fmt: skip
