"""What runs were found to survive, kept: a report is opened again after a restart, and the latest of a run on a window counts."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.store.database import Database


class KeptSurvivals:
    """Reports by run and window."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, run_id: str, window: str, report: Mapping[str, Any]) -> None:
        """Keep the report, a tree that JSON can hold, as of now."""
        with self._database.transaction() as writer:
            seq = writer.execute("SELECT count(*) + 1 FROM survivals")[0][0]
            now = datetime.now(UTC).replace(tzinfo=None)
            writer.execute("INSERT INTO survivals VALUES (?, ?, ?, ?, ?)", [seq, run_id, window, now, _text(report)])

    def of(self, run_id: str, window: str) -> tuple[datetime, dict[str, Any]] | None:
        """(when it was made, the report), None if there is none."""
        sql = 'SELECT at_utc, report FROM survivals WHERE run_id = ? AND "window" = ? ORDER BY seq DESC LIMIT 1'
        rows = self._database.rows(sql, [run_id, window])
        return (rows[0][0].replace(tzinfo=UTC), json.loads(rows[0][1])) if rows else None


def _text(report: Mapping[str, Any]) -> str:
    """As JSON, NaN included; numpy numbers become plain ones."""
    return json.dumps(dict(report), default=lambda value: value.item())
