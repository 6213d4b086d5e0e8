"""What may be spent on the model: caps per day and per campaign that calls in flight count against too."""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import EngineError
from engine.model_records import CallPlace, Caps, SentCall, Spent

_UNITS = {"usd": "USD", "tokens": "tokens", "calls": "calls"}


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

    `spent_day(id)` (this UTC day, None: by all campaigns) and `spent_campaign(id)` tell what is recorded, everything that
    `settle` has written included from the moment that it returns. Both are called under the budget's lock and must not call back
    into it. `caps` are those for all campaigns, `own` those of some. `keep` gets each call before it is sent, so that one whose
    end is never recorded can be counted later.
    """

    def __init__(
        self, spent_day: Callable[[str | None], Spent], spent_campaign: Callable[[str], Spent], *, caps: Caps | None = None,
        own: Mapping[str, Caps] | None = None, keep: Callable[[SentCall], object] = lambda _: None,
    ) -> None:  # fmt: skip
        self._spent_day = spent_day
        self._spent_campaign = spent_campaign
        self.keep = keep
        self._lock = threading.Lock()
        self._caps, self._own = caps or Caps(), dict(own or {})
        self._held: dict[int, Reservation] = {}
        self._numbers = itertools.count(1)

    @property
    def caps(self) -> Caps:
        return self._caps

    @caps.setter
    def caps(self, caps: Caps) -> None:
        self._caps = caps

    def own(self, campaign_id: str) -> Caps:
        """The campaign's own caps."""
        return self._own.get(campaign_id, Caps())

    def set_own(self, campaign_id: str, caps: Caps) -> None:
        """Cap that campaign so from the next call on."""
        self._own[campaign_id] = caps

    @property
    def in_flight(self) -> int:
        return len(self._held)

    def reserve(self, place: CallPlace, tokens: int, usd: float | None) -> Reservation:
        """Room for a call of at most so many tokens and dollars.

        Raises CapReached if it might go over a cap, PriceUnknown if `usd` is None under a cap in dollars.
        """
        with self._lock:
            wanted, own = Reservation(next(self._numbers), place.campaign_id, tokens, usd), self.own(place.campaign_id)
            every = list(self._held.values())
            mine = [held for held in every if held.campaign_id == place.campaign_id]
            for limits, spent_in, held in (
                (limits_of(self._caps, "day"), lambda: self._spent_day(None), every),
                (limits_of(own, "day", is_own=True), lambda: self._spent_day(place.campaign_id), mine),
                (campaign_limits(self._caps, own), lambda: self._spent_campaign(place.campaign_id), mine),
            ):
                _check(limits, wanted, spent_in, held)
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


@dataclass(frozen=True)
class Limit:
    """A cap that is set. `unit` is usd, tokens or calls; `is_own`: it is one campaign's."""

    unit: str
    span: Literal["day", "campaign"]
    most: float
    is_own: bool = False

    @property
    def text(self) -> str:
        """the cap of 5.0000 USD per day"""
        whose = "the campaign's own" if self.is_own else "the"
        return f"{whose} cap of {_shown(self.unit, self.most)} per {self.span}"


def limits_of(caps: Caps, span: Literal["day", "campaign"], *, is_own: bool = False) -> list[Limit]:
    """Those of the caps that are set, for a day or for a campaign."""
    known = {unit: getattr(caps, f"{unit}_per_{span}") for unit in _UNITS}
    return [Limit(unit, span, most, is_own) for unit, most in known.items() if most is not None]


def campaign_limits(caps: Caps, own: Caps) -> list[Limit]:
    """What bounds a campaign altogether: in each unit its own cap, else the one for all."""
    mine = limits_of(own, "campaign", is_own=True)
    return mine + [limit for limit in limits_of(caps, "campaign") if limit.unit not in {one.unit for one in mine}]


def _check(limits: Sequence[Limit], wanted: Reservation, spent_in: Callable[[], Spent], held: Sequence[Reservation]) -> None:
    """Raises CapReached and PriceUnknown as `Budget.reserve` says."""
    if not limits:
        return
    if wanted.usd is None and (dollars := next((limit for limit in limits if limit.unit == "usd"), None)):
        raise PriceUnknown(
            f"{dollars.text} is set and the price of this model is not known; give its prices per million tokens, or take a cap"
            " on tokens or calls"
        )
    spent = spent_in()
    used = {"usd": spent.usd, "tokens": spent.tokens_in + spent.tokens_out, "calls": spent.calls}
    flying = {"usd": sum(h.usd or 0.0 for h in held), "tokens": sum(h.tokens for h in held), "calls": len(held)}
    need = {"usd": wanted.usd or 0.0, "tokens": wanted.tokens, "calls": 1}
    for limit in limits:
        unit = limit.unit
        if used[unit] + flying[unit] + need[unit] > limit.most:
            message = _in_words(limit, used[unit], flying[unit], need[unit])
            raise CapReached(message, is_passing=used[unit] + need[unit] <= limit.most)


def _in_words(limit: Limit, *amounts: float) -> str:
    used, flying, need = (_number(limit.unit, amount) for amount in amounts)
    when = "wait for the next day (UTC) or raise the cap" if limit.span == "day" else "raise it to go on"
    return f"{limit.text} leaves no room for a call: {used} spent, {flying} in flight, up to {need} more needed; {when}"


def _shown(unit: str, amount: float) -> str:
    return f"{_number(unit, amount)} {_UNITS[unit]}"


def _number(unit: str, amount: float) -> str:
    return f"{amount:,.4f}" if unit == "usd" else f"{amount:,.0f}"
