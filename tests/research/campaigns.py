"""Campaigns on a service for tests: set up, run to their end, held at a gate, and told in short."""

import dataclasses
import threading

import numpy as np

from engine.records import CampaignSpec, Proposal, StopConditions
from engine.research.service import ResearchService
from tests.research import small
from tests.research.small import CHOICES

LONG = 60.0
"""Seconds after which a test says that what it waits for will never come."""


class Gate:
    """A proposer that waits at each draw until it is let on, so that a test knows where the work stands."""

    def __init__(self, source: str = small.CROSS) -> None:
        self.source = source
        self.reached, self._let = threading.Semaphore(0), threading.Semaphore(0)

    def draw(self, rng: np.random.Generator) -> Proposal:
        self.reached.release()
        assert self._let.acquire(timeout=LONG)
        return Proposal(self.source, "Gated.", "random")

    def wait(self) -> None:
        """Wait until a run is at its draw."""
        assert self.reached.acquire(timeout=LONG)

    def let(self, draws: int = 1) -> None:
        self._let.release(draws)


def drafted(service: ResearchService, *, runs: int | None = 3, **changes: object) -> CampaignSpec:
    return service.draft("small", dataclasses.replace(CHOICES, stop=StopConditions(runs=runs), **changes))


def finish(service: ResearchService, spec: CampaignSpec) -> str:
    campaign_id = service.launch(spec)
    assert service.wait(LONG)
    assert service.status().problem is None
    return campaign_id


def kinds(service: ResearchService, campaign_id: str) -> list[str]:
    """The campaign's events in the order they came, but those that tell of runs."""
    events = service.queries.events(campaign_id)["kind"].tolist()[::-1]
    return [kind for kind in events if kind not in ("new_best", "run_failed")]


def numbers(service: ResearchService, campaign_id: str) -> list[int]:
    return sorted(service.queries.runs(campaign_id)["number"])
