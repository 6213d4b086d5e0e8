"""What stands out among a run's trades beyond chance, each named once, by the money that it made or cost.

Groups by every dimension, clusters of entries and the splitting rule are one family of tests, sequences another. A group is
named if its q-value is at most NAMED and if it still differs when what the stronger ones explain is taken out: that Tuesdays look
good beside ruinous Mondays is not told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.breakdowns import FIGURES, breakdown_table
from engine.analysis.dimensions import Dimension
from engine.analysis.entry_clusters import Clusters
from engine.analysis.group_tests import Sample, group_tests, q_values
from engine.analysis.sequences import Sequences
from engine.analysis.split_rule import SplitRule

NAMED = 0.01
"""Nothing is named that is more likely than that to be a false discovery. At 0.05 one run in twenty without anything to find
would be told of something, and an analyst reads many runs."""
STILL = 0.05
CHANCE = 0.05
"""A sequence must be rarer than this in random orders of the same trades."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One of them. `members`: (trades,) bool; `value`: their P/L as a share of all starting capital, with its 95 % interval;
    `expectancy`: their mean return, `others`: that of all other trades; `p` before and `q` after the correction for all that was
    tried with it; `tested`: (trades,) whose difference that is; `dimension` and `cell` say where the group stands, for who wants
    to leave it out."""

    kind: str
    what: str
    members: np.ndarray
    value: float
    low: float
    high: float
    expectancy: float
    others: float
    p: float
    q: float
    tested: np.ndarray
    dimension: str
    cell: int

    @property
    def n(self) -> int:
        return int(self.members.sum())


def findings(
    sample: Sample, dimensions: Sequence[Dimension], breakdowns: pd.DataFrame, found: Sequence[Sequences],
    clusters: Clusters | None, rule: SplitRule | None, *, seed: int = 0,
) -> list[Finding]:  # fmt: skip
    """All that is beyond chance, ordered by the size of its value. `breakdowns` is the table of these dimensions."""
    by_name = {d.name: d for d in dimensions}
    tried = [_finding("group", by_name[row["dimension"]], row) for row in _tested(breakdowns)]
    tried += _of_clusters(sample, clusters, seed) + _of_rule(sample, rule, seed)
    groups = [f for f in _corrected(tried) if f.dimension != "stops_before"]  # the sequences tell of that
    named = [f for f in groups + _corrected(_of_sequences(sample, found, seed)) if f.q <= NAMED]
    numbers = {d.name for d in dimensions if d.edges}
    return sorted(_told_apart(sample, _one_of_a_number(named, numbers), seed), key=lambda f: -abs(f.value))


def _tested(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table[table["p"].notna()].to_dict("records")]


def _finding(kind: str, dimension: Dimension, row: dict[str, Any]) -> Finding:
    """The finding that a row of a breakdown table would be."""
    members = dimension.members(int(row["cell"]))
    return Finding(
        kind, row["what"], members, row["pnl"], row["pnl_low"], row["pnl_high"], row["expectancy"], row["others"],
        row["p"], np.nan, members, dimension.name, int(row["cell"]),
    )  # fmt: skip


def _corrected(tried: list[Finding]) -> list[Finding]:
    q = q_values(np.array([f.p for f in tried]))
    return [replace(f, q=float(value)) for f, value in zip(tried, q, strict=True)]


def _of_clusters(sample: Sample, clusters: Clusters | None, seed: int) -> list[Finding]:
    if clusters is None:
        return []
    dimension = Dimension("cluster", "kind of entry", clusters.codes, clusters.what)
    return [_finding("cluster", dimension, row) for row in _tested(breakdown_table(sample, [dimension], seed=seed))]


def _of_rule(sample: Sample, rule: SplitRule | None, seed: int) -> list[Finding]:
    """The leaf that splits trades most; its chance is that of the whole tree on trades it has not seen."""
    if rule is None or np.isnan(rule.p):
        return []
    dimension = Dimension("rule", "splitting rule", rule.codes, rule.what)
    rows = _tested(breakdown_table(sample, [dimension], seed=seed))
    if not rows:
        return []
    return [replace(_finding("rule", dimension, max(rows, key=lambda row: _between(row, sample.trades))), p=rule.p)]


def _between(row: dict[str, Any], trades: int) -> tuple[float, int]:
    """How much of the spread of returns lies between a group and the others; of two that are each other's rest the smaller."""
    n = int(row["trades"])
    return round(n * (trades - n) * (row["expectancy"] - row["others"]) ** 2, 9), -n


def _of_sequences(sample: Sample, found: Sequence[Sequences], seed: int) -> list[Finding]:
    """Sequences that cost: a random order has fewer, and entries made while one was under way do worse than all others."""
    out = []
    for sequence in found:
        if sequence.within is None:
            continue
        parts = [(np.where(inside, 0, 1), 2) for inside in (sequence.members, sequence.within)]
        tests = group_tests(sample, parts, seed=seed)
        p, is_worse = float(tests.p[2]), tests.expectancy[2] < tests.others[2] and sequence.chance <= CHANCE
        if not np.isnan(p):
            own = {name: float(getattr(tests, name)[0]) for name in FIGURES} | {"cell": 0, "what": sequence.what}
            one_sided = p / 2 if is_worse else 1.0
            made = _finding("sequence", Dimension(sequence.kind, "", parts[0][0], ()), own)
            out.append(replace(made, p=one_sided, tested=sequence.within))
    return out


def _one_of_a_number(named: list[Finding], numbers: set[str]) -> list[Finding]:
    """Of several cells of one number, which shade into each other, the one that made or cost most."""
    most = {f.dimension: f for f in sorted(named, key=lambda f: abs(f.value)) if f.dimension in numbers}
    return [f for f in named if f.dimension not in numbers or f is most[f.dimension]]


def _told_apart(sample: Sample, named: list[Finding], seed: int) -> list[Finding]:
    """Those that still differ once the mean difference of each stronger one is taken out of the returns."""
    kept: list[Finding] = []
    rest = sample
    for finding in sorted(named, key=lambda f: (f.p, f.n)):
        codes = np.where(finding.tested, 0, 1)
        if kept and not group_tests(rest, [(codes, 2)], seed=seed).p[0] <= STILL:
            continue
        kept.append(finding)
        own = rest.returns[finding.tested].mean() - rest.returns[~finding.tested].mean()
        rest = replace(rest, returns=rest.returns - own * finding.tested)
    return kept
