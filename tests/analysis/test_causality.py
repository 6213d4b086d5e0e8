"""The gate: golden leaks are caught with their distance, honest strategies pass, warm-up is measured, bar numbers are refused."""

import re
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from engine.analysis.causality import Verdict, confirm, screen
from engine.backtest.sweep import TestBed, prepare, salt_of
from engine.proposal.random_proposer import RandomProposer
from engine.records import Costs, Failure, Params, Signals, Window
from engine.settings import PROJECT_DIR, Limits
from engine.strategy.packing import Digester, pack_bits
from engine.strategy.params import complete_params, draw
from engine.strategy.sandbox import Cancelled, SandboxPool
from tests.markets import panel_of, random_bars

LEAKS = sorted((Path(__file__).parent / "leaks").glob("*.py"))
HONEST = [
    *sorted((PROJECT_DIR / "data" / "strategies").glob("*.py")),
    *sorted((Path(__file__).parents[1] / "strategy" / "honest").glob("*.py")),
]
NAMED = {
    "stop_frame": "stop_loss",
    "rank": "rank",
    "tag": "tag",
    "exits_only": "exits",
    "short_side": "short_entries",
    "scalar": "'size'",
}
BARS, ASSETS = 1_500, 16


@pytest.fixture(scope="module")
def bed() -> TestBed:
    """Holes, a late asset, and one that leaves the market."""
    rng = np.random.default_rng(7)
    bars = random_bars(rng, BARS, ASSETS, step=0.012, missing=0.01)
    bars[:300, 3] = bars[900:, 5] = np.nan
    panel = panel_of(bars, volume=1_000 * np.exp(rng.normal(0, 1, (BARS, ASSETS))))
    return prepare(panel, Window("train", 0, BARS), Costs())


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(2, Limits())
    yield made
    made.close()


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def module(body: str, params: str = "{}") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"import numpy as np\n\nPARAMS = {params}\n\n\ndef signals(market, params, ta):\n{lines}"


class Gate:
    """The gate on one bed."""

    def __init__(self, bed: TestBed, pool: SandboxPool, executor: Executor) -> None:
        self.bed, self.pool, self._executor = bed, pool, executor

    def params(self, source: str, **given) -> Params:
        ranges = self.pool.ranges(source)
        assert not isinstance(ranges, Failure), ranges
        return complete_params(ranges, given)[0]

    def screen(self, source: str, params: Params | None = None, *, bed: TestBed | None = None, **more) -> Verdict:
        chosen = self.params(source) if params is None else params
        return screen(source, chosen, bed or self.bed, pool=self.pool, executor=self._executor, **{"seed": 3, **more})

    def confirm(self, source: str, params: Params, known: Verdict, *, among: list[Params] | None = None, **more) -> Verdict:
        """Confirm the last set of a batch."""
        salt = salt_of(source, self.bed.market.panel.data_hash)
        *_, swept = self.pool.signals(source, [*(among or []), params], self.bed.data, salt=salt)
        assert isinstance(swept, Signals)
        digest = Digester().digest(swept)
        return confirm(source, params, digest, known, self.bed, pool=self.pool, executor=self._executor, seed=3, **more)


@pytest.fixture
def gate(bed, pool, executor) -> Gate:
    return Gate(bed, pool, executor)


# --- leaks


@pytest.mark.parametrize("path", LEAKS, ids=lambda path: path.stem)
def test_a_golden_leak_is_caught_with_its_distance(path, gate):
    source = path.read_text(encoding="utf-8")
    params = gate.params(source) | ({"when": "soon"} if path.stem == "one_parameter_value" else {})
    failure = gate.screen(source, params).failure
    assert failure is not None
    assert failure.kind == "lookahead"
    assert failure.message.startswith(NAMED.get(path.stem, ""))
    wanted = re.search(r"Looks ahead: (.+)\.", source)[1]
    if "for all bars" in failure.message:
        assert wanted == "to the end"
        return
    found = re.search(
        r"at bar (\d+) changed when bars from (\d+) on were replaced: it looks (at least )?(\d+) bars? ahead", failure.message
    )
    bar, cut, distance = int(found[1]), int(found[2]), int(found[4])
    assert cut - bar == distance
    if wanted == "to the end":
        assert distance > BARS // 2
    else:
        assert distance == int(wanted)


def test_a_leak_at_one_parameter_value_passes_the_screen_and_not_the_confirmation(gate):
    source = (Path(__file__).parent / "leaks" / "one_parameter_value.py").read_text("utf-8")
    screened = gate.screen(source, {"when": "yesterday"})
    assert screened.failure is None
    assert gate.confirm(source, {"when": "yesterday"}, screened, k=3).failure is None
    assert gate.confirm(source, {"when": "soon"}, screened, k=3).failure.kind == "lookahead"


def test_a_champion_without_fault_stays_one(gate):
    source = module("return {'entries': ta.crossed_above(market.close, ta.sma(market.close, 100)), 'max_bars': 50}")
    assert gate.confirm(source, {}, Verdict(None, is_cross_sectional=False), k=None).failure is None


