"""Children that run strategies: what comes back, and that nothing a strategy does harms what comes after it."""

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from engine.market.bars import Panel
from engine.records import Failure, ParamRange, Params, Signals, Window
from engine.settings import PROJECT_DIR, Limits
from engine.strategy import sandbox, slot
from engine.strategy.packing import unpack_bits
from engine.strategy.sandbox import Cancelled, SandboxBroken, SandboxPool
from engine.strategy.window_data import SealedWindow, seal_window
from tests.markets import panel_of, random_bars
from tests.patience import LONG_S

LIMITS = Limits(cpu_s_per_set=0.2, cpu_s_start=0.2, wall_s_idle=60, memory_mb=300, indicator_cache_mb=32)
SETS: list[Params] = [{"a": i} for i in range(3)]
LEAD_IN = 40


def strategy(*lines: str, before: str = "", ranges: str = "{'a': [0, 1, 2]}") -> str:
    """A strategy that buys bars which closed above their open, with those lines before its return.

    Its lines 1-3 are imports, PARAMS and def; the given lines begin on line 4, if there is nothing `before`.
    """
    body = "".join(f"    {line}\n" for line in lines)
    head = f"import math, os, sys, time, warnings; import numpy as np; import pandas as pd\nPARAMS = {ranges}\n{before}"
    return f"{head}def signals(market, params, ta):\n{body}    return {{'entries': market.close > market.open}}\n"


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(1)
    return panel_of(random_bars(rng, 300, 4, missing=0.02), volume=rng.lognormal(5, 1, (300, 4)))


@pytest.fixture(scope="module")
def data(panel: Panel) -> SealedWindow:
    return seal_window(panel, Window("validation", LEAD_IN, 300, lead_in=LEAD_IN))


NO_WALLS = ()
"""Limits and single-use children hold on systems that have no walls, too; what the walls stop is tested in `test_cage`."""
_elsewhere: set[psutil.Process] = set()
"""Processes that other tests' sessions keep."""


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    _elsewhere.update(psutil.Process().children())
    made = SandboxPool(1, LIMITS, walls=NO_WALLS)
    yield made
    made.close()


@contextlib.contextmanager
def new_pool(**limits: Any) -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits(**{**vars(LIMITS), **limits}), walls=NO_WALLS)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def answers(pool: SandboxPool, data: SealedWindow) -> Any:
    return lambda source, sets=SETS, **options: list(pool.signals(source, sets, data, **options))


def servers(*, recursive: bool = False) -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive) if process not in _elsewhere]


def is_gone(pid: int, *, within_s: float = LONG_S) -> bool:
    """The process has ended, or does so soon; where nobody collects orphans it stays as a zombie."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        with contextlib.suppress(psutil.TimeoutExpired):
            try:
                process = psutil.Process(pid)
                if process.status() == psutil.STATUS_ZOMBIE:
                    return True
                process.wait(0.05)
            except psutil.NoSuchProcess:
                return True
    return False


def note_pid(folder: Path) -> str:
    """A line of strategy code that leaves its process's number in the folder; files it cannot write."""
    return f"os.mkdir(f'{folder}/{{os.getpid()}}')"


def noted_pids(folder: Path) -> list[int]:
    return [int(p.name) for p in folder.iterdir()]


def kinds(found: list[Signals | Failure]) -> list[str]:
    return [f.kind if isinstance(f, Failure) else "signals" for f in found]


def same(one: Signals, other: Signals) -> bool:
    return all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())


HONEST = strategy()


