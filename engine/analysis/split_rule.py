"""The rule that splits better trades from worse ones: a shallow decision tree, and what it is worth on trades it has not seen."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.entry_features import Features, rule_features
from engine.analysis.group_tests import Sample, sign_chance
from engine.features.entry_states import WEEKDAYS

DEPTH = 2
FOLDS = 4
LEAST_SHARE, LEAST_IN_LEAF = 0.05, 30
CLIPPED = 0.01
"""Returns beyond this share at either end count as that quantile, so that no single trade makes a rule."""


@dataclass(frozen=True, eq=False)
class SplitRule:
    """`codes`: (trades,) leaf of each trade; `what`: each leaf in words. `ahead`: mean return of trades that a tree grown without
    their time would have put into its better leaves less that of the others, with the chance `p` of as much without skill; NaN
    where there is too little time."""

    codes: np.ndarray
    what: tuple[str, ...]
    ahead: float
    p: float


def split_rule(table: pd.DataFrame, sample: Sample) -> SplitRule | None:
    """A regression tree of depth DEPTH on the returns over what was known before each entry (Breiman et al. 1984), grown on all
    trades; its worth from FOLDS stretches of time, each judged by a tree grown on the others without their neighbouring
    periods. None where there are too few trades or no split helps."""
    features = rule_features(table)
    if len(table) < 4 * LEAST_IN_LEAF or not len(features.names):
        return None
    low, high = np.quantile(sample.returns, (CLIPPED, 1 - CLIPPED))
    returns = np.clip(sample.returns, low, high)
    tree = _grown(features.values, returns)
    if tree.tree_.node_count == 1:
        return None
    leaves = tree.apply(features.values)
    order = np.unique(leaves)
    ahead, p = _worth(features.values, returns, sample)
    return SplitRule(np.searchsorted(order, leaves), tuple(_path(tree, features, int(leaf)) for leaf in order), ahead, p)


def _grown(values: np.ndarray, returns: np.ndarray) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    least = max(LEAST_IN_LEAF, int(LEAST_SHARE * len(values)))
    return DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=least, random_state=0).fit(values, returns)


def _worth(values: np.ndarray, returns: np.ndarray, sample: Sample) -> tuple[float, float]:
    """(lead of the trades that were predicted better, its p-value), every trade predicted without its own time."""
    bounds = np.linspace(0, sample.periods, FOLDS + 1)
    score, better = np.zeros(sample.trades), np.zeros(sample.trades, bool)
    for first, stop in pairwise(bounds):
        own = (sample.period >= first) & (sample.period < stop)
        others = (sample.period < first - 1) | (sample.period >= stop + 1)
        if own.sum() < 2 or others.sum() < 4 * LEAST_IN_LEAF:
            return np.nan, np.nan
        predicted = _grown(values[others], returns[others]).predict(values[own])
        score[own] = (predicted - predicted.mean()) * (returns[own] - returns[own].mean())
        better[own] = predicted > np.median(predicted)
    if better.all() or not better.any() or not score.any():
        return 0.0, 1.0
    by_period = np.bincount(sample.period, score, minlength=sample.periods)
    p = float(sign_chance(by_period[None])[0]) / 2 if by_period.sum() > 0 else 1.0
    return float(returns[better].mean() - returns[~better].mean()), p


def _path(tree: Any, features: Features, leaf: int) -> str:
    """The conditions on the way to a leaf; of two on one side of one state the tighter."""
    nodes = tree.tree_
    bounds: dict[tuple[int, bool], float] = {}
    node = leaf
    while node:
        parent = int(np.flatnonzero((nodes.children_left == node) | (nodes.children_right == node))[0])
        place = int(nodes.feature[parent]), bool(nodes.children_left[parent] == node)
        bounds.setdefault(place, float(nodes.threshold[parent]))  # the one nearer to the leaf is the tighter
        node = parent
    return " and ".join(_condition(features, feature, bound, below) for (feature, below), bound in reversed(bounds.items()))


def _condition(features: Features, feature: int, bound: float, is_below: bool) -> str:
    name, label = features.names[feature], features.labels[feature]
    if name == "direction":
        return "shorts" if is_below else "longs"
    if label in WEEKDAYS:
        return f"not on a {label}" if is_below else f"on a {label}"
    return f"{label} {'at most' if is_below else 'above'} {bound:.3g}"