# --- equal runs


def test_state_carried_from_one_set_to_the_next_is_not_confirmed(gate):
    """The batch's digest is that of other signals than those the winner gives alone."""
    source = module("return {'entries': ta.crossed_above(market.close, ta.sma(market.close, params['n']))}", '{"n": (5, 50)}')
    known = gate.screen(source, {"n": 20})
    salt = salt_of(source, gate.bed.market.panel.data_hash)
    (other,) = gate.pool.signals(source, [{"n": 21}], gate.bed.data, salt=salt)
    with ThreadPoolExecutor(1) as executor:
        verdict = confirm(source, {"n": 20}, Digester().digest(other), known, gate.bed, pool=gate.pool, executor=executor, seed=3)
    assert verdict.failure.kind == "nondeterministic"
    assert "one set to the next" in verdict.failure.message
    assert gate.confirm(source, {"n": 20}, known, among=[{"n": 7}, {"n": 40}], k=3).failure is None


def test_two_runs_that_differ_are_told_where(bed):
    class Fickle:
        """Answers each call with one entry more, later than the others."""

        calls = 0

        def signals(self, source, params, data, **more):
            self.calls += 1
            flags = np.zeros((BARS, ASSETS), bool)
            flags[100 : 100 + self.calls] = True
            yield Signals(BARS, ASSETS, entries=pack_bits(flags))

    with ThreadPoolExecutor(1) as executor:
        failure = screen("", {}, bed, pool=Fickle(), executor=executor, seed=3).failure
    assert failure.kind == "nondeterministic"
    assert "entries at bar 101" in failure.message


def test_equal_seeds_give_equal_verdicts(gate):
    source = LEAKS[0].read_text("utf-8")
    assert gate.screen(source, seed=8) == gate.screen(source, seed=8)


# --- honest strategies


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.stem)
def test_an_honest_strategy_is_accepted(path, gate):
    assert gate.screen(path.read_text(encoding="utf-8")).failure is None


@pytest.mark.parametrize("seed", range(6))
def test_a_random_draw_is_accepted_and_confirmed(seed, gate):
    rng = np.random.default_rng(seed)
    source = RandomProposer().draw(rng).source
    ranges = gate.pool.ranges(source)
    first, second = draw(ranges, 2, rng)
    screened = gate.screen(source, first)
    assert screened.failure is None or screened.failure.kind == "no_trades"
    assert gate.confirm(source, second, screened, k=6).failure is None


def test_a_strategy_that_fails_in_a_wild_market_alone_is_probed_in_a_milder_one(gate):
    source = module("""
width = ta.natr(market.high, market.low, market.close, 14) / 100
return {"entries": market.close > ta.sma(market.close, 20), "stop_loss": 8 * width, "max_bars": 30}
""")
    assert gate.screen(source).failure is None


def test_a_strategy_that_fails_on_every_made_up_future_is_told_on_which_window(gate):
    source = module("""
if market.volume.iloc[-9:].std().min() > 0:
    raise ValueError("not the market I know")
return {"entries": market.close > ta.sma(market.close, 20), "max_bars": 30}
""")
    bars = random_bars(np.random.default_rng(2), 600, 6)
    volume = np.exp(np.random.default_rng(3).normal(8, 1, (600, 6)))
    volume[-9:] = 1.0
    failure = gate.screen(source, bed=prepare(panel_of(bars, volume=volume), Window("train", 0, 600), Costs())).failure
    assert failure.kind == "error"
    assert "not the market I know" in failure.message
    assert "train window with made-up bars from bar" in failure.message


def test_one_that_looks_at_other_assets_is_known_as_such(gate):
    ranked = module("place = ta.roc(market.close, 24).rank(axis=1)\nreturn {'entries': place > 12, 'exits': place < 6}")
    follower = module(
        "up = market.close['A000'] > market.close['A000'].rolling(30).mean()\n"
        "return {'entries': (market.close > ta.sma(market.close, 10)) & up.to_numpy()[:, None], 'max_bars': 9}"
    )
    alone = module("return {'entries': market.close > ta.sma(market.close, 50), 'max_bars': 9}")
    assert [gate.screen(s).is_cross_sectional for s in (ranked, follower, alone)] == [True, True, False]


def test_a_look_at_other_assets_that_only_shows_in_a_crash_is_no_look_ahead(gate):
    """Each asset has a cut of its own: the made-up crash of one must not be taken for the future of another."""
    source = module("""
crash = market.close.pct_change(fill_method=None).mean(axis=1) < -0.05
return {"entries": (market.close > ta.sma(market.close, 20)) & ~crash.to_numpy()[:, None], "max_bars": 9}
""")
    verdict = gate.screen(source)
    assert verdict.failure is None
    assert verdict.is_cross_sectional


