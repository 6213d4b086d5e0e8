"""Numbers are dealt in turn, whatever waits, fails or is handed in between."""

from hypothesis import given
from hypothesis import strategies as st

from engine.research.turns import IN_FLIGHT, MODEL, Rarer, Turns

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


def test_from_a_run_on_baselines_have_their_turn_in_every_fourth_round_only():
    arms = (MODEL, "random", "mutate")
    turns = Turns(arms, range(1, 7))
    rarer = turns.make_rarer(4)
    assert rarer == Rarer(7, 4)
    assert [turns.arm_of(n) for n in range(1, 7)] == [*arms, *arms]
    assert [turns.arm_of(n) for n in range(7, 19)] == [*arms, *[MODEL] * 3, *arms, *[MODEL] * 3]
    again = Turns(arms, range(1, 7), rarer=[rarer])
    assert [again.arm_of(n) for n in range(1, 40)] == [turns.arm_of(n) for n in range(1, 40)]


def test_a_run_that_is_being_made_keeps_the_arm_it_was_dealt_to():
    turns = Turns((MODEL, "random"), [1])
    turns.take(turns.next_of(MODEL))
    assert turns.make_rarer(8).from_number == 4
    assert turns.next_of("random") == 2
    turns.record(2)
    assert turns.next_of("random") == 5
    assert turns.next_of(MODEL) == 4


def test_what_a_run_may_know_is_all_but_the_last_four_of_its_arm_however_runs_are_dealt():
    arms = (MODEL, "random", "mutate")
    turns = Turns(arms, range(1, 31))
    turns.make_rarer(3)
    for number in range(1, 80):
        own = [n for n in range(1, number) if turns.arm_of(n) == turns.arm_of(number)]
        known = [n for n in own if n <= turns.seen_by(number)]
        assert known == own[: max(len(own) - IN_FLIGHT + 1, 0)]
        assert turns.turn_of(number) == len(own) + 1
