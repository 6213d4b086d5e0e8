"""Small calls and stories for the tests of what the ledger keeps of the language model."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.model_records import CallPlace, CallRecord, Story
from engine.records import Failure, Proposal, RunRecord
from tests.store.samples import failed_run, run

START = datetime(2030, 1, 1, 12, tzinfo=UTC)


def call(number: int, seq: int, *, campaign: str = "c1", origin: str = "loop", **changes: Any) -> CallRecord:
    """An answered call of the writer in draft, a minute after the one before; it cost 1.5 cents."""
    base = CallRecord(
        call_id=f"{campaign}-{number}-{seq}-{origin}",
        place=CallPlace(campaign, number, origin),
        seq=seq,
        role="draft",
        prompt_version="v1",
        model="openai/scripted",
        inputs={"theme": "breakouts", "notes": ""},
        prompt='[{"role": "user", "content": "write a strategy"}]',
        reply=f"code of {number}.{seq}",
        fields={"code": "x"},
        status="answered",
        problem="",
        attempt=1,
        tokens_in=1000,
        tokens_out=200,
        usd=0.015,
        latency_s=2.5,
        at_utc=START + timedelta(minutes=100 * number + seq),
    )
    return dataclasses.replace(base, **changes)


def model_run(number: int, **changes: Any) -> RunRecord:
    """A scored run of the model arm."""
    made = run(number, **changes)
    return dataclasses.replace(made, proposal=Proposal(made.proposal.source, made.proposal.summary, "model"))


def failed_model_run(number: int, kind: str, message: str = "refused") -> RunRecord:
    made = failed_run(number)
    return dataclasses.replace(
        made,
        proposal=Proposal(made.proposal.source, made.proposal.summary, "model"),
        failure=Failure(kind, message, 3),
    )


def story(number: int, *, campaign: str = "c1", **changes: Any) -> Story:
    return dataclasses.replace(Story(f"{campaign}-{number:04d}", "draft"), **changes)
