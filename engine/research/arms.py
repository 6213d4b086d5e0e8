"""The arms of a campaign beside each other: whose turn it is, and how far the model leads the better baseline."""

import json
from dataclasses import dataclass

from engine.analysis.meter import BASELINES, NARROW, ArmRuns, Meter, meter
from engine.analysis.twins import Twins, shifted_twins
from engine.errors import CampaignError
from engine.records import CampaignSpec
from engine.research.results import Results
from engine.research.turns import MODEL, Rarer, Turns
from engine.store.queries import Queries

MOST_RARE = 100
TWINNED_RUNS, TWINS = 10, 20


@dataclass(frozen=True, eq=False)
class RunTwins:
    """A run's best set on validation beside twins of it at other times."""

    run_id: str
    number: int
    twins: Twins


def turns_of(campaign_id: str, spec: CampaignSpec, queries: Queries) -> Turns:
    """The turns of a campaign as the ledger has them."""
    told = queries.events(campaign_id, kind="baselines", limit=1_000)["detail"].tolist()
    return Turns(spec.arms, queries.numbers(campaign_id), rarer=[Rarer(**json.loads(one)) for one in reversed(told)])


def runs_by_arm(campaign_id: str, queries: Queries) -> dict[str, ArmRuns]:
    """What each arm's runs cost, and what they were validated with."""
    runs = queries.arm_runs(campaign_id)
    return {
        str(arm): ArmRuns(of["trials"].to_numpy(float), of["score"].to_numpy(float)) for arm, of in runs.groupby("arm", sort=True)
    }


def meter_of(campaign_id: str, queries: Queries) -> Meter:
    """The campaign's meter; its bootstrap is seeded by the campaign's id, so that it is the same wherever it is shown."""
    return meter(runs_by_arm(campaign_id, queries), seed=int(campaign_id, 16))


def twins_of(campaign_id: str, arm: str, queries: Queries, results: Results) -> list[RunTwins]:
    """The arm's TWINNED_RUNS best runs on train with enough trades, each against TWINS twins shifted in time, on validation.

    Twins are no candidates: nothing can be chosen from them, so they count as no trials. Raises CampaignError and DataError where
    a run cannot be made again.
    """
    board = queries.runs(campaign_id)
    fit = board[(board["arm"] == arm) & board["enough_trades"] & board["objective"].notna()]
    best = fit.sort_values(["objective", "number"], ascending=[False, True]).head(TWINNED_RUNS)
    found = []
    for run_id, number in zip(best["run_id"].tolist(), best["number"].tolist(), strict=True):
        spec, result = results.recompute(run_id, "validation")
        twins = shifted_twins(result.signals, result.market, result.costs, n=TWINS, seed=number, shared_cash=spec.shared_cash)
        found.append(RunTwins(run_id, number, twins))
    return found


def check_rarer(campaign_id: str, spec: CampaignSpec, queries: Queries, every: int) -> None:
    """Raises CampaignError where baselines cannot have their turn in every so manieth round only, with the reason."""
    beside = [arm for arm in spec.arms if arm in BASELINES]
    if MODEL not in spec.arms or not beside:
        raise CampaignError(f"the arms are {'+'.join(spec.arms)}; fewer turns for baselines need a model's arm and one beside it")
    if not 1 <= every <= MOST_RARE:
        raise CampaignError(f"a turn in every {every} rounds was asked for; wanted 1 (as often as the model) to {MOST_RARE}")
    runs = runs_by_arm(campaign_id, queries)
    for arm in beside if every > 1 else ():
        width = runs[arm].half_width if arm in runs else float("nan")
        if not width <= NARROW:
            known = f"to ±{width:.2f}" if width == width else "of too few runs"
            raise CampaignError(
                f"the mean validated Sharpe ratio of the arm {arm} is known {known} only; wanted ±{NARROW:g}: let it run on, then"
                " lower its share"
            )
