"""Which arm makes which run: numbers are dealt in turn, so that an arm that waits holds up no other."""

from collections.abc import Iterable

MODEL = "model"
IN_FLIGHT = 4
"""Runs of the model's arm that are made at once."""


class Turns:
    """The runs of a campaign whose arms take turns, run 1 being of the first: what is recorded, what is being made.

    Not thread-safe.
    """

    def __init__(self, arms: tuple[str, ...], recorded: Iterable[int] = ()) -> None:
        self.arms = arms
        self._recorded = set(recorded)
        self._taken: set[int] = set()
        self._first_open = {arm: at + 1 for at, arm in enumerate(arms)}

    def arm_of(self, number: int) -> str:
        """The arm that the run is dealt to; one by hand may take its place."""
        return self.arms[(number - 1) % len(self.arms)]

    def next_of(self, arm: str) -> int:
        """The lowest number dealt to the arm that is neither recorded nor being made."""
        number = self.first_open(arm)
        while number in self._recorded or number in self._taken:
            number += len(self.arms)
        return number

    def next_by_hand(self) -> int:
        """The number for a run by hand: behind all others; the arm it is dealt to goes on after it."""
        return max((*self._recorded, *self._taken), default=0) + 1

    def first_open(self, arm: str) -> int:
        """The lowest number dealt to the arm that is not recorded."""
        number = self._first_open[arm]
        while number in self._recorded:
            number += len(self.arms)
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
        """The last run of its own arm that a run of that number may know of: with `IN_FLIGHT` runs being made at once, what it
        knows then depends on numbers alone."""
        return number - IN_FLIGHT * len(self.arms)

    def ahead_of(self, number: int) -> int:
        """The last run that other arms may make while that one is open, so that all have made about as many."""
        return number + IN_FLIGHT * len(self.arms)

    def may_begin(self, arm: str, number: int) -> bool:
        """All runs of the arm that it is to know of are recorded."""
        return self.first_open(arm) > self.seen_by(number)
