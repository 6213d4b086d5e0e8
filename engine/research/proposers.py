"""Which proposer a campaign's arm is."""

from engine.errors import CampaignError
from engine.market.bars import Panel
from engine.proposal.random_proposer import RandomProposer
from engine.records import CampaignSpec
from engine.research.loop import Proposer

PROPOSERS = ("random",)


def make_proposer(spec: CampaignSpec, panel: Panel) -> Proposer:
    """The proposer that the spec names. Raises CampaignError for another."""
    if spec.proposer != "random":
        raise CampaignError(f"the proposer is {spec.proposer!r}; there is only {', '.join(PROPOSERS)}")
    return RandomProposer(spec.sides)
