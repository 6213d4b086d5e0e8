"""The note beside the ledger that tells other processes who owns it and where his app is to be found."""

import json
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from engine.store.files import write_atomically


def owner_path(database_path: Path) -> Path:
    """Where the note lies."""
    return database_path.with_name(database_path.name + ".owner")


def write_owner(database_path: Path, address: str | None, now: datetime) -> None:
    """Note this process as the owner, with the app's address once it is known."""
    owner = {"pid": os.getpid(), "address": address, "since": now.isoformat(timespec="seconds")}
    write_atomically(owner_path(database_path), json.dumps(owner))


def owner_in_words(database_path: Path, refusal: str) -> str:
    """Who holds the file, as words for a sentence.

    The pid comes from DuckDB's `refusal`; the note adds address and start if it is that process's, and stands in for a
    refusal without a pid if its process lives. A note left behind by a process that was killed counts for nothing.
    """
    told = re.search(r"\(PID (\d+)\)", refusal)
    note = _read(database_path)
    is_his = note.get("pid") == int(told[1]) if told else _is_alive(note.get("pid"))
    if not is_his:
        note = {}
    pid = note.get("pid") or (int(told[1]) if told else None)
    details = ", ".join(d for d in (note.get("address"), note.get("since") and f"since {note['since']}") if d)
    return (f"process {pid}" if pid else "another process") + (f" ({details})" if details else "")


def _read(database_path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        note = json.loads(owner_path(database_path).read_text(encoding="utf-8"))
        if isinstance(note, dict):
            return note
    return {}


def _is_alive(pid: Any) -> bool:
    return isinstance(pid, int) and psutil.pid_exists(pid)
