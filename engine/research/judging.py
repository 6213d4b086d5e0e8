"""What an answer of the model is worth: computed by the gate and on train alone, never asked of the model."""

import math
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.folds import fold_sharpes
from engine.analysis.metrics import daily_returns
from engine.backtest.sweep import TestBed
from engine.errors import StrategyError
from engine.model_records import CallPlace
from engine.proposal.code_text import extract_code, indicator_probe, link_indicators, read_ranges, with_ranges
from engine.records import CampaignSpec, Failure, ParamRange, TrialBatch
from engine.research.campaign import code_hash_of
from engine.research.evaluation import Evaluator
from engine.research.gate import Gate, ends_of, gate_seed
from engine.research.objectives import objective_values
from engine.store.model_queries import ModelQueries
from engine.strategy.isolation import check_allowed
from engine.strategy.params import complete_params

WRITERS = ("draft", "improve", "crossover", "risk", "repair")
"""Roles that answer with a strategy."""
JUDGED = (*WRITERS, "ranges", "indicator")
"""Roles whose answers can be computed; of the others only whether they can be read is known."""
REPLY = "reply"


@dataclass(frozen=True)
class Judged:
    """How a strategy did. `failure`: why it was refused; `traded` None: it never came so far; `objective` on train with every
    parameter in the middle of its range, None if there is none; `folds`: Sharpe ratios on the parts of train."""

    failure: Failure | None = None
    traded: bool | None = None
    objective: float | None = None
    folds: tuple[float, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Every check but that it trades."""
        return self.failure is None or self.traded is False


Count = Callable[[TrialBatch, str], object]
"""Counts trials that were made for a campaign."""
Train = Callable[[str], tuple[CampaignSpec, TestBed]]
"""The specification of a campaign and its train bed."""


class Judge:
    """Checks and scores answers on the train window of the campaign that the question came from. Safe from several threads.

    What it scores is counted as trials of that campaign.
    """

    def __init__(self, evaluator: Evaluator, train: Train, memory: ModelQueries, count: Count) -> None:
        self._evaluator, self.train, self._memory, self._count = evaluator, train, memory, count

    def judge(
        self, role: str, inputs: Mapping[str, str], fields: Mapping[str, str], place: CallPlace, *, origin: str,
        cancelled: threading.Event,
    ) -> Judged | None:  # fmt: skip
        """How the answer does; None for a role whose answers hold nothing to compute. `place`: of the call that first had these
        inputs; `origin` of the trials. Raises Cancelled, StrategyError where a model's code must not run, DataError.
        """
        if role not in JUDGED:
            return None
        check_allowed("model")
        try:
            source = self._source(role, inputs, fields, place)
        except StrategyError as error:
            return Judged(Failure(REPLY, str(error)))
        ranges = self._evaluator.ranges(source)
        if isinstance(ranges, Failure):
            return Judged(ranges)
        return self._run(source, ranges, place, origin, cancelled, is_scored=role != "indicator")

    def _source(self, role: str, inputs: Mapping[str, str], fields: Mapping[str, str], place: CallPlace) -> str:
        """The strategy that an answer amounts to, with the indicators that its campaign had then. Raises StrategyError."""
        if role == "ranges":
            source = with_ranges(inputs["code"], read_ranges(fields["ranges"]))
        elif role == "indicator":
            source = indicator_probe(extract_code(fields["code"]), fields["name"].strip().removeprefix("ta.").lower())
        else:
            source = extract_code(fields["code"])
        known = self._memory.indicators(place.campaign_id, place.number)
        return link_indicators(source, {indicator.name: indicator.source for indicator in known})

    def _run(
        self, source: str, ranges: tuple[ParamRange, ...], place: CallPlace, origin: str, cancelled: threading.Event, *,
        is_scored: bool,
    ) -> Judged:  # fmt: skip
        spec, bed = self.train(place.campaign_id)
        gate = Gate(self._evaluator, bed, spec.sides, gate_seed(spec.seed, place.number), ends_of(spec.windows))
        verdict = gate.screen(source, ranges, cancelled=cancelled)
        if verdict.failure is not None:
            return Judged(verdict.failure, traded=False if verdict.failure.kind == "no_trades" else None)
        if not is_scored:
            return Judged()
        params, _ = complete_params(ranges, {})
        swept = self._evaluator.sweep(source, [params], gate.masked(verdict), sides=spec.sides, cancelled=cancelled)
        self._count(_trial(source, spec, bed, origin), place.campaign_id)
        if (failure := swept.outcomes.failures[0]) is not None:
            return Judged(failure)
        traded = bool(swept.table["trades_with_open"].iloc[0] > 0)
        value = float(objective_values(swept.table, spec.objective, spec.min_trades)[0])
        daily = daily_returns(swept.outcomes.daily_equity[0])
        folds = fold_sharpes(daily, bed.market.panel.days_per_year)
        return Judged(None, traded, value if math.isfinite(value) else None, folds)


def merit(judged: Judged) -> tuple[float, str]:
    """(worth from 0 to 1, what came of it in a sentence) of an answer that could be read.

    A quarter for being read, one for passing the checks, one for trading, and up to one by the median Sharpe ratio over folds
    of train, through a logistic curve: what a small sample shows of a Sharpe ratio must not outweigh code that runs.
    """
    if judged.failure is not None and not judged.has_passed:
        return 0.25, f"it was refused: {judged.failure}"
    if judged.traded is None:
        return 1.0, "it passed the checks"
    if not judged.traded:
        return 0.5, "it passed the checks and made no trade"
    median = median_of(judged.folds)
    if median is None:
        return 0.75, "it traded, too little for a Sharpe ratio on folds of train"
    return 0.75 + 0.25 / (1.0 + math.exp(-median)), f"it traded; its median Sharpe ratio over folds of train is {median:.2f}"


def median_of(values: Sequence[float]) -> float | None:
    """The median of those that were computed; None if none was."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else None


def _trial(source: str, spec: CampaignSpec, bed: TestBed, origin: str) -> TrialBatch:
    panel, window = bed.market.panel, bed.market.window
    return TrialBatch(
        batch_id=f"{origin}:{uuid.uuid4().hex}", origin=origin, arm="model", data_hash=spec.data_hash, symbols=panel.symbols,
        first_ns=int(panel.times_ns[window.start]), last_ns=int(panel.times_ns[window.stop - 1]), window=window.name,
        scenarios=1, code_hash=code_hash_of(source),
    )  # fmt: skip