class TestAnswers:
    def test_ranges_come_back_as_declared(self, pool: SandboxPool) -> None:
        source = strategy(ranges="{'fast': (5, 40), 'x': ('log', 0.1, 1), 'kind': ['ema', 2.5, True]}")
        assert pool.ranges(source) == (
            ParamRange("fast", "int", 5.0, 40.0),
            ParamRange("x", "float", 0.1, 1.0, log=True),
            ParamRange("kind", "choice", choices=("ema", 2.5, True)),
        )

    def test_signals_are_those_of_the_true_bars_without_the_lead_in(self, answers: Any, panel: Panel) -> None:
        found = answers(HONEST)
        assert kinds(found) == ["signals"] * 3
        for signals in found:
            np.testing.assert_array_equal(unpack_bits(signals.entries, 260), (panel.close > panel.open)[LEAD_IN:])

    def test_each_set_gets_its_values_and_missing_ones_their_default(self, answers: Any) -> None:
        source = strategy(
            "return {'entries': market.close > market.open, 'size': params['x'], 'max_bars': params['n']}",
            ranges="{'x': (0.1, 0.5), 'n': (1, 9)}",
        )
        assert [(s.size, s.max_bars) for s in answers(source, [{"x": 0.2, "n": 3}, {"n": 4}, {}])] == [
            (0.2, 3),
            (0.3, 4),
            (0.3, 5),
        ]

    def test_long_only_leaves_the_short_side_out(self, answers: Any) -> None:
        source = strategy("up = market.close > market.open", "return {'entries': up, 'short_entries': ~up, 'short_exits': up}")
        (both,), (long,) = answers(source, [{}]), answers(source, [{}], sides="long")
        assert both.short_entries is not None
        assert long.short_entries is long.short_exits is None
        np.testing.assert_array_equal(long.entries, both.entries)

    def test_answers_keep_their_order_over_several_children(self, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sandbox, "SETS_PER_CHILD", 2)
        source = strategy("return {'entries': market.close > 0, 'max_bars': params['n']}", ranges="{'n': (1, 9)}")
        assert [s.max_bars for s in answers(source, [{"n": n} for n in (5, 1, 4, 2, 3)])] == [5, 1, 4, 2, 3]

    def test_a_long_order_and_many_answers_pass(self, answers: Any) -> None:
        choice = "x" * 100
        source = strategy(ranges=f"{{'a': ['{choice}']}}") + "# " + "y" * 60_000
        assert kinds(answers(source, [{"a": choice}] * 1_000)) == ["signals"] * 1_000

    def test_one_bar_of_one_asset_is_enough(self, pool: SandboxPool) -> None:
        data = seal_window(panel_of(np.array([[[1.0, 2.0, 0.5, 1.5]]])), Window("all", 0, 1))
        (found,) = pool.signals(HONEST, [{}], data)
        np.testing.assert_array_equal(unpack_bits(found.entries, 1), [[True]])

    def test_the_window_itself_is_not_counted_as_memory_that_the_strategy_asked_for(self) -> None:
        data = seal_window(panel_of(np.ones((10_000, 100, 4))), Window("all", 0, 10_000))
        with new_pool(memory_mb=30) as pool:
            assert kinds(list(pool.signals(strategy("return {'entries': market.close > 2}"), [{}], data))) == ["signals"]

    def test_no_sets_have_no_answers(self, answers: Any) -> None:
        assert answers(HONEST, []) == []


class TestRepeats:
    @pytest.mark.parametrize("path", sorted((PROJECT_DIR / "data" / "strategies").glob("*.py")), ids=lambda p: p.stem)
    def test_signals_of_an_honest_strategy_do_not_depend_on_the_salt(self, path: Path, answers: Any) -> None:
        (one,), (other,) = (answers(path.read_text(encoding="utf-8"), [{}], salt=salt) for salt in (1, 2))
        assert same(one, other)

    def test_the_same_salt_gives_the_same_bits_in_another_process_even_to_a_strategy_that_draws(self, data: SealedWindow) -> None:
        """The order of a set of names and the global generators used to differ from process to process."""
        source = strategy(
            "first = next(iter({'market', 'params', 'close', 'volume', 'stop', 'trail'}))",
            "draws = np.random.rand(*market.close.shape)",
            "return {'entries': {first: draws > 0.5}, 'size': draws}",
        )
        found = []
        for _ in range(2):
            with new_pool() as pool:
                found.append(list(pool.signals(source, [{}, {}], data, salt=7)))
        assert all(same(a, b) for a, b in zip(*found, strict=True))
        assert same(*found[0])

    def test_nothing_that_a_set_leaves_behind_is_there_for_the_next(self, answers: Any) -> None:
        source = strategy(
            "seen = [len(left), hasattr(ta, 'mine'), len(market.features), 'mine' in params, 'mine' in market.close]",
            "if any(seen): raise ValueError(str(seen))",
            "left.append(1); ta.mine = params['mine'] = market.features['mine'] = 1",
            "ta.ema = None",
            "market.close['mine'] = 1.0",
            "return {'entries': market.open > 0}",
            before="left = []\n",
        )
        assert kinds(answers(source)) == ["signals"] * 3


