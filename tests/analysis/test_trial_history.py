"""The order of a search, and what became of each set."""

import math

import numpy as np

from engine.analysis.trial_history import trial_history

NAN = math.nan


def test_the_best_so_far_rises_and_survives_sets_without_a_value() -> None:
    found = trial_history([NAN, 1.0, 0.5, NAN, 2.0, NAN], [None, None, None, "pruned: too low", None, "error: boom"])
    np.testing.assert_array_equal(found["best"], [NAN, 1.0, 1.0, 1.0, 2.0, 2.0])
    assert found["state"].tolist() == ["no objective", "scored", "scored", "pruned", "scored", "failed"]
    assert found["trial"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_search_in_which_all_failed_has_no_best() -> None:
    found = trial_history([NAN, NAN], ["error: boom", "timeout: 60 s"])
    assert found["best"].isna().all()
    assert set(found["state"]) == {"failed"}


def test_no_trial_gives_an_empty_history() -> None:
    assert trial_history([], []).empty
