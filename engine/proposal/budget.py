"""What may be spent on the model: caps per day and per campaign that calls in flight count against too."""

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.errors import EngineError
from engine.model_records import CallPlace, Caps, Spent


class CapReached(EngineError):
    """One more call could go over a cap. `is_passing`: only because of calls in flight, which may turn out cheaper."""

    def __init__(self, message: str, *, is_passing: bool) -> None:
        super().__init__(message)
        self.is_passing = is_passing


class PriceUnknown(EngineError):
    """A cap in dollars is set and what a call would cost cannot be known."""


@dataclass(frozen=True)
class Reservation:
    """Room held for a call in flight: the most it is expected to take. `usd` None: no price is known."""

    number: int
    campaign_id: str
    tokens: int
    usd: float | None


class Budget:
    """Keeps the sum of what was spent and what is in flight under the caps. Safe from any thread.

    `spent_day()` (this UTC day) and `spent_campaign(id)` tell what is recorded, everything that `settle` has written included
    from the moment that it returns. Both are called under the budget's lock and must not call back into it.
    """

    def __init__(
        self, spent_day: Callable[[], Spent], spent_campaign: Callable[[str], Spent], *, caps: Caps | None = None
    ) -> None:
        self._spent_day = spent_day
        self._spent_campaign = spent_campaign
        self._lock = threading.Lock()
        self._caps = caps or Caps()
        self._held: dict[int, Reservation] = {}
        self._numbers = itertools.count(1)

    @property
    def caps(self) -> Caps:
        return self._caps

    @caps.setter
    def caps(self, caps: Caps) -> None:
        self._caps = caps

    @property
    def in_flight(self) -> int:
        return len(self._held)

    def reserve(self, place: CallPlace, tokens: int, usd: float | None) -> Reservation:
        """Room for a call of at most so many tokens and dollars.

        Raises CapReached if it might go over a cap, PriceUnknown if `usd` is None under a cap in dollars.
        """
        with self._lock:
            wanted = Reservation(next(self._numbers), place.campaign_id, tokens, usd)
            self._check("day", wanted, self._spent_day, self._held.values(), self._caps)
            mine = [held for held in self._held.values() if held.campaign_id == place.campaign_id]
            self._check("campaign", wanted, lambda: self._spent_campaign(place.campaign_id), mine, self._caps)
            self._held[wanted.number] = wanted
            return wanted

    def settle(self, reservation: Reservation, write: Callable[[], object]) -> None:
        """Writes what the call really took and gives its room back in one step, so that no other call counts it twice or not
        at all. The room is given back even where `write` raises.
        """
        with self._lock:
            try:
                write()
            finally:
                self._held.pop(reservation.number, None)

    @staticmethod
    def _check(span: str, wanted: Reservation, spent_in: Callable[[], Spent], held: Iterable[Reservation], caps: Caps) -> None:
        limits = {unit: getattr(caps, f"{unit}_per_{span}") for unit in ("usd", "tokens", "calls")}
        if all(limit is None for limit in limits.values()):
            return
        if limits["usd"] is not None and wanted.usd is None:
            raise PriceUnknown(
                f"a cap of {limits['usd']:,.2f} USD per {span} is set and the price of this model is not known; give its prices"
                " per million tokens, or take a cap on tokens or calls"
            )
        spent, held = spent_in(), list(held)
        used = {"usd": spent.usd, "tokens": spent.tokens_in + spent.tokens_out, "calls": spent.calls}
        flying = {"usd": sum(h.usd or 0.0 for h in held), "tokens": sum(h.tokens for h in held), "calls": len(held)}
        need = {"usd": wanted.usd or 0.0, "tokens": wanted.tokens, "calls": 1}
        for unit, limit in limits.items():
            if limit is not None and used[unit] + flying[unit] + need[unit] > limit:
                raise CapReached(_in_words(unit, span, limit, used[unit], flying[unit], need[unit]),
                                 is_passing=used[unit] + need[unit] <= limit)  # fmt: skip


def _in_words(unit: str, span: str, limit: float, used: float, flying: float, need: float) -> str:
    shown, name = ("{:,.4f}", " USD") if unit == "usd" else ("{:,.0f}", f" {unit}")
    limit_text, *rest = (shown.format(value) for value in (limit, used, flying, need))
    when = "wait for the next day (UTC)" if span == "day" else "raise it"
    return (
        f"the cap of {limit_text}{name} per {span} leaves no room for a call: {rest[0]} spent, {rest[1]} in flight, up to"
        f" {rest[2]} more needed; {when}{' or raise the cap' if span == 'day' else ' to go on'}"
    )