def test_a_window_with_a_lead_in_and_few_bars_is_probed_too(gate):
    bed = prepare(gate.bed.market.panel, Window("validation", 400, 460, lead_in=60), Costs())
    honest = module("return {'entries': market.close > ta.sma(market.close, 10), 'max_bars': 5}")
    leak = module("return {'entries': market.close.shift(-2) > market.close, 'max_bars': 5}")
    assert gate.screen(honest, bed=bed).failure is None
    assert "2 bars ahead" in gate.screen(leak, bed=bed).failure.message


def test_one_asset_is_enough(gate):
    bed = prepare(gate.bed.market.panel.select(("S2",)), Window("train", 0, BARS), Costs())
    honest = module("return {'entries': market.close > ta.sma(market.close, 10), 'max_bars': 5}")
    leak = module("return {'entries': market.close.shift(-2) > market.close, 'max_bars': 5}")
    assert gate.screen(honest, bed=bed) == replace(gate.screen(honest, bed=bed), failure=None, is_cross_sectional=False)
    assert "2 bars ahead" in gate.screen(leak, bed=bed).failure.message


# --- warm-up and bar numbers


@pytest.mark.parametrize(
    ("body", "least", "most"),
    [
        ("a = ta.sma(market.close, 50)\nreturn {'entries': market.close > a, 'exits': market.close < a}", 45, 55),
        ("a = ta.ema(market.close, 200)\nreturn {'entries': market.close > a, 'exits': market.close < a}", 200, 888),
        ("return {'entries': market.hour == 9, 'exits': market.hour == 15}", 0, 0),
        ("return {'entries': market.close > 0}", 0, 0),
        (
            "old = market.close.notna().cumsum() > 200\nreturn {'entries': old & (market.close > ta.sma(market.close, 9))}",
            190,
            215,
        ),
    ],
)
def test_warm_up_is_the_bar_from_which_a_later_start_changes_nothing(body, least, most, gate):
    verdict = gate.screen(module(body))
    assert verdict.failure is None
    assert least <= verdict.warm_up_bars <= most


@pytest.mark.parametrize(
    "body",
    [
        "o = ta.obv(market.close, market.volume)\nreturn {'entries': o > 0, 'exits': o < 0}",
        "m = market.close.expanding(50).mean()\nreturn {'entries': market.close < 0.9 * m, 'exits': market.close > m}",
        "first = market.close.bfill().iloc[0]\nreturn {'entries': market.close > 1.1 * first, 'exits': market.close < first}",
        "top = market.close.cummax()\nreturn {'entries': market.close >= top, 'exits': market.close < 0.9 * top}",
    ],
)
def test_a_memory_that_never_ends_is_accepted_without_a_warm_up(body, gate):
    verdict = gate.screen(module(body))
    assert verdict.failure is None
    assert verdict.warm_up_bars is None


SEVENTH = "n = np.arange(len(market.close)) % 7 == 0\n"
TABLE = "n = np.zeros(market.close.shape, bool)\nfor i in (100, 333, 801, 905, 1333):\n"


@pytest.mark.parametrize(
    "body",
    [
        SEVENTH + "return {'entries': np.repeat(n[:, None], market.close.shape[1], 1), 'max_bars': 3}",
        "n = np.asarray(market.close.index) % 24 == 0\nreturn {'entries': (market.close > 0) & n[:, None], 'max_bars': 3}",
        SEVENTH + "return {'entries': (market.close > ta.sma(market.close, 50)) & n[:, None]}",
        TABLE + "    n[i : i + 2] = True\nreturn {'entries': n, 'max_bars': 8}",
        TABLE + "    n[i] = True\nreturn {'entries': n, 'max_bars': 8}",
        "n = np.random.default_rng(5).random(market.close.shape)\nreturn {'entries': n < 0.05, 'max_bars': 8}",
        "return {'entries': ta.crossed_above(market.close, ta.sma(market.close, len(market.close) // 20)), 'max_bars': 9}",
    ],
    ids=["every_seventh_row", "labels", "with_a_price_condition", "recited_rows", "rows_out_of_range", "noise_by_row", "length"],
)
def test_what_follows_bar_numbers_is_refused_with_what_to_use_instead(body, gate):
    failure = gate.screen(module(body)).failure
    assert failure.kind == "start_dependent"
    assert "market.hour and market.weekday" in failure.message


def test_what_follows_price_levels_is_refused(gate):
    failure = gate.screen(module("return {'entries': market.close > 50, 'exits': market.close < 45}")).failure
    assert failure.kind == "start_dependent"
    assert "price levels" in failure.message


# --- other ends


def test_a_strategy_that_never_trades_is_told_so(gate):
    failure = gate.screen(module("return {'entries': market.close < 0}")).failure
    assert failure.kind == "no_trades"


def test_a_failure_of_the_strategy_itself_is_the_verdict(gate):
    failure = gate.screen(module("return {'entries': market.close}")).failure
    assert failure.kind == "contract"


def test_cancelling_ends_a_screening(gate):
    cancelled = Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        gate.screen(module("return {'entries': market.close > 0}"), {}, cancelled=cancelled)
