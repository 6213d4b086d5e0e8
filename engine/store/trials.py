"""Counting trials: every scoring that was ever made on the same bars, by whom and under whatever name of a dataset.

A search that has looked at the same bars a thousand times finds something by luck; whoever judges a result must know that
number (Bailey and Lopez de Prado 2014, The deflated Sharpe ratio). Two scorings share bars if they share at least one
symbol and their spans of time overlap.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import pandas as pd

from engine.records import TrialBatch
from engine.store.database import Reader, Writer


@dataclass(frozen=True)
class TrialCount:
    """Scenarios that were scored on bars of the same symbols and times: in all, by arm, and since when this store counts."""

    total: int
    by_arm: dict[str, int] = field(default_factory=dict)
    since: str = ""


def insert_trials(writer: Writer, batch: TrialBatch, now: datetime, *, campaign_id: str | None = None) -> bool:
    """Count the batch, inside the caller's transaction; False if it was counted before (same `batch_id`). `campaign_id`: the
    campaign it was made for, if not by a run of it."""
    if writer.execute("SELECT 1 FROM trials WHERE batch_id = ?", [batch.batch_id]):
        return False
    symbols_hash = insert_symbols(writer, batch.symbols)
    row = asdict(batch) | {"symbols_hash": symbols_hash, "at_utc": now.replace(tzinfo=None)}
    del row["symbols"]
    if campaign_id:
        row["campaign_id"] = campaign_id
    names = ", ".join(f'"{name}"' for name in row)
    writer.execute(f"INSERT INTO trials ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    return True


def insert_symbols(writer: Writer, symbols: Sequence[str]) -> str:
    """The name of that set of symbols, which the ledger knows from now on; inside the caller's transaction."""
    symbols_hash = hashlib.sha256("\n".join(sorted(symbols)).encode()).hexdigest()[:16]
    if not writer.execute("SELECT 1 FROM symbol_sets WHERE symbols_hash = ? LIMIT 1", [symbols_hash]):
        writer.insert("symbol_sets", pd.DataFrame({"symbols_hash": symbols_hash, "symbol": sorted(set(symbols))}))
    return symbols_hash


def count_trials(
    reader: Reader,
    symbols: Sequence[str],
    first_ns: int,
    last_ns: int,
    *,
    pending: Iterable[TrialBatch] = (),
    windows: Sequence[str] = ("train", "validation", "vault", "all"),
) -> TrialCount:
    """Trials that share a symbol and a time with these, both ends included, where those bars were one of the `windows`; `pending`
    count unless the ledger has them."""
    counted = reader.rows(
        """SELECT arm, sum(scenarios) FROM trials WHERE first_ns <= ? AND last_ns >= ? AND symbols_hash IN
             (SELECT symbols_hash FROM symbol_sets WHERE symbol IN (SELECT unnest(CAST(? AS VARCHAR[]))))
             AND "window" IN (SELECT unnest(CAST(? AS VARCHAR[])))
           GROUP BY arm""",
        [last_ns, first_ns, list(symbols), list(windows)],
    )
    by_arm = Counter({arm: int(scenarios) for arm, scenarios in counted})
    wanted = set(symbols)
    for batch in not_in_ledger(reader, pending):
        shares = wanted & set(batch.symbols) and batch.first_ns <= last_ns and batch.last_ns >= first_ns
        if shares and batch.window in windows:
            by_arm[batch.arm] += batch.scenarios
    return TrialCount(sum(by_arm.values()), dict(sorted(by_arm.items())), counting_since(reader))


def trials_of_campaign(reader: Reader, campaign_id: str) -> dict[str, int]:
    """Trials that were made for the campaign, by origin: by its runs (loop), by replays of its calls, by compiling with them."""
    rows = reader.rows(
        """SELECT t.origin, sum(t.scenarios)::BIGINT FROM trials t LEFT JOIN runs r ON t.batch_id = r.run_id || ':' || t."window"
           WHERE coalesce(t.campaign_id, r.campaign_id) = ? GROUP BY t.origin ORDER BY t.origin""",
        [campaign_id],
    )
    return {origin: int(scenarios) for origin, scenarios in rows}


def not_in_ledger(reader: Reader, batches: Iterable[TrialBatch]) -> list[TrialBatch]:
    """Those of the batches that the ledger has not counted."""
    batches = list(batches)
    if not batches:
        return []
    ids = [b.batch_id for b in batches]
    rows = reader.rows("SELECT batch_id FROM trials WHERE batch_id IN (SELECT unnest(CAST(? AS VARCHAR[])))", [ids])
    known = {row[0] for row in rows}
    return [b for b in batches if b.batch_id not in known]


def counting_since(reader: Reader) -> str:
    """ISO time at which this store was made: its trial count starts there."""
    return str(reader.rows("SELECT value FROM store_meta WHERE key = 'created'")[0][0])
