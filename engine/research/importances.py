"""How much of the objective each parameter explains, by Optuna's fANOVA over the sets that a search has tried."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import ParamRange, Params

LEAST_SETS = 20
MOST_SETS = 400
_SEED, _TREES = 1, 32


@dataclass(frozen=True)
class Importances:
    """`shares`: by parameter the share of the objective's variance that it explains by itself or in company, highest first; they
    add up to 1. Empty where nothing was computed, and `why_not` says why. `sets`: so many were used."""

    shares: dict[str, float]
    sets: int
    why_not: str = ""


def importances_of(ranges: Sequence[ParamRange], sets: Sequence[Params], values: np.ndarray) -> Importances:
    """fANOVA (Hutter, Hoos and Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance") over the sets
    that have an objective, evenly thinned to MOST_SETS; equal input, equal output.

    `values`: objective by set, NaN where there is none. Not computed for fewer than LEAST_SETS, for an objective that never
    changes and without a parameter that varies.
    """
    kept = np.flatnonzero(np.isfinite(values)).tolist()
    varied = [r for r in ranges if len({repr(sets[row][r.name]) for row in kept}) > 1]
    if len(kept) < LEAST_SETS:
        return Importances({}, len(kept), f"{len(kept)} sets have an objective; wanted at least {LEAST_SETS}")
    if not varied:
        return Importances({}, len(kept), "no parameter varies among the sets that have an objective")
    if np.ptp(values[kept]) == 0:
        return Importances({}, len(kept), "the objective is the same for all sets")
    thinned = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), MOST_SETS)).astype(int)).tolist()
    chosen = [kept[place] for place in thinned]
    return Importances(_shares(varied, [sets[row] for row in chosen], values[chosen]), len(chosen))


def _shares(varied: Sequence[ParamRange], sets: Sequence[Params], values: np.ndarray) -> dict[str, float]:
    """By Optuna, which takes half a second to import: whoever never looks at importances never waits for it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {r.name: _distribution(optuna, r) for r in varied}
    study = optuna.create_study(direction="maximize")
    for params, value in zip(sets, values.tolist(), strict=True):
        own = {name: params[name] for name in distributions}
        study.add_trial(optuna.trial.create_trial(params=own, distributions=distributions, value=value))
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, seed=_SEED)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def _distribution(optuna, kind: ParamRange):  # type: ignore[no-untyped-def]
    if kind.kind == "choice":
        return optuna.distributions.CategoricalDistribution(kind.choices)
    if kind.kind == "int":
        return optuna.distributions.IntDistribution(int(kind.low), int(kind.high), log=kind.log)
    return optuna.distributions.FloatDistribution(kind.low, kind.high, log=kind.log)