class TestFailures:
    @pytest.mark.parametrize(
        ("source", "failure"),
        [
            ("PARAMS = {\n", Failure("syntax", "'{' was never closed: PARAMS = {", 1)),
            ("x = 1\n  y = 2\n", Failure("syntax", "unexpected indent: y = 2", 2)),
            ("x = 1\0", Failure("syntax", "source code string cannot contain null bytes", None)),
            ("PARAMS = {}", Failure("contract", "the module has no function `signals`; wanted def signals(market, params, ta)")),
            ("def signals(m, p, t): 1",
             Failure("contract", "the module has no PARAMS; wanted a dict of parameter ranges, which may be empty")),
            ("PARAMS = {'a': (5, 1)}\ndef signals(m, p, t): 1", Failure("contract", "PARAMS['a'] is (5, 1); wanted low <= high")),
            ("import math\nx = math.sqrt(-1)", Failure("error", "ValueError: math domain error", 2)),
            ("raise SystemExit(3)", Failure("error", "SystemExit: 3", 1)),
            ("import os; os._exit(3)",
             Failure("killed", "the process ended itself with exit code 3 before its answer; return a dict instead")),
            ("#" * 65_537,
             Failure("contract", "the source has 65537 bytes; wanted at most 65536: take out what is no trading logic")),
        ],
        ids=lambda value: value.message[:20] if isinstance(value, Failure) else "",
    )  # fmt: skip
    def test_a_source_that_fails_altogether_fails_for_its_ranges_and_for_each_set(
        self, source: str, failure: Failure, pool: SandboxPool, answers: Any
    ) -> None:
        assert pool.ranges(source) == failure
        assert answers(source) == [failure] * 3

    def test_a_source_that_is_no_text_is_a_syntax_failure(self, pool: SandboxPool) -> None:
        for source in ("x = '\ud800'", "x = " + "-" * 60_000 + "1"):
            found = pool.ranges(source)
            assert isinstance(found, Failure)
            assert found.kind == "syntax"

    def test_a_set_that_raises_names_its_line_and_the_next_goes_on(self, answers: Any) -> None:
        source = strategy(
            "if params['a'] == 1: halve(market.close)", before="def halve(frame):\n    raise ZeroDivisionError('by hand')\n"
        )
        one, two, three = answers(source)
        assert two == Failure("error", "ZeroDivisionError: by hand", 4)
        assert kinds([one, three]) == ["signals"] * 2

    def test_a_breach_of_the_contract_is_told(self, answers: Any) -> None:
        (found,) = answers(strategy("return {'entries': market.close}"), [{}])
        said = "'entries' is a frame of 300 x 4 with float64 values; wanted plain booleans (compare with > or <, as in x > 0)"
        assert found == Failure("contract", said)

    def test_reading_a_volume_that_is_not_there_names_the_line(self, panel: Panel, pool: SandboxPool) -> None:
        bare = Panel(**{**{f: getattr(panel, f) for f in panel.__dataclass_fields__}, "has_volume": False})
        (found,) = pool.signals(strategy("burst = market.volume > 5"), [{}], seal_window(bare, Window("all", 0, 300)))
        assert (found.kind, found.line) == ("contract", 4)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"a": 7}, "parameter a is 7; wanted one of [0, 1, 2]"),
            ({"a": float("nan")}, "parameter a is nan; wanted one of [0, 1, 2]"),
            ({"b": 1}, "the strategy has no parameter 'b'; it has a"),
        ],
    )
    def test_a_parameter_outside_its_range_is_refused_and_the_next_set_goes_on(self, given: Any, said: str, answers: Any) -> None:
        refused, fine = answers(HONEST, [given, {"a": 1}])
        assert refused == Failure("contract", said)
        assert isinstance(fine, Signals)


