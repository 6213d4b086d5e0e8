"""The estimate before Start: the last runs averaged, or a guess that says so, and the cap that ends the work first."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from engine.model_records import Caps, Spent
from engine.research.estimate import Estimate, estimate

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
NONE = pd.DataFrame(columns=["calls", "tokens_in", "tokens_out", "elapsed_s"])
TWO_RUNS = pd.DataFrame({"calls": [4, 6], "tokens_in": [4_000, 6_000], "tokens_out": [500, 1_500], "elapsed_s": [30.0, 50.0]})
"""5 calls, 5,000 + 1,000 tokens and 40 s on average: 0.009 USD at 1 and 4 USD a million, and one run every 10 s."""


NOTHING, NO_CAPS, PRICE = Spent(), Caps(), (1.0, 4.0)


def of(
    per_run: pd.DataFrame = TWO_RUNS, caps: Caps = NO_CAPS, *, price: tuple[float, float] | None = PRICE,
    today: Spent = NOTHING, campaign: Spent = NOTHING, now: datetime = NOON,
) -> Estimate:  # fmt: skip
    return estimate(per_run, price=price, caps=caps, today=today, campaign=campaign, now=now)


def test_the_last_runs_are_averaged_and_money_is_tokens_at_todays_price() -> None:
    expected = of()
    assert (expected.runs, expected.calls, expected.tokens, expected.elapsed_s) == (2, 5.0, 6_000.0, 40.0)
    assert expected.usd == pytest.approx(0.009)
    assert of(price=(2.0, 8.0)).usd == pytest.approx(0.018)


def test_four_runs_at_once_end_four_times_as_often_as_one_takes() -> None:
    assert of().pace_s == 10.0


def test_without_any_run_it_says_that_it_is_a_guess() -> None:
    guess = of(NONE)
    assert guess.runs == 0
    assert guess.calls > 0
    assert guess.usd is not None
    assert guess.usd > 0


def test_without_a_price_money_is_not_made_up_and_caps_in_dollars_are_left_out() -> None:
    expected = of(caps=Caps(usd_per_day=1.0, calls_per_day=100), price=None)
    assert expected.usd is None
    assert [reach.unit for reach in expected.reaches] == ["calls"]


def test_the_cap_that_ends_the_work_first_comes_first() -> None:
    expected = of(caps=Caps(usd_per_day=0.9, tokens_per_campaign=120_000, calls_per_campaign=1_000))
    assert [(reach.span, reach.unit, reach.runs) for reach in expected.reaches] == [
        ("campaign", "tokens", 20), ("day", "USD", 100), ("campaign", "calls", 200)
    ]  # fmt: skip
    assert expected.reaches[0].seconds == 200.0


def test_what_is_spent_already_counts() -> None:
    spent = Spent(calls=90, tokens_in=1, tokens_out=1, usd=0.1)
    assert of(caps=Caps(calls_per_day=100), today=spent).reaches[0].runs == 2
    assert of(caps=Caps(calls_per_campaign=100), campaign=spent).reaches[0].runs == 2
    assert of(caps=Caps(calls_per_campaign=100), today=spent).reaches[0].runs == 20


def test_a_cap_that_is_spent_already_leaves_no_run_and_no_time() -> None:
    (reach,) = of(caps=Caps(calls_per_day=100), today=Spent(calls=150)).reaches
    assert (reach.runs, reach.seconds) == (0, 0.0)


def test_what_is_held_for_the_longest_reply_has_to_be_left() -> None:
    caps = Caps(tokens_per_day=12_000)
    without, held = (
        estimate(TWO_RUNS, price=PRICE, caps=caps, today=NOTHING, campaign=NOTHING, now=NOON, reply_limit=limit).reaches[0]
        for limit in (0, 4_200)
    )
    assert (without.runs, without.calls) == (2, 10)
    assert (held.runs, held.calls) == (1, 6), "a reply has 200 tokens on average, so 4,000 of the 12,000 stay unused"


def test_where_no_further_call_has_room_no_run_is_told() -> None:
    spent = Spent(calls=8, tokens_in=8_000, tokens_out=0, usd=0.0)
    caps = Caps(tokens_per_day=12_000)
    (reach,) = estimate(TWO_RUNS, price=PRICE, caps=caps, today=spent, campaign=NOTHING, now=NOON, reply_limit=4_200).reaches
    assert (reach.runs, reach.calls) == (0, 0)


def test_a_days_cap_begins_anew_at_midnight() -> None:
    late = datetime(2024, 5, 1, 23, 59, tzinfo=UTC)  # 60 s left: 6 runs
    (reach,) = of(caps=Caps(calls_per_day=100), now=late).reaches
    assert (reach.runs, reach.seconds) == (20, 260.0), "20 runs take 200 s, all of them after midnight"


def test_a_days_cap_that_no_day_of_work_can_reach_is_never_reached() -> None:
    (reach,) = of(caps=Caps(calls_per_day=1_000_000)).reaches
    assert reach.seconds is None


def test_a_model_that_costs_nothing_never_reaches_a_cap_in_dollars() -> None:
    assert of(caps=Caps(usd_per_day=1.0), price=(0.0, 0.0)).reaches == ()


def test_a_campaigns_own_caps_are_reached_by_what_it_has_spent_itself() -> None:
    more = {"own": Caps(calls_per_day=50, calls_per_campaign=30), "campaign_today": Spent(calls=10)}
    caps = Caps(calls_per_campaign=1_000, calls_per_day=1_000)
    found = estimate(TWO_RUNS, price=PRICE, caps=caps, today=NOTHING, campaign=Spent(calls=20), now=NOON, **more)  # type: ignore
    assert [(reach.span, reach.limit, reach.runs, reach.is_own) for reach in found.reaches] == [
        ("campaign", 30.0, 2, True), ("day", 50.0, 8, True), ("day", 1_000.0, 200, False)
    ]  # fmt: skip
