"""Looks into sealed windows: recorded before anything is seen, counted by the bars that they share, and what was seen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from engine.store.database import Reader, Writer
from engine.store.trials import insert_symbols

PROMOTION = "promotion"
"""Who looks where the rule does, and no person sees the window before it decides."""


@dataclass(frozen=True)
class Look:
    """Who wants to look at which bars, and why. Without symbols and times (ns UTC) it counts for the dataset alone."""

    data_hash: str
    window: str
    who: str
    why: str
    campaign_id: str | None = None
    run_id: str | None = None
    symbols: tuple[str, ...] = ()
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, eq=False)
class VaultResult:
    """What a look at a run's best set showed: the `k`-th on bars like these, tested at `level`. `p`: that of its returns beyond
    buy-and-hold; `failure`: why there is none, in a word. `daily` on UTC day numbers `days`."""

    run_id: str
    k: int
    level: float
    p: float
    failure: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    daily: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    days: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))

    @property
    def passed(self) -> bool:
        """The returns beyond buy-and-hold are significant at this look's level."""
        return self.p <= self.level


def insert_look(writer: Writer, look: Look, at: datetime) -> int:
    """Record the look, inside the caller's transaction; the how manieth it is on bars that it shares, from 1."""
    symbols_hash = insert_symbols(writer, look.symbols) if look.symbols else None
    k = (
        1
        + writer.execute(
            """SELECT count(*) FROM looks WHERE data_hash = $1 OR (first_ns <= $3 AND last_ns >= $2 AND symbols_hash IN
             (SELECT symbols_hash FROM symbol_sets WHERE symbol IN (SELECT unnest(CAST($4 AS VARCHAR[])))))""",
            [look.data_hash, look.first_ns, look.last_ns, list(look.symbols)],
        )[0][0]
    )
    seq = writer.execute("SELECT count(*) + 1 FROM looks")[0][0]
    writer.execute(
        """INSERT INTO looks (at_utc, campaign_id, run_id, data_hash, "window", who, why, seq, k, symbols_hash, first_ns, last_ns)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [at, look.campaign_id, look.run_id, look.data_hash, look.window, look.who, look.why, seq, k, symbols_hash,
         look.first_ns, look.last_ns],
    )  # fmt: skip
    return int(k)


def insert_vault_result(writer: Writer, found: VaultResult, days_hash: str) -> None:
    """Keep what was seen, inside the caller's transaction."""
    seq = writer.execute("SELECT count(*) + 1 FROM vault_results")[0][0]
    figures = json.dumps({name: value if np.isfinite(value) else None for name, value in found.figures.items()})
    writer.execute(
        "INSERT INTO vault_results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [seq, found.run_id, found.k, found.level, found.p, found.failure, figures, days_hash,
         np.asarray(found.daily, "<f4").tobytes()],
    )  # fmt: skip


def vault_result(reader: Reader, run_id: str) -> VaultResult | None:
    """What the look at that run showed; None if nobody has looked."""
    rows = reader.rows(
        """SELECT v.k, v.level, v.p, v.failure, v.figures, d.days, v.returns FROM vault_results v
           LEFT JOIN day_sets d USING (days_hash) WHERE v.run_id = ? ORDER BY v.seq LIMIT 1""",
        [run_id],
    )
    if not rows:
        return None
    k, level, p, failure, figures, days, returns = rows[0]
    known: dict[str, Any] = json.loads(figures)
    return VaultResult(
        run_id, int(k), float(level), float("nan") if p is None else float(p), failure,
        {name: float("nan") if value is None else float(value) for name, value in known.items()},
        np.frombuffer(returns, "<f4"), np.frombuffer(days or b"", "<i4"),
    )  # fmt: skip


def after_looks(reader: Reader, campaign_id: str, data_hash: str) -> dict[str, int]:
    """For each of the campaign's runs that was made after a person had looked for the same theme: that look's k, the latest.

    A look of a command belongs to no campaign and counts for every theme. Looks count by the dataset or by shared symbols and
    times.
    """
    rows = reader.rows(
        """WITH mine AS (SELECT theme FROM campaigns WHERE campaign_id = $1),
             sealed AS (SELECT DISTINCT s.symbol, t.last_ns FROM trials t JOIN runs r ON t.batch_id = r.run_id || ':train'
               JOIN symbol_sets s USING (symbols_hash) WHERE r.campaign_id = $1),
             seen AS (SELECT l.* FROM looks l LEFT JOIN campaigns c USING (campaign_id)
               WHERE l.who <> $3 AND (l.campaign_id IS NULL OR c.theme = (SELECT theme FROM mine))
                 AND (l.data_hash = $2 OR l.symbols_hash IN (SELECT symbols_hash FROM symbol_sets JOIN sealed
                   USING (symbol)) AND l.last_ns > (SELECT max(last_ns) FROM sealed)))
           SELECT r.run_id, max(coalesce(l.k, 1)) FROM runs r JOIN run_times t USING (run_id) JOIN seen l ON l.at_utc < t.at_utc
           WHERE r.campaign_id = $1 GROUP BY r.run_id""",
        [campaign_id, data_hash, PROMOTION],
    )
    return {str(run_id): int(k) for run_id, k in rows}


def looks_on(reader: Reader, symbols: Sequence[str], first_ns: int, last_ns: int, data_hash: str) -> pd.DataFrame:
    """Looks at bars of these symbols between those times, or at that dataset, newest first: at_utc, campaign_id, run_id, window,
    who, why, k."""
    return reader.read(
        """SELECT at_utc, campaign_id, run_id, "window", who, why, k FROM looks
           WHERE data_hash = $1 OR (first_ns <= $3 AND last_ns >= $2 AND symbols_hash IN
             (SELECT symbols_hash FROM symbol_sets WHERE symbol IN (SELECT unnest(CAST($4 AS VARCHAR[])))))
           ORDER BY at_utc DESC""",
        [data_hash, first_ns, last_ns, list(symbols)],
    )
