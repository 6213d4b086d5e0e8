"""Which proposer a campaign's arm is."""

from engine.errors import CampaignError
from engine.market.bars import DAY_S, Panel
from engine.proposal.random_proposer import RandomProposer
from engine.records import CampaignSpec
from engine.research.campaign import PROPOSERS
from engine.research.loop import Proposer


def make_proposer(spec: CampaignSpec, panel: Panel) -> Proposer:
    """The proposer that the spec names, told what that panel does not tell. Raises CampaignError for another."""
    if spec.proposer != "random":
        raise CampaignError(f"the proposer is {spec.proposer!r}; there is only {', '.join(PROPOSERS)}")
    says_nothing = {
        "volume": not panel.has_volume,
        "hour": panel.bar_s >= DAY_S and panel.bar_s % DAY_S == 0,
        "weekday": panel.bar_s >= 7 * DAY_S and panel.bar_s % (7 * DAY_S) == 0,
    }
    return RandomProposer(spec.sides, without=tuple(name for name, silent in says_nothing.items() if silent))
