"""Entries that were decided in similar states, and what each kind of them made."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.entry_features import Features, number_features

MOST = 6
SAMPLE = 2_000
TOLD = 3
_TELLING = 0.12
"""A state tells a cluster from the rest if its mean rank lies so far from the middle."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """`codes`: (trades,) the cluster of each; `what`: each cluster in words, by the few states that tell it apart; `silhouette`
    of the number chosen. `centres` (clusters, features) in ranks, and the `known` values of each feature in order, from which
    any other trade's ranks follow."""

    codes: np.ndarray
    what: tuple[str, ...]
    silhouette: float
    names: tuple[str, ...]
    centres: np.ndarray
    known: np.ndarray

    def assign(self, table: pd.DataFrame) -> np.ndarray:
        """The cluster of each trade or decision of another table with these columns."""
        values = np.column_stack([table[name].to_numpy(float) for name in self.names])
        placed = np.column_stack([_rank_in(self.known[:, i], values[:, i]) for i in range(len(self.names))])
        return _nearest(placed, self.centres)


def entry_clusters(table: pd.DataFrame, *, seed: int = 0) -> Clusters | None:
    """KMeans over the ranks of the states, the number of clusters (2 to MOST) chosen by the silhouette on at most SAMPLE trades
    (Rousseeuw 1987); None where there are too few trades or states. Equal seeds give equal clusters."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances, silhouette_score
    from threadpoolctl import threadpool_limits

    features = number_features(table)
    if len(table) < 10 * MOST or len(features.names) < 2:
        return None
    known = np.sort(features.values, axis=0)
    placed = np.column_stack([_rank_in(known[:, i], features.values[:, i]) for i in range(len(features.names))])
    drawn = placed[np.sort(np.random.default_rng(seed).permutation(len(placed))[:SAMPLE])]
    best: tuple[float, np.ndarray] = (-2.0, drawn[:0])
    with threadpool_limits(1):  # so few trades gain nothing by threads, which wait for each other where sweeps use the cores
        distances = pairwise_distances(drawn)
        for count in range(2, MOST + 1):
            fitted = KMeans(count, n_init=2, random_state=seed).fit(drawn)
            score = float(silhouette_score(distances, fitted.labels_, metric="precomputed"))
            if score > best[0]:
                best = score, fitted.cluster_centers_
    silhouette, centres = best
    return Clusters(
        _nearest(placed, centres), tuple(_words(features, centre, centres) for centre in centres), silhouette,
        features.names, centres, known,
    )  # fmt: skip


def _rank_in(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where values lie among the known ones in order, from 0 to 1; of equal ones in the middle, and unknown ones too."""
    found = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / (2 * len(known))
    return np.where(np.isnan(values), 0.5, found)


def _nearest(placed: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.argmin(((placed**2).sum(axis=1)[:, None] - 2 * placed @ centres.T) + (centres**2).sum(axis=1), axis=1)


def _words(features: Features, centre: np.ndarray, centres: np.ndarray) -> str:
    """The states in which a cluster lies furthest from the middle of all trades, at most TOLD of them."""
    apart = centre - 0.5
    order = [i for i in np.argsort(-np.abs(apart))[:TOLD] if abs(apart[i]) >= _TELLING] or [int(np.argmax(np.abs(apart)))]
    said = ", ".join(f"{'high' if apart[i] > 0 else 'low'} {features.labels[i]}" for i in order)
    return f"entered with {said}"
