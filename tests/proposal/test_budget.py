"""Caps hold for the sum of what was spent and what is in flight."""

import threading

import pytest

from engine.model_records import CallPlace, Caps, Spent
from engine.proposal.budget import Budget, CapReached, PriceUnknown

HERE = CallPlace("c1", 1)
ELSEWHERE = CallPlace("c2", 1)


class Book:
    """What was spent, by campaign."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Spent]] = []

    def write(self, place: CallPlace, *, tokens: int = 0, usd: float = 0.0) -> None:
        self.rows.append((place.campaign_id, Spent(calls=1, tokens_in=tokens, usd=usd)))

    def total(self, campaign_id: str | None = None) -> Spent:
        rows = [spent for name, spent in self.rows if campaign_id in (None, name)]
        return Spent(len(rows), sum(r.tokens_in for r in rows), 0, sum(r.usd for r in rows))

    def budget(self, own: Caps | None = None, **caps: float) -> Budget:
        mine = {} if own is None else {HERE.campaign_id: own}
        return Budget(self.total, self.total, caps=Caps(**caps), own=mine)  # type: ignore[arg-type]


def test_without_caps_everything_is_let_through_and_nothing_needs_a_price() -> None:
    budget = Book().budget()
    assert [budget.reserve(HERE, 10**9, None).campaign_id for _ in range(50)] == ["c1"] * 50


def test_calls_in_flight_count_and_give_back_what_they_did_not_need() -> None:
    book = Book()
    budget = book.budget(tokens_per_day=1_000)
    first = budget.reserve(HERE, 600, None)
    with pytest.raises(CapReached, match="600 in flight") as refused:
        budget.reserve(ELSEWHERE, 600, None)
    assert refused.value.is_passing
    budget.settle(first, lambda: book.write(HERE, tokens=100))
    assert budget.reserve(ELSEWHERE, 600, None).tokens == 600


def test_a_call_is_never_made_that_could_go_over_the_cap() -> None:
    book = Book()
    budget = book.budget(usd_per_day=1.0)
    book.write(HERE, usd=0.95)
    with pytest.raises(CapReached, match=r"the cap of 1\.0000 USD per day .* 0\.9500 spent") as refused:
        budget.reserve(HERE, 10, 0.06)
    assert not refused.value.is_passing
    assert budget.reserve(HERE, 10, 0.05).usd == 0.05


def test_a_cap_per_campaign_binds_that_campaign_alone() -> None:
    book = Book()
    budget = book.budget(calls_per_campaign=1)
    book.write(HERE)
    with pytest.raises(CapReached, match="per campaign"):
        budget.reserve(HERE, 1, None)
    budget.reserve(ELSEWHERE, 1, None)
    with pytest.raises(CapReached, match="1 in flight"):
        budget.reserve(ELSEWHERE, 1, None)


def test_a_campaigns_own_caps_bind_it_alone_and_a_day_of_all_holds_beside_them() -> None:
    book = Book()
    budget = book.budget(own=Caps(calls_per_day=1), calls_per_day=4)
    for _ in range(2):
        book.write(ELSEWHERE)
    budget.reserve(HERE, 1, None)
    with pytest.raises(CapReached, match="the campaign's own cap of 1 calls per day"):
        budget.reserve(HERE, 1, None)
    budget.reserve(ELSEWHERE, 1, None)
    with pytest.raises(CapReached, match=r"^the cap of 4 calls per day"):
        budget.reserve(ELSEWHERE, 1, None)


def test_a_campaigns_own_cap_stands_in_place_of_the_one_for_all_in_its_unit_alone() -> None:
    book = Book()
    budget = book.budget(own=Caps(calls_per_campaign=3), calls_per_campaign=1, tokens_per_campaign=100)
    for _ in range(3):
        budget.reserve(HERE, 10, None)
    with pytest.raises(CapReached, match="own cap of 3 calls per campaign"):
        budget.reserve(HERE, 1, None)
    budget.set_own(HERE.campaign_id, Caps(calls_per_campaign=9))
    with pytest.raises(CapReached, match=r"^the cap of 100 tokens per campaign"):
        budget.reserve(HERE, 80, None)
    budget.reserve(ELSEWHERE, 1, None)
    with pytest.raises(CapReached, match=r"^the cap of 1 calls per campaign"):
        budget.reserve(ELSEWHERE, 1, None)


@pytest.mark.parametrize("cap", ["usd_per_day", "usd_per_campaign"])
def test_under_a_cap_in_dollars_a_model_without_a_price_is_not_asked(cap: str) -> None:
    with pytest.raises(PriceUnknown, match="give its prices"):
        Book().budget(**{cap: 5.0}).reserve(HERE, 10, None)


def test_a_cap_can_be_raised_while_calls_are_in_flight() -> None:
    budget = Book().budget(calls_per_day=1)
    budget.reserve(HERE, 1, None)
    budget.caps = Caps(calls_per_day=2)
    budget.reserve(HERE, 1, None)
    with pytest.raises(CapReached):
        budget.reserve(HERE, 1, None)


def test_room_is_given_back_even_where_the_call_could_not_be_written() -> None:
    budget = Book().budget(calls_per_day=1)
    held = budget.reserve(HERE, 1, None)

    def fails() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        budget.settle(held, fails)
    assert budget.in_flight == 0


def test_threads_that_spend_at_once_never_pass_the_cap() -> None:
    book = Book()
    budget = book.budget(calls_per_day=40)
    refused = []

    def spend() -> None:
        for _ in range(20):
            try:
                held = budget.reserve(HERE, 5, None)
            except CapReached:
                refused.append(1)
                continue
            budget.settle(held, lambda: book.write(HERE, tokens=5))

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(book.rows) + len(refused) == 80
    assert len(book.rows) <= 40
    assert len(book.rows) >= 37  # the last ones may have met others in flight
