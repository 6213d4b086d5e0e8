"""What a campaign's results are worth after all that was tried: the figures behind the rule of promotion.

Whatever is computed for a campaign holds until it has another run, and is kept for so long.
"""

import math
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from engine.analysis.alpha import beyond_hold
from engine.analysis.chance import DRAWS, chance_maxima, independent_maxima, independent_trials
from engine.analysis.evidence_inputs import candidates
from engine.analysis.meter import BASELINES
from engine.analysis.metrics import daily_returns
from engine.analysis.overfit import Overfit, probability_of_overfitting
from engine.analysis.superiority import Superiority, superior_predictive_ability
from engine.backtest.simulation import open_market
from engine.backtest.sweep import hold_outcomes
from engine.market.bars import Panel
from engine.records import RUN_WINDOWS, CampaignSpec
from engine.research.vault import PanelOf
from engine.store.evidence_queries import RunReturns
from engine.store.queries import Queries

KEPT = 4
_SEED = 1


@dataclass(frozen=True, eq=False)
class CampaignEvidence:
    """A campaign's evidence as of `runs` runs.

    `trials`: scorings on train, `effective`: the independent ones they amount to, `maxima`: what they show by luck (draws,).
    `judged`: runs scored on validation, `judged_effective` and `judged_maxima` likewise, of returns beyond buy-and-hold.
    `train`, `validation`: daily returns of all best sets; `hold`: those of equal-weight buy-and-hold by window. `overfit` over
    the best sets on train; `over_hold`: superiority of returns beyond buy-and-hold over 0, that is over holding as much of the
    market as the candidate did; `over_baselines`: over the mean of the baselines' candidates, None without any.
    """

    campaign_id: str
    runs: int
    days_per_year: float
    trials: int
    effective: float
    maxima: np.ndarray
    judged: int
    judged_effective: float
    judged_maxima: np.ndarray
    train: RunReturns
    validation: RunReturns
    hold: dict[str, np.ndarray]
    overfit: Overfit
    over_hold: Superiority
    over_baselines: Superiority | None

    def daily(self, run_id: str, window: str) -> np.ndarray:
        """(days,) returns of the run's best set; empty if it has none there."""
        found = self.train if window == "train" else self.validation
        return found.daily[found.run_ids.index(run_id)] if run_id in found.run_ids else np.empty(0)


class CampaignBook:
    """Campaigns' evidence, computed when asked for and kept while no run is added. Thread-safe."""

    def __init__(self, queries: Queries, panel_of: PanelOf) -> None:
        self._queries, self._panel_of = queries, panel_of
        self._known: OrderedDict[tuple[str, int], CampaignEvidence] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, campaign_id: str) -> CampaignEvidence | None:
        """What is computed already for the campaign as it stands, None if nothing is."""
        return self._known.get((campaign_id, self._queries.evidence.run_count(campaign_id)))

    def of(self, campaign_id: str) -> CampaignEvidence:
        """The campaign's evidence. Raises CampaignError, DataError where its bars are gone or have changed."""
        key = campaign_id, self._queries.evidence.run_count(campaign_id)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._compute(campaign_id, key[1])
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            return self._known[key]

    def _compute(self, campaign_id: str, runs: int) -> CampaignEvidence:
        spec = self._queries.campaign(campaign_id).spec
        panel = self._panel_of(spec)
        read = self._queries.evidence
        train, validation = read.returns(campaign_id, "train"), read.returns(campaign_id, "validation")
        hold = {window: hold_returns(panel, spec, window) for window in RUN_WINDOWS}
        maxima, trials = self._luck(campaign_id)
        judged, _ = candidates(_beyond(validation, hold["validation"]))
        judged_maxima = chance_maxima(judged) if len(judged) else np.full(DRAWS, -np.inf)
        beyond = _beyond(train, hold["train"])
        return CampaignEvidence(
            campaign_id, runs, panel.days_per_year, trials, independent_trials(maxima), maxima, len(validation.run_ids),
            independent_trials(judged_maxima), judged_maxima, train, validation, hold,
            probability_of_overfitting(train.daily), superior_predictive_ability(beyond, np.zeros(beyond.shape[1]), _SEED),
            _over_baselines(train, beyond),
        )  # fmt: skip

    def _luck(self, campaign_id: str) -> tuple[np.ndarray, int]:
        """(maxima of all the campaign's trials on train, their number). Trials whose maxima nobody kept (runs of older versions,
        replays, compiling) count as independent of each other and of all others, which is the strictest that can be said."""
        found = self._queries.evidence.luck(campaign_id)
        maxima = np.full(DRAWS, -np.inf) if found.maxima is None else found.maxima
        unknown = found.unknown + trials_beside_runs(campaign_id, self._queries)
        return with_unknown(maxima, unknown, campaign_id), found.scenarios + unknown


def trials_beside_runs(campaign_id: str, queries: Queries) -> int:
    """Trials on train that the campaign made outside its runs, such as replays and compiling, whose maxima nobody keeps."""
    return sum(n for origin, n in queries.campaign_trials(campaign_id).items() if origin not in ("loop", "vault"))


def with_unknown(maxima: np.ndarray, trials: float, campaign_id: str) -> np.ndarray:
    """(draws,) `chance_maxima` of the campaign's known trials and of that many more whose returns are unknown, which count as
    independent; equal campaigns give equal draws."""
    return np.maximum(maxima, independent_maxima(trials, zlib.crc32(campaign_id.encode()))) if trials else maxima


def hold_returns(panel: Panel, spec: CampaignSpec, window: str) -> np.ndarray:
    """(days,) daily returns of equal-weight buy-and-hold of the campaign's assets on that window."""
    market = open_market(panel.select(spec.assets), spec.window(window))
    return daily_returns(hold_outcomes(market, spec.costs).daily_equity[0])


def _beyond(found: RunReturns, hold: np.ndarray) -> np.ndarray:
    """(runs, days) returns beyond buy-and-hold; (0, days) without runs."""
    return beyond_hold(found.daily, hold) if len(found.run_ids) else np.empty((0, len(hold)))


def _over_baselines(train: RunReturns, beyond: np.ndarray) -> Superiority | None:
    """Superiority over the mean of the baselines' candidates: what an arm earns that knows nothing. None without any."""
    rows = [i for i, arm in enumerate(train.arms) if arm in BASELINES]
    return superior_predictive_ability(beyond, beyond[rows].mean(axis=0), _SEED) if rows else None


def is_number(value: float | None) -> bool:
    """It was computed."""
    return value is not None and math.isfinite(value)
