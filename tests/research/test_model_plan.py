"""What a run of the model's arm sets out to do: by its number, by what went well, and by what a person wants."""

from collections import Counter

import numpy as np
import pytest

from engine.model_records import Steering
from engine.records import Failure
from engine.research.model_plan import make_plan, ranked
from engine.store.stories import PastRun


def past(number: int, objective: float = 1.0, *, failure: Failure | None = None) -> PastRun:
    return PastRun(
        run_id=f"run{number}", number=number, arm="model", parent_run_id=None, source="", params={}, summary="", failure=failure,
        status="failed" if failure else "scored", objective=objective, train={}, validation_sharpe=0.0, validation_days=10,
        story=None,
    )  # fmt: skip


def plans(runs: list[PastRun], steering=(), *, count: int = 400, chosen: PastRun | None = None):
    return [make_plan(runs, steering, np.random.default_rng(seed), chosen=chosen) for seed in range(count)]


def test_without_anything_that_ran_a_draft_is_written():
    failed = [past(1, float("nan"), failure=Failure("reply", "none")), past(2, float("nan"))]
    assert {plan.operator for plan in plans([])} == {"draft"}
    assert {plan.operator for plan in plans(failed)} == {"draft"}


def test_one_alone_is_crossed_with_nobody_and_two_are_different():
    assert "crossover" not in {plan.operator for plan in plans([past(1)])}
    crossed = [plan for plan in plans([past(1), past(2), past(3)]) if plan.operator == "crossover"]
    assert crossed
    assert all(len({parent.run_id for parent in plan.parents}) == 2 for plan in crossed)


def test_parents_are_drawn_by_rank_on_train():
    runs = [past(1, 0.1), past(2, 3.0), past(3, 1.0), past(4, -2.0)]
    assert [run.number for run in ranked(runs)] == [2, 3, 1, 4]
    drawn = Counter(plan.parents[0].number for plan in plans(runs) if plan.operator == "improve")
    assert drawn[2] > drawn[3] > drawn[4]


def test_every_operator_comes_in_its_share():
    seen = Counter(plan.operator for plan in plans([past(1), past(2)], count=2_000))
    assert seen["improve"] == max(seen.values())
    assert {"draft", "improve", "crossover", "risk", "ranges"} == set(seen)


def test_who_is_never_to_be_a_parent_is_none():
    never = (Steering(1, "never", run_id="run2"), 0)
    chosen = {parent.run_id for plan in plans([past(1), past(2, 9.0)], [never]) for parent in plan.parents}
    assert chosen == {"run1"}


@pytest.mark.parametrize(("answered", "goes_on"), [(0, True), (1, True), (2, False)])
def test_a_person_continues_from_a_run_for_so_many_generations(answered, goes_on):
    asked = Steering(1, "continue", run_id="run7", note="try a wider stop", generations=2)
    made = plans([past(1)], [(asked, answered)], chosen=past(7), count=20)
    assert all((plan.parents[:1] == (past(7),)) is goes_on for plan in made)
    assert all(("wider stop" in plan.notes) is goes_on for plan in made)


def test_what_is_to_be_tried_next_is_told_to_one_run():
    asked = Steering(3, "try", note="use the weekday")
    (first,) = plans([], [(asked, 0)], count=1)
    (later,) = plans([], [(asked, 1)], count=1)
    assert (first.notes, first.steering) == ("use the weekday", (asked,))
    assert (later.notes, later.steering) == ("", ())
