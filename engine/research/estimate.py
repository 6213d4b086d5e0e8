"""What a run of the model's arm is expected to cost, and when the caps would end it: before Start, from what runs have cost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from engine.model_records import Caps, Spent
from engine.proposal.budget import Limit, campaign_limits, limits_of
from engine.research.turns import IN_FLIGHT

GUESS = {"calls": 5.0, "tokens_in": 9_000.0, "tokens_out": 2_500.0, "elapsed_s": 100.0}
"""A run before there has been any: a draft, one repair, two reviews, and its part of what is asked now and then (market, lesson,
theory, indicator, coach). The first prompts of a campaign have 1,450 tokens on average, later ones more; a reply with code has
about 500; 20 s a call."""
_DAY_S = 86_400.0
NO_CAPS, NOTHING = Caps(), Spent()
_UNITS = {"usd": "USD", "tokens": "tokens", "calls": "calls"}


@dataclass(frozen=True)
class Reach:
    """A cap and how far it is: `runs` of the model's arm and `calls` still fit under it, and it is reached in `seconds`; None:
    never, since the day ends before. `is_own`: it is the campaign's own."""

    span: str
    unit: str
    limit: float
    runs: int
    seconds: float | None
    is_own: bool = False
    calls: int = 0


@dataclass(frozen=True)
class Estimate:
    """One run of the model's arm on average, and `pace_s`, after which the next one ends while several are made at once.

    `runs`: so many were averaged; 0: it is `GUESS`. `usd` None: no price is known. `reaches`: every cap that is set, the one
    that is reached first in front.
    """

    runs: int
    calls: float
    tokens_in: float
    tokens_out: float
    usd: float | None
    elapsed_s: float
    reaches: tuple[Reach, ...]

    @property
    def pace_s(self) -> float:
        return self.elapsed_s / IN_FLIGHT

    @property
    def tokens(self) -> float:
        return self.tokens_in + self.tokens_out


def estimate(
    per_run: pd.DataFrame, *, price: tuple[float, float] | None, caps: Caps, today: Spent, campaign: Spent, now: datetime,
    own: Caps = NO_CAPS, campaign_today: Spent = NOTHING, reply_limit: int = 0,
) -> Estimate:  # fmt: skip
    """The estimate from the last runs, a row each as `ModelQueries.spent_per_run` gives them; from `GUESS` if there are none.

    Money is tokens at `price` (USD for a million in, out), the price of the model that is asked now, for the last runs may
    have asked another. No call is made that could go over a cap if its reply were as long as it may be, `reply_limit`
    tokens: what that is more than a reply takes on average has to be left. `caps` are those for all, `own` the campaign's.
    Spent already: `today` (UTC) by all, `campaign_today` and in all (`campaign`) by this campaign.

    >>> none = pd.DataFrame({name: [] for name in GUESS})
    >>> at = datetime(2024, 1, 1, tzinfo=UTC)
    >>> estimate(none, price=(1.0, 4.0), caps=Caps(), today=Spent(), campaign=Spent(), now=at).usd
    0.019
    """
    means = {name: float(per_run[name].mean()) for name in GUESS} if len(per_run) else GUESS
    calls, tokens_in, tokens_out, elapsed_s = (means[name] for name in ("calls", "tokens_in", "tokens_out", "elapsed_s"))
    usd = None if price is None else (tokens_in * price[0] + tokens_out * price[1]) / 1e6
    cost = {"calls": calls, "tokens": tokens_in + tokens_out, "usd": usd}
    bounds = (
        *((limit, today) for limit in limits_of(caps, "day")),
        *((limit, campaign_today) for limit in limits_of(own, "day", is_own=True)),
        *((limit, campaign) for limit in campaign_limits(caps, own)),
    )
    rest = max(reply_limit - tokens_out / calls, 0.0)
    spare = {"calls": 0.0, "tokens": rest, "usd": rest * price[1] / 1e6 if price else 0.0}
    reaches = _reaches(bounds, cost, spare, elapsed_s / IN_FLIGHT, _left_of_day(now))
    first = sorted(reaches, key=lambda reach: (reach.seconds is None, reach.seconds, reach.runs))
    return Estimate(len(per_run), calls, tokens_in, tokens_out, usd, elapsed_s, tuple(first))


def _reaches(
    bounds: Iterable[tuple[Limit, Spent]], cost: dict[str, float | None], spare: dict[str, float], pace_s: float, left_s: float
) -> Iterator[Reach]:
    """Each cap that is set and whose unit has a known cost a run, with what is spent under it; `spare` has to be left."""
    for limit, so_far in bounds:
        used = {"usd": so_far.usd, "tokens": float(so_far.tokens_in + so_far.tokens_out), "calls": float(so_far.calls)}
        each = cost[limit.unit]
        if not each:  # a model that costs nothing never reaches it
            continue
        room = max(limit.most - used[limit.unit] - spare[limit.unit], 0.0)
        runs, calls = int(room / each), int(room / each * (cost["calls"] or 0.0))
        seconds: float | None = runs * pace_s
        if limit.span == "day" and runs * pace_s > left_s:
            seconds = _on_a_later_day(max(limit.most - spare[limit.unit], 0.0) / each * pace_s, left_s)
        yield Reach(limit.span, _UNITS[limit.unit], float(limit.most), runs, seconds, limit.is_own, calls)


def _on_a_later_day(whole_s: float, left_s: float) -> float | None:
    """Seconds to a day's cap that today does not reach, if a whole day of work does: tomorrow's."""
    return left_s + whole_s if whole_s <= _DAY_S else None


def _left_of_day(now: datetime) -> float:
    utc = now.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - utc).total_seconds()
