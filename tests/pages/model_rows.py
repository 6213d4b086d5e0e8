"""Rows of the model arm for the pages' tests: runs, their calls and the versions of a prompt, written as research writes them."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

from engine.model_records import CallRecord
from engine.proposal.prompt_book import Prompt, prompt_text
from engine.research.service import ResearchService
from tests.store.model_samples import START, call, failed_model_run, model_run, story

HOSTILE = "# <b>bold</b> [link](http://x) **loud** $x$"
"""What a model may say, and what no page may show as anything but text."""


def drafted(campaign: str, number: int, seq: int, prompt: Prompt, **changes: Any) -> CallRecord:
    """A call of that prompt for the campaign's run of that number, with every input filled."""
    base = call(
        number,
        seq,
        campaign=campaign,
        role=prompt.role,
        prompt_version=prompt.version,
        inputs={name: f"{name} of run {number}" for name in prompt.inputs},
        prompt=json.dumps(
            [
                {"role": "system", "content": f"{prompt.instructions}\n{HOSTILE}"},
                {"role": "user", "content": f"theme of run {number}"},
            ]
        ),
        reply=f"reply {number}.{seq} {HOSTILE}",
        fields={name: f"{name} {number}.{seq} {HOSTILE}" for name in prompt.outputs},
    )
    return dataclasses.replace(base, **changes)


def research_with_a_model(
    service: ResearchService, campaign: str, *, first: int, runs: int, prompt: Prompt | None = None
) -> None:
    """So many runs of the model arm from that number on, each drafted by the prompt (by default the book's); every third has
    failed, after a call that could not be read."""
    draft = prompt or service.model.book()["draft"]
    service.model.ledger.prompt_version("draft", draft.version, prompt_text(draft), who="the file")
    for number in range(first, first + runs):
        if number % 3 == 0:
            bad = drafted(campaign, number, 1, draft, status="malformed", problem=f"no field code {HOSTILE}", fields={}, usd=None)
            service.model.ledger.record_call(bad)
            failed = dataclasses.replace(
                failed_model_run(number, "reply"), run_id=f"{campaign}-{number:04d}", campaign_id=campaign
            )
            service.ledger.record_run(failed, [])
            continue
        service.model.ledger.record_call(drafted(campaign, number, 1, draft))
        repair = service.model.book()["repair"]
        mended = drafted(campaign, number, 2, repair, at_utc=START + timedelta(minutes=100 * number + 2))
        service.model.ledger.record_call(mended)
        made = model_run(number, campaign=campaign)
        service.ledger.record_run(made, [], story(number, campaign=campaign, is_kept=number % 2 == 0))