HINTS = {
    "~x.shift(1)": "write ~x.shift(1, fill_value=False)",
    "1 < c & c < 2": "as in (a > 1) & (b < 2)",
    "c > 1 & c < 2": "as in (a > 1) & (b < 2)",
    "c > market.open & market.volume > 3": "as in (a > 1) & (b < 2)",
    "x and x": "no `and`, `or`, `not`, `if`",
    "1 if x else 2": "no `and`, `or`, `not`, `if`",
    "max(c, market.open)": "no `and`, `or`, `not`, `if`",
    "x - x": "use a & ~b",
    "c.iloc.__setitem__((0, 0), 1)": "work on a copy, x = market.close.copy()",
    "ta.ema(c, 5).iloc.__setitem__((0, 0), 1)": "work on a copy",
    "c > c['A000']": "use frame.gt(series, axis=0)",
    "c > c.iloc[5:]": "no dropna or iloc before that",
    "c['BTCUSDT']": "columns are A000 (the reference asset)",
    "c.rolling('24h').mean()": "use market.hour and market.weekday",
    "c.resample('1D').last()": "use market.hour and market.weekday",
    "range(2.5)": "a range of two ints in PARAMS gives one",
    "signals(market)": "wanted def signals(market, params, ta)",
    "numpy.nan": "import it at the top",
    "__import__('no_such_library')": "imports are numpy, pandas and math",
    "c.fillna(method='ffill')": "use .ffill()",
    "c.applymap(abs)": "pandas no longer has it",
    "ta.emma(c, 5)": "the nearest name is ta.ema",
    "ta.ema(c, 5, 6, 7)": "wanted ta.ema(real, timeperiod=30)",
    "ta.ema(c, 1.5)": "found 1.5; give it a whole number of bars",
    "ta.atr(c, 14)": "as in ta.atr(market.high, market.low, market.close, 14)",
    "ta.rolling(c, 5)": "written behind one: market.close.rolling(24).mean()",
    "market.Close": "the nearest name is market.close",
    "market.features['regime']": "it holds nothing",
    "params['b']": "params has no 'b'; it holds a",
}


@pytest.mark.parametrize("expression", HINTS)
def test_a_common_mistake_is_answered_with_what_to_write(expression: str, answers: Any) -> None:
    (found,) = answers(strategy("c, x = market.close, market.close > 5", expression), [{}])
    assert HINTS[expression] in found.message
    assert found.line == 5
    assert len(found.message) < 450


def test_a_fraction_of_bars_is_traced_to_its_parameter(answers: Any) -> None:
    (found,) = answers(strategy("return ta.ema(market.close, params['a'])", ranges="{'a': (1.5, 9.5)}"), [{"a": 2.5}])
    assert found.message.endswith('that is params["a"]: give it a range of two whole numbers in PARAMS, as in "a": (5, 60)')


