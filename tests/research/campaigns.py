"""Campaigns on a service for tests: set up, run to their end, held at a gate, and told in short."""

import dataclasses
import threading

import numpy as np

from engine.records import CampaignSpec, Proposal, StopConditions
from engine.research.campaign import run_id_of
from engine.research.service import ResearchService
from tests.patience import LONG_S
from tests.research import small
from tests.research.small import CHOICES
from tests.store.samples import assets, batch, run

ARMS = ("model", "random", "mutate")
LONG = LONG_S
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


def recorded_campaign(service: ResearchService, *, runs: int, spread: float) -> str:
    """A campaign of three arms that took turns, each run of 4 + 1 trials; the model's scores lead by 1."""
    spec = service.draft("small", dataclasses.replace(CHOICES, proposer="+".join(ARMS), theme=f"spread {spread}"))
    campaign_id = service.enter(spec)
    scores = np.random.default_rng(1).normal(0.0, spread, runs)
    for number in range(1, runs + 1):
        arm = ARMS[(number - 1) % 3]
        made = run(number, campaign=campaign_id, validation=float(scores[number - 1]) + (arm == "model"))
        frames = {window: assets(number, spec.assets) for window in ("train", "validation")}
        run_id = run_id_of(campaign_id, number)
        for figures in made.figures.values():
            figures["win_rate_with_open"] = 0.5
        made = dataclasses.replace(made, run_id=run_id, proposal=Proposal(f"# {number}", "A draw.", arm), assets=frames)
        batches = [batch(f"{run_id}:train", arm=arm), batch(f"{run_id}:validation", arm=arm, scenarios=1)]
        service.ledger.record_run(made, batches)
    return campaign_id
