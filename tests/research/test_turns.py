"""Numbers are dealt in turn, whatever waits, fails or is handed in between."""

from hypothesis import given
from hypothesis import strategies as st

from engine.research.turns import IN_FLIGHT, MODEL, Turns

ARMS = (MODEL, "random")


def test_arms_take_turns_and_one_that_waits_holds_up_no_other():
    turns = Turns(ARMS)
    turns.take(turns.next_of(MODEL))
    for wanted in (2, 4, 6):
        number = turns.next_of("random")
        assert number == wanted
        turns.record(number)
    assert turns.next_of(MODEL) == 3
    assert turns.first_open(MODEL) == 1


def test_what_was_dropped_is_made_again():
    turns = Turns(ARMS, [1, 2])
    turns.take(3)
    assert turns.next_of(MODEL) == 5
    turns.give_back(3)
    assert turns.next_of(MODEL) == 3


def test_a_run_by_hand_comes_behind_all_others_and_its_arm_goes_on_after_it():
    turns = Turns(ARMS, [1, 2])
    turns.take(3)
    assert turns.next_by_hand() == 4
    turns.record(4)
    assert turns.next_of("random") == 6


@given(st.lists(st.sampled_from(["begin", "end"]), max_size=60), st.integers(1, 3))
def test_a_run_begins_only_when_all_that_it_is_to_know_is_recorded(moves, count):
    arms = (MODEL, "random", "mutate")[:count]
    turns, making, recorded = Turns(arms), [], set()
    for move in moves:
        number = turns.next_of(MODEL)
        if move == "begin" and turns.may_begin(MODEL, number):
            turns.take(number)
            making.append(number)
            known = set(range(1, turns.seen_by(number) + 1, count))
            assert known <= recorded
        elif move == "end" and making:
            recorded.add(making[0])
            turns.record(making.pop(0))
    assert len(making) <= IN_FLIGHT
