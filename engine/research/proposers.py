"""The proposer of a campaign's arms that draw."""

from engine.market.bars import DAY_S, Panel
from engine.proposal.random_proposer import RandomProposer
from engine.records import CampaignSpec


def make_proposer(spec: CampaignSpec, panel: Panel) -> RandomProposer:
    """The random proposer, told what that panel does not tell; `mutate` draws its changes with it, the model's arm needs none."""
    says_nothing = {
        "volume": not panel.has_volume,
        "hour": panel.bar_s >= DAY_S and panel.bar_s % DAY_S == 0,
        "weekday": panel.bar_s >= 7 * DAY_S and panel.bar_s % (7 * DAY_S) == 0,
    }
    return RandomProposer(spec.sides, without=tuple(name for name, silent in says_nothing.items() if silent))
