"""Windows: nothing is traded twice, nothing leaks across an embargo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.market.splits import split_windows, window_named


@given(
    bars=st.integers(1, 100_000),
    train=st.floats(0.05, 0.9),
    validation=st.floats(0.05, 0.9),
    embargo=st.none() | st.integers(0, 2_000),
)
def test_windows_are_apart_by_the_embargo_or_refused(bars: int, train: float, validation: float, embargo: int | None) -> None:
    try:
        windows = split_windows(bars, train=train, validation=validation, embargo_bars=embargo)
    except DataError as error:
        assert "choose" in str(error) or "take" in str(error)  # noqa: PT017
        return
    first, second, last = windows
    assert [w.name for w in windows] == ["train", "validation", "vault"]
    assert first.start == first.lead_in == 0
    assert last.stop == bars
    assert all(w.bars >= 20 for w in windows)
    apart = second.start - first.stop
    assert apart == last.start - second.stop
    assert all(w.lead_in == min(w.start, max(apart, 500)) for w in (second, last))
    assert apart == (min(500, bars // 15) if embargo is None else embargo)
    assert first.stop == pytest.approx(train * bars, abs=1)
    assert second.stop == pytest.approx((train + validation) * bars, abs=1)


def test_shares_that_add_up_badly_in_floating_point_end_where_a_person_expects() -> None:
    assert split_windows(1_000, train=0.7, validation=0.1)[1].stop == 800


@pytest.mark.parametrize("shares", [(0, 0.2), (0.6, 0), (0.8, 0.2), (60, 20), (-0.1, 0.2), (float("nan"), 0.2)])
def test_shares_that_are_no_fractions_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="two fractions above 0 whose sum is below 1"):
        split_windows(10_000, train=shares[0], validation=shares[1])


def test_too_few_bars_and_too_long_an_embargo_are_refused() -> None:
    with pytest.raises(DataError, match="leave 18 bars for validation; wanted at least 20"):
        split_windows(130)
    with pytest.raises(DataError, match="leave 0 bars for validation"):
        split_windows(1_000, embargo_bars=500)
    with pytest.raises(DataError, match="wanted 0 or more"):
        split_windows(1_000, embargo_bars=-1)


def test_windows_by_name() -> None:
    assert [window_named(10_000, w.name) for w in split_windows(10_000)] == list(split_windows(10_000))
    everything = window_named(50, "all")
    assert (everything.start, everything.stop, everything.lead_in) == (0, 50, 0)
    with pytest.raises(DataError, match="wanted one of train, validation, vault, all"):
        window_named(10_000, "test")
