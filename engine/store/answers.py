"""Frozen records that the queries give back, where a table would say less."""

from dataclasses import dataclass, field
from datetime import datetime

from engine.records import CampaignSpec, Failure, Params


@dataclass(frozen=True)
class CampaignRow:
    """One campaign as it stands. `name` is the latest it was given; `state` is new, running, paused, stopped, finished,
    failed, interrupted or archived; `next_number` is that of the run to come."""

    campaign_id: str
    name: str
    state: str
    spec: CampaignSpec
    created_at: datetime
    runs: int
    next_number: int


@dataclass(frozen=True)
class RunRow:
    """One run with its code. `figures`: by window name, portfolio figures of the best set, NaN where not computed, empty for
    a window that has none; `failure` is None for a scored run; `scenarios` the number of parameter sets tried; `warm_up_bars`
    and `is_cross_sectional` as in `RunRecord`."""

    run_id: str
    campaign_id: str
    number: int
    arm: str
    parent_run_id: str | None
    code_hash: str
    source: str
    summary: str
    failure: Failure | None
    params: Params | None
    objective: float
    best_scenario: int | None
    scenarios: int
    reason: str
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    warm_up_bars: int | None = None
    is_cross_sectional: bool | None = None


@dataclass(frozen=True)
class Totals:
    """All that this store holds. `trials` counts every scoring by anyone `since` the store was made (ISO time)."""

    campaigns: int
    runs: int
    failed: int
    scenarios: int
    trials: int
    since: str
