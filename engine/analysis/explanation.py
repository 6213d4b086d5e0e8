"""All that explains a run's trades, computed once: what pages, the command line and the model's text are made of."""

from dataclasses import dataclass

import pandas as pd

from engine.analysis.breakdowns import breakdown_table
from engine.analysis.dimensions import Dimension, dimensions
from engine.analysis.entry_clusters import Clusters, entry_clusters
from engine.analysis.findings import Finding, findings
from engine.analysis.group_tests import Sample, q_values, sample_of
from engine.analysis.names import Names
from engine.analysis.sequences import Sequences, sequences
from engine.analysis.split_rule import SplitRule, split_rule
from engine.analysis.trade_table import trade_table
from engine.backtest.portfolio import Result


@dataclass(frozen=True, eq=False)
class Explanation:
    """`table`: `trade_table`; `breakdowns`: `breakdown_table` with the `q` of all its cells as one family; the others as their
    makers say. Assets and times are called by `names`."""

    table: pd.DataFrame
    names: Names
    sample: Sample
    dimensions: tuple[Dimension, ...]
    breakdowns: pd.DataFrame
    sequences: tuple[Sequences, ...]
    clusters: Clusters | None
    rule: SplitRule | None
    findings: tuple[Finding, ...]


def explain(result: Result, names: Names, *, indicators: pd.DataFrame | None = None, seed: int = 0) -> Explanation:
    """The explanation of a result's trades; open positions count, at the last close less exit costs. `indicators`: as in
    `trade_table`. Equal arguments give equal explanations; a result without trades has an empty one."""
    market = result.market
    table = trade_table(result, indicators)
    sample = sample_of(table, assets=market.panel.assets, bar_s=market.panel.bar_s)
    by = dimensions(table, names)
    cells = breakdown_table(sample, by, seed=seed)
    found = sequences(table, market.panel.assets, seed=seed)
    clusters, rule = entry_clusters(table, seed=seed), split_rule(table, sample)
    named = findings(sample, by, cells, found, clusters, rule, seed=seed)
    cells["q"] = q_values(cells["p"].to_numpy(float))
    return Explanation(table, names, sample, tuple(by), cells, tuple(found), clusters, rule, tuple(named))
