"""Which arm makes which run: numbers are dealt in turn, so that an arm that waits holds up no other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MODEL, MUTATE = "model", "mutate"
IN_FLIGHT = 4
"""Runs of the model's arm that are made at once."""


@dataclass(frozen=True)
class Rarer:
    """From the run of that number on, arms other than the model's have their turn in every so manieth round only."""

    from_number: int
    every: int


class Turns:
    """The runs of a campaign whose arms take turns, run 1 being of the first: what is recorded, what is being made.

    Not thread-safe.
    """

    def __init__(self, arms: tuple[str, ...], recorded: Iterable[int] = (), *, rarer: Sequence[Rarer] = ()) -> None:
        self.arms = arms
        self._deals = [(1, arms), *((one.from_number, self._pattern(one.every)) for one in rarer)]
        self._recorded = set(recorded)
        self._taken: set[int] = set()
        self._first_open = dict.fromkeys(arms, 1)

    def _pattern(self, every: int) -> tuple[str, ...]:
        """One round of all arms, then rounds of the model's alone."""
        return self.arms + tuple(arm for arm in self.arms if arm == MODEL) * (every - 1)

    def arm_of(self, number: int) -> str:
        """The arm that the run is dealt to; one by hand may take its place."""
        first, pattern = next(deal for deal in reversed(self._deals) if deal[0] <= number)
        return pattern[(number - first) % len(pattern)]

    def make_rarer(self, every: int) -> Rarer:
        """Deal the runs behind all that are recorded or being made anew: baselines in every so manieth round only."""
        rarer = Rarer(self.next_by_hand(), every)
        self._deals.append((rarer.from_number, self._pattern(every)))
        return rarer

    def next_of(self, arm: str) -> int:
        """The lowest number dealt to the arm that is neither recorded nor being made."""
        number = self.first_open(arm)
        while number in self._recorded or number in self._taken or self.arm_of(number) != arm:
            number += 1
        return number

    def next_by_hand(self) -> int:
        """The number for a run by hand: behind all others; the arm it is dealt to goes on after it."""
        return max((*self._recorded, *self._taken), default=0) + 1

    def first_open(self, arm: str) -> int:
        """The lowest number dealt to the arm that is not recorded."""
        number = self._first_open[arm]
        while number in self._recorded or self.arm_of(number) != arm:
            number += 1
        self._first_open[arm] = number
        return number

    def take(self, number: int) -> None:
        """It is being made."""
        self._taken.add(number)

    def give_back(self, number: int) -> None:
        """It was dropped, and will be made again."""
        self._taken.discard(number)

    def record(self, number: int) -> None:
        """It is in the ledger."""
        self._taken.discard(number)
        self._recorded.add(number)

    def seen_by(self, number: int) -> int:
        """The last run of its own arm that a run of that number may know of, 0 for none: with `IN_FLIGHT` runs being made at
        once, what it knows then depends on numbers alone."""
        arm, left = self.arm_of(number), IN_FLIGHT
        while number > 0 and left:
            number -= 1
            left -= number > 0 and self.arm_of(number) == arm
        return number

    def turn_of(self, number: int) -> int:
        """How many runs up to that one are dealt to its arm."""
        arm = self.arm_of(number)
        return sum(self.arm_of(other) == arm for other in range(1, number + 1))

    def ahead_of(self, number: int) -> int:
        """The last run that other arms may make while that one is open, so that all have made about as many."""
        return number + IN_FLIGHT * len(self.arms)

    def may_begin(self, arm: str, number: int) -> bool:
        """All runs of the arm that it is to know of are recorded."""
        return self.first_open(arm) > self.seen_by(number)