class TestHarm:
    """What a strategy may do to its own process. It costs the set it was at, and the server lives on."""

    @pytest.fixture(autouse=True)
    def _server_is_kept(self, pool: SandboxPool) -> Iterator[None]:
        pool.ranges(HONEST)
        before = servers()
        yield
        assert isinstance(pool.ranges(HONEST), tuple)
        assert servers() == before
        assert servers(recursive=True) == before

    @pytest.mark.parametrize(
        ("line", "kind", "said"),
        [
            ("os._exit(3)", "killed", "ended itself with exit code 3"),
            ("sys.exit(3)", "error", "SystemExit: 3"),
            ("os.kill(os.getpid(), 11)", "killed", "crashed with signal 11"),
            ("os.kill(os.getpid(), 9)", "killed", "the system ended the process"),
            ("np.ones(10**9)", "memory", "more memory than its limit"),
            ("x = [bytes(10**7) for _ in range(10**6)]", "memory", "more memory than its limit"),
            ("signals(market, params, ta)", "error", "RecursionError"),
            ("os.write(4, b'x' * 100)", "output", "must not write to open files"),
            ("os.write(4, b'S' + b'\\xff' * 4)", "output", "must not write to open files"),
            ("os.write(4, b'S' + b'\\x05\\0\\0\\0hello'); os._exit(0)", "output", "a message of 5 bytes"),
            ("while True: os.write(4, bytes(10**6))", "output", "must not write to open files"),
            ("os.close(4)", "killed", "before its answer"),
        ],
    )
    def test_it_fails_and_the_next_set_goes_on(self, line: str, kind: str, said: str, answers: Any) -> None:
        found = answers(strategy("if params['a'] == 1:", f"    {line}"))
        assert kinds(found) == ["signals", kind, "signals"]
        assert said in found[1].message

    def test_an_endless_loop_ends_by_its_cpu_limit(self, answers: Any) -> None:
        found = answers(strategy("while params['a'] == 1: pass"))
        assert kinds(found) == ["signals", "timeout", "signals"]
        assert found[1].message == "one parameter set used more than 0.2 CPU seconds; look for an endless loop"

    def test_an_endless_loop_of_the_module_is_tried_once(self, answers: Any) -> None:
        said = "running the module used more than 0.2 CPU seconds; look for an endless loop"
        assert answers(strategy(before="while True: pass\n")) == [Failure("timeout", said)] * 3

    def test_a_last_word_before_its_time_leaves_the_other_sets_without_answer(self, answers: Any) -> None:
        found = answers(strategy("if params['a'] == 1:", "    os.write(4, b'D' + bytes(4)); time.sleep(60)"))
        assert kinds(found) == ["signals", "output", "output"]

    def test_what_it_prints_and_warns_goes_nowhere(self, answers: Any, capfd: pytest.CaptureFixture[str]) -> None:
        found = answers(
            strategy("print('x' * 10**6); sys.stderr.write('y' * 10**6); warnings.warn('z')", "np.log(-market.close)")
        )
        assert kinds(found) == ["signals"] * 3
        assert capfd.readouterr() == ("", "")

    def test_processes_that_it_starts_end_with_it(self, answers: Any, tmp_path: Path) -> None:
        found = answers(
            strategy(
                "if params['a'] == 1:",
                "    if os.fork() == 0:",
                f"        {note_pid(tmp_path)}; time.sleep(300)",
                f"    while not os.listdir({str(tmp_path)!r}): pass",
                "    os._exit(0)",
            )
        )
        assert kinds(found) == ["signals", "killed", "signals"]
        assert [is_gone(pid) for pid in noted_pids(tmp_path)] == [True]

    def test_after_three_lost_children_the_rest_is_given_up(self, answers: Any, tmp_path: Path) -> None:
        found = answers(strategy(f"{note_pid(tmp_path)}; os._exit(1)"), [{}] * 20)
        assert kinds(found) == ["killed"] * 20
        assert len(noted_pids(tmp_path)) == sandbox.MAX_ENDED

    def test_it_cannot_leave_a_file(self, answers: Any, tmp_path: Path) -> None:
        (found,) = answers(strategy(f"market.close.to_csv({str(tmp_path / 'bars.csv')!r})"), [{}])
        assert "File too large" in found.message

    def test_many_evaluations_leave_no_descriptor_and_no_process_behind(self, pool: SandboxPool, answers: Any) -> None:
        (server,) = servers()
        before = psutil.Process().num_fds(), server.num_fds()
        for i in range(50):
            pool.ranges(HONEST)
            if i % 10 == 0:
                answers(strategy("if params['a'] == 1: os._exit(1)"))
        assert (psutil.Process().num_fds(), server.num_fds()) == before

    def test_an_iterator_that_is_let_go_of_frees_its_slot(self, pool: SandboxPool, data: SealedWindow) -> None:
        found = pool.signals(strategy("if params['a'] == 1: time.sleep(300)"), SETS, data)
        assert isinstance(next(found), Signals)
        found.close()


