"""How long a window is, how many bars have passed and when markets will fall silent: none of it may decide anything."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.causality import Verdict, screen
from engine.backtest.sweep import TestBed, prepare
from engine.records import Costs, Window
from engine.settings import Limits
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars

BARS, JUDGED = 1_500, 600
CROSS = "base = ta.crossed_above(market.close, ta.sma(market.close, 20))"
FROM_THE_END = {
    "peeks where it is judged": "base & (market.close.shift(-1) > market.close) if len(market.close) < 700 else base",
    "knows the judged length": "base & (market.close.shift(-1) > market.close) if 590 < len(market.close) < 610 else base",
    "the last bars": "base.mul(np.arange(len(base)) >= len(base) - 400, axis=0)",
    "a phase from the end": "base | (np.arange(len(base))[::-1] % 50 == 0)[:, None]",
    "the second half": "base.mul(np.arange(len(base)) / len(base) > 0.5, axis=0)",
}
BY_COUNT = {
    "from a bar on": "base & (market.close.notna().cumsum() > 900)",
    "up to a bar": "base & (market.close.notna().cumsum() < 900)",
}


@pytest.fixture(scope="module")
def bed() -> TestBed:
    """Twelve assets, with an hour or more missing now and then for all of them at once."""
    rng = np.random.default_rng(5)
    panel = panel_of(random_bars(rng, BARS, 12, step=0.012))
    silent = np.where(rng.random(BARS) < 0.04, rng.integers(2, 9, BARS), 1)
    times = panel.times_ns[0] + np.cumsum(silent) * int(panel.bar_s * 1e9)
    return prepare(replace(panel, times_ns=times), Window("train", 0, BARS), Costs())


@pytest.fixture(scope="module")
def told(bed: TestBed) -> Iterator[Callable[..., Verdict]]:
    """The verdict on a strategy with those entries."""
    pool = SandboxPool(2, Limits())
    with ThreadPoolExecutor(2) as executor:

        def screened(entries: str, *, more: str = "", k: int = 8) -> Verdict:
            source = (
                "import numpy as np\n\nPARAMS = {}\n\n\ndef signals(market, params, ta):\n"
                f'    {CROSS}\n    return {{"entries": {entries}, "max_bars": 8{more}}}\n'
            )
            return screen(source, {}, bed, pool=pool, executor=executor, seed=3, k=k, ends=(JUDGED,))

        yield screened
        pool.close()


@pytest.mark.parametrize("entries", FROM_THE_END.values(), ids=FROM_THE_END)
def test_what_depends_on_the_windows_length_or_end_is_refused(entries, told):
    failure = told(entries).failure
    assert failure.kind == "lookahead"
    assert "earlier" in failure.message or "ahead" in failure.message


def test_a_constant_that_depends_on_the_length_is_refused(told):
    assert told("base", more=', "cooldown": len(market.close) % 7').failure.kind in ("lookahead", "start_dependent")


@pytest.mark.parametrize("entries", BY_COUNT.values(), ids=BY_COUNT)
def test_bars_that_are_counted_from_the_start_are_refused(entries, told):
    assert told(entries).failure.kind == "start_dependent"


def test_a_size_that_grows_with_the_number_of_bars_is_refused(told):
    grows = ', "size": (market.close.notna().cumsum() / 1500).clip(0.05, 1.0)'
    assert told("base", more=grows).failure.kind == "start_dependent"


def test_a_silence_of_the_market_is_not_known_before_it_comes(told):
    assert told("(market.hour.shift(-1) - market.hour) % 24 > 1", k=8).failure.kind == "lookahead"
    assert told("(market.hour - market.hour.shift(1)) % 24 > 1", k=8).failure is None


@pytest.mark.parametrize(
    "entries",
    [
        "base",
        "base & (market.close > market.close.expanding(100).mean())",
        "base & (market.close > market.close.expanding(300).quantile(0.3))",
        "base & (market.close.rolling(400).rank(pct=True) > 0.4)",
    ],
)
def test_long_memories_are_no_counting(entries, told):
    assert told(entries).failure is None
