"""`engine traces`: the calls to the language model, with what they cost and the runs they fed."""

from typing import Annotated, Any, get_args

import pandas as pd
import typer

from engine.command.answer import JsonOption, StoreOption, number
from engine.errors import UnknownEntry
from engine.model_records import CallRecord, CallStatus
from engine.proposal.roles import ROLES
from engine.settings import load_settings
from engine.store.model_queries import ModelQueries
from engine.store.snapshot import open_readers

STATUSES = get_args(CallStatus)
_COLUMNS = (
    "call_id", "at_utc", "campaign_id", "number", "origin", "seq", "role", "prompt_version", "model", "status", "problem",
    "attempt", "tokens_in", "tokens_out", "usd", "latency_s", "run_id", "run_status", "run_failure", "kept",
)  # fmt: skip


def traces(
    run: Annotated[str | None, typer.Option(help="Only the calls that fed this run, whole and in the order made.")] = None,
    role: Annotated[str | None, typer.Option(help=f"Only this role: {', '.join(ROLES)}.")] = None,
    status: Annotated[str | None, typer.Option(help=f"Only calls that ended so: {', '.join(STATUSES)}.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 100,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """The latest calls, newest first; with --run and --json also prompts, replies and what was read out of them."""
    _known("role", role, tuple(ROLES))
    _known("status", status, STATUSES)
    with open_readers(load_settings(store)) as (queries, model):
        if run is not None:
            queries.run(run)
        found = model.calls(run_id=run, role=role, status=status, limit=limit, newest_first=run is None)
        rows = [_plain({str(k): v for k, v in row.items()}) for row in found.to_dict("records")]
        if run is not None and as_json:
            rows = [row | _texts(model, row["call_id"]) for row in rows]
        answer: dict[str, Any] = {"calls": rows, "source": queries.source}
        if queries.source == "snapshot":
            answer["age_s"] = queries.age_s
    return answer, _text(answer)


def _known(what: str, named: str | None, names: tuple[str, ...]) -> None:
    if named is not None and named not in names:
        raise UnknownEntry(f"there is no {what} {named[:60]!r}; there are {', '.join(names)}")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with null where nothing is known, and whole numbers as such."""
    plain: dict[str, Any] = {name: None if pd.isna(row[name]) else row[name] for name in _COLUMNS}
    for name in ("number", "seq", "attempt", "tokens_in", "tokens_out"):
        plain[name] = None if plain[name] is None else int(plain[name])
    return plain


def _texts(model: ModelQueries, call_id: str) -> dict[str, Any]:
    call: CallRecord = model.call(call_id)
    return {"inputs": dict(call.inputs), "prompt": call.prompt, "reply": call.reply, "fields": dict(call.fields)}


def _text(answer: dict[str, Any]) -> str:
    if not answer["calls"]:
        return "no call to a model is in the ledger that meets this"
    head = f"{'call':<16}  {'at (UTC)':<19}  {'run':>7} {'role':<16} {'status':<12} {'tokens':>13} {'USD':>12} {'s':>6}"
    lines = [f"{head}  problem"]
    if answer["source"] == "snapshot":
        lines.insert(0, f"from the last snapshot, {answer['age_s']:.0f} s old: another process owns the ledger")
    for c in answer["calls"]:
        tokens = "not told" if c["tokens_in"] is None else f"{c['tokens_in']:,}+{c['tokens_out'] or 0:,}"
        fed = c["number"] if c["origin"] in ("loop", "trial") else c["origin"]
        lines.append(
            f"{c['call_id']:<16}  {c['at_utc']:%Y-%m-%d %H:%M:%S}  {fed:>7} {c['role']:<16} {c['status']:<12} {tokens:>13}"
            f" {number(c['usd'], 5):>12} {c['latency_s']:>6.1f}  {' '.join(c['problem'].split())[:60]}"
        )
    return "\n".join(lines)