def test_a_child_sees_no_variable_and_no_open_file_of_the_host(data: SealedWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWISE_KEY", "a secret")
    source = strategy("raise ValueError(f'{sorted(os.environ)} {len(os.listdir(\"/proc/self/fd\"))} {os.getcwd()}')")
    with open(os.devnull), new_pool() as pool:
        (found,) = pool.signals(source, [{}], data)
    allowed = sorted([*slot.ENVIRONMENT, "LC_CTYPE"])
    # The three standard ones, the pipe, the mapping's own, and the one that lists them.
    assert found.message == f"ValueError: {allowed} 6 /"


class TestIdle:
    def test_a_child_that_only_waits_is_ended(self, data: SealedWindow) -> None:
        with new_pool(wall_s_idle=0.5) as pool:
            found = list(pool.signals(strategy("if params['a'] == 1: time.sleep(300)"), SETS, data))
        assert kinds(found) == ["signals", "timeout", "signals"]
        assert found[1].message == "nothing was computed for 0.5 seconds; look for something that waits"

    def test_a_child_that_computes_is_not(self, data: SealedWindow) -> None:
        """Limits are CPU seconds, so that load on the machine changes no result."""
        with new_pool(wall_s_idle=0.3, cpu_s_per_set=20) as pool:
            (found,) = pool.signals(
                strategy("end = time.process_time() + 0.8", "while time.process_time() < end: pass"), [{}], data
            )
        assert isinstance(found, Signals)

    def test_a_byte_now_and_then_is_no_sign_of_work(self, data: SealedWindow) -> None:
        source = strategy("os.write(4, b'S' + (10**6).to_bytes(4, 'little'))", "while True: time.sleep(0.05); os.write(4, b'x')")
        with new_pool(wall_s_idle=0.5) as pool:
            (found,) = pool.signals(source, [{}], data)
        assert found.message == "nothing was computed for 0.5 seconds; look for something that waits"

    def test_a_little_work_now_and_then_is_not_enough(self, data: SealedWindow) -> None:
        with new_pool(wall_s_idle=0.5) as pool:
            (found,) = pool.signals(strategy("while True: time.sleep(0.05); sum(range(10**4))"), [{}], data)
        assert found.message == "nothing was computed for 0.5 seconds; look for something that waits"

    def test_one_set_cannot_use_the_cpu_seconds_of_all_by_blocking_its_signal(self, data: SealedWindow) -> None:
        source = strategy("signal.pthread_sigmask(0, range(1, 32))", "while True: pass", before="import signal\n")
        with new_pool() as pool:
            found = pool.signals(source, [{}] * 1_000, data)
            failure = next(found)
            found.close()
        assert isinstance(failure, Failure)
        assert failure.message == "one parameter set used more than 0.2 CPU seconds; look for an endless loop"


class TestOutOfTurn:
    """What a child writes to the pipe itself."""

    @pytest.mark.parametrize(
        "kind", ["R", "S", "X", "C", "L"], ids=["ranges again", "no signals", "refusal late", "a canary's word", "lines"]
    )
    def test_messages_without_end_are_not_listened_to(self, kind: str, answers: Any) -> None:
        found = answers(strategy(f"while True: os.write(4, b'{kind}' + bytes(4))"))
        assert kinds(found) == ["output"] * 3

    def test_one_answer_a_set_is_taken_and_no_more(self, answers: Any) -> None:
        body = "struct.pack('<qH5sH2s', 0, 5, b'error', 2, b'no')"
        source = strategy(f"while True: os.write(4, b'F' + struct.pack('<I', 19) + {body})", before="import struct\n")
        assert kinds(answers(source)) == ["error"] * 3

    def test_a_short_side_that_was_not_asked_for_is_refused(self, pool: SandboxPool, data: SealedWindow) -> None:
        body = "struct.pack('<BBBBqqQ4d', 0b010001, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) + bytes(2 * 4 * 5 * 8)"
        source = strategy(f"os.write(4, b'S' + struct.pack('<I', {60 + 320}) + {body}); os._exit(0)", before="import struct\n")
        (both,), (long,) = (list(pool.signals(source, [{}], data, sides=sides)) for sides in ("both", "long"))
        assert isinstance(both, Signals)
        assert (long.kind, long.message) == ("output", "what came back has a short side that was not asked for")


class TestStop:
    def test_cancelling_in_the_middle_raises_and_frees_the_slot(self, pool: SandboxPool, data: SealedWindow) -> None:
        cancelled = threading.Event()
        found = pool.signals(strategy("if params['a'] == 1: time.sleep(300)"), SETS, data, cancelled=cancelled)
        assert isinstance(next(found), Signals)
        cancelled.set()
        with pytest.raises(Cancelled):
            next(found)
        assert kinds(list(pool.signals(HONEST, SETS, data, cancelled=threading.Event()))) == ["signals"] * 3

    def test_closing_ends_every_process_and_work_that_goes_on(self, data: SealedWindow) -> None:
        before = set(psutil.Process().children(recursive=True))
        pool = SandboxPool(2, LIMITS, walls=NO_WALLS)
        outcome: list[Any] = []
        begun = threading.Event()

        def work() -> None:
            try:
                for answer in pool.signals(strategy("if params['a'] == 1: time.sleep(300)"), SETS, data):
                    outcome.append(answer)
                    begun.set()
            except Cancelled as stopped:
                outcome.append(stopped)

        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(LONG_S)
        pool.ranges(HONEST)
        pool.close()
        thread.join(LONG_S)
        assert [type(o) for o in outcome] == [Signals, Cancelled]
        assert set(psutil.Process().children(recursive=True)) == before

    def test_closing_while_a_process_is_being_started_leaves_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once an unclosed server of one test was found in another: the pool had not waited for the thread that started it."""
        before = set(psutil.Process().children(recursive=True))
        started, closed, popen = threading.Event(), threading.Event(), subprocess.Popen

        def slow(*words: Any, **named: Any) -> subprocess.Popen[bytes]:
            process = popen(*words, **named)
            started.set()
            assert closed.wait(LONG_S)
            return process

        monkeypatch.setattr(subprocess, "Popen", slow)
        monkeypatch.setattr(sandbox, "_CLOSE_S", 0.0)
        pool = SandboxPool(1, LIMITS, walls=NO_WALLS)
        warming = threading.Thread(target=pool.warm)
        warming.start()
        assert started.wait(LONG_S)
        pool.close()
        closed.set()
        warming.join(LONG_S)
        assert set(psutil.Process().children(recursive=True)) == before

    def test_a_closed_pool_says_so(self) -> None:
        pool = SandboxPool(1, LIMITS, walls=NO_WALLS)
        pool.close()
        with pytest.raises(Cancelled, match="are closed"):
            pool.ranges(HONEST)


class TestServer:
    def test_one_that_died_between_orders_is_replaced(self, pool: SandboxPool) -> None:
        pool.ranges(HONEST)
        (server,) = servers()
        server.kill()  # and not waited for: it may die before, while or after the order is sent
        assert isinstance(pool.ranges(HONEST), tuple)
        assert [s.is_running() for s in servers()] == [True]
        assert servers() != [server]

    def test_one_that_dies_during_an_order_costs_the_set_and_its_child_dies_with_it(self, answers: Any, tmp_path: Path) -> None:
        found = answers(strategy(f"if params['a'] == 1: {note_pid(tmp_path)}; os.kill(os.getppid(), 9); time.sleep(300)"))
        assert kinds(found) == ["signals", "killed", "signals"]
        assert "lost together with its server" in found[1].message
        assert [is_gone(pid) for pid in noted_pids(tmp_path)] == [True]

    def test_it_and_its_child_end_when_the_host_is_killed(self, tmp_path: Path) -> None:
        source = strategy(before=f"{note_pid(tmp_path)}; os.mkdir(f'{tmp_path}/{{os.getppid()}}'); time.sleep(300)\n")
        start = "from engine.settings import Limits; from engine.strategy.sandbox import SandboxPool"
        program = f"{start}; SandboxPool(1, Limits(), walls=()).ranges({source!r})"
        host = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT_DIR)
        while len(noted_pids(tmp_path)) < 2:
            with pytest.raises(subprocess.TimeoutExpired):
                host.wait(0.05)
        host.kill()
        host.wait()
        assert [is_gone(pid) for pid in noted_pids(tmp_path)] == [True, True]

    def test_one_that_does_not_start_tells_its_last_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(slot, "_START", "raise SystemExit('no numpy here')")
        with new_pool() as pool, pytest.raises(SandboxBroken, match=r"did not start: no numpy here; run `doctor`"):
            pool.ranges(HONEST)

    def test_a_host_with_more_than_1024_open_files_is_served(self, data: SealedWindow) -> None:
        """select() takes no descriptor beyond 1023, and a busy app has them."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 4_096, hard))
        with contextlib.ExitStack() as stack:
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            for _ in range(1_100):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            with new_pool() as pool:
                assert kinds(list(pool.signals(HONEST, SETS, data))) == ["signals"] * 3
