"""Charts of evidence show the figures they are given, and nothing where there is none."""

import numpy as np

from engine.analysis.fold_evidence import fold_evidence, not_folded
from engine.analysis.walk_forward import Gaps
from pages.figures_evidence import PATHS, WALKED, folds_figure


def test_each_path_and_the_walk_with_its_interval_are_drawn():
    returns = np.random.default_rng(2).standard_normal((12, 400)) / 100
    found = fold_evidence(returns, Gaps(2, 2, 1), days_per_year=365)
    drawn = {(trace.name, trace.y[0]): trace for trace in folds_figure(found, dark=False).data}
    assert sorted(drawn["a path", PATHS].x) == list(found.paths.sharpes)
    walked = drawn["walk-forward, 95% interval", WALKED]
    assert walked.x[0] + walked.error_x.array[0] == found.walk_forward.high
    assert walked.x[0] - walked.error_x.arrayminus[0] == found.walk_forward.low
    for number, fold in enumerate(found.walk_forward.folds, 1):
        assert drawn["chosen on, tested on", f"Window {number}"].x == (fold.chosen_on, fold.tested_on)
    assert drawn["best on the same days", WALKED].x[0] == found.walk_forward.in_sample


def test_there_is_no_chart_of_nothing():
    assert folds_figure(not_folded("too few days"), dark=True) is None
