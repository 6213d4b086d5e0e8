"""Stored calls for tests that ask the same again: as a campaign's runs would have made them."""

import dataclasses

from engine.model_records import CallRecord
from engine.proposal.roles import ROLES
from engine.research.service import ResearchService
from tests.research import campaigns
from tests.store.model_samples import call


def stored(service: ResearchService, numbers: range, *, role: str = "draft", **changes: object) -> list[CallRecord]:
    """Recorded calls of that role, one for each run of those numbers of the small campaign; the runs need not be there."""
    campaign_id = service.enter(campaigns.drafted(service))
    prompt = service.model.book()[role]
    made = []
    for number in numbers:
        inputs = {name: f"the {name} of run {number}" for name in ROLES[role].inputs}
        one = call(number, 1, campaign=campaign_id, role=role, prompt_version=prompt.version, inputs=inputs)
        made.append(dataclasses.replace(one, **changes))  # type: ignore[arg-type]
        service.model.ledger.record_call(made[-1])
    return made
