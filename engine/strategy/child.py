"""The child's work: execute a strategy on a mapped window and write its answers. Runs once and ends."""

import ast
import contextlib
import json
import os
import random
import resource
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

import numpy as np

from engine.features.indicators import Indicators
from engine.records import ParamRange, Signals
from engine.strategy import canaries, wire
from engine.strategy.contract import read_answer, read_lines
from engine.strategy.facade import BUILTINS, PolicyBreach
from engine.strategy.hints import FILENAME, failure_of, syntax_failure
from engine.strategy.market_view import MarketFrames, MarketView, Named
from engine.strategy.params import ContractBreach, complete_params, read_ranges
from engine.strategy.policy import check_policy
from engine.strategy.window_data import map_window

Write = Callable[[bytes | memoryview], None]
T = TypeVar("T")


Window = tuple[dict[str, Any], np.ndarray, list[np.ndarray]]
"""Header, times and fields of a mapped window."""


def open_window(order: dict[str, Any], window_fd: int) -> Window | None:
    """Map the window that the order is about, if it is about one; the descriptor may be closed then."""
    return map_window(window_fd, order["header"]) if "header" in order else None


def work(order: dict[str, Any], window: Window | None, write: Write) -> None:
    """Answer one order: the ranges of a source, then the signals of its parameter sets in their order.

    `order`: source, salt, the limits, and for signals `header`, `params` (list of dicts) and `sides`; with `lines`, the number
    of an asset, each set is answered by that asset's lines of `plot` instead; with `states`, bars and assets of some cells, by
    what each call of `ta` came to there. A set that fails is answered by its failure
    and the next goes on; a source that fails altogether is answered by one refusal and no ranges.
    An order of a `canary` has that tried instead, to see whether the walls stand.
    """
    if "canary" in order:
        wire.send(write, wire.CANARY, [b"\1" if canaries.is_stopped(order["canary"], window) else b"\0"])
        wire.send(write, wire.DONE, [])
        return
    warnings.simplefilter("ignore")  # nobody would read them, and making their text costs time
    _write_answers(order, window, write)
    wire.send(write, wire.DONE, [])


def _write_answers(order: dict[str, Any], window: Window | None, write: Write) -> None:
    try:
        tree = ast.parse(order["source"], FILENAME)
        if order["policy"]:
            check_policy(tree)
        code = compile(tree, FILENAME, "exec")
    except BaseException as error:  # whatever the parser makes of hostile text: it is the candidate's failure
        failure = failure_of(error) if isinstance(error, PolicyBreach) else syntax_failure(error)
        wire.send(write, wire.REFUSED, [wire.pack_failure(failure)])
        return
    try:
        ranges = _declared(_execute(code, order))
        runner = Runner(code, ranges, order, window) if window is not None else None
    except BaseException as error:  # a strategy raises what it likes, SystemExit too
        wire.send(write, wire.REFUSED, [wire.pack_failure(failure_of(error))])
        return
    wire.send(write, wire.RANGES, [wire.pack_ranges(ranges)])
    sent: Signals | None = None
    for given in order["params"] if runner else ():
        _allow_cpu(order["cpu_s_per_set"])
        try:
            if "lines" in order:
                kind, parts = wire.LINES, wire.pack_lines(*runner.lines(given, order["lines"]))  # type: ignore[union-attr]
            elif "states" in order:
                kind, parts = wire.VALUES, wire.pack_values(*runner.states(given, *order["states"]))  # type: ignore[union-attr]
            else:
                signals = runner.signals(given)  # type: ignore[union-attr]
                kind, parts = wire.SIGNALS, wire.pack_signals_message(signals, sent)
                sent = signals
        except BaseException as error:  # as above, and the next set goes on
            kind, parts = wire.FAILURE, [wire.pack_failure(failure_of(error))]
        wire.send(write, kind, parts)


def _execute(code: CodeType, order: dict[str, Any]) -> dict[str, Any]:
    """The names of the module, executed anew. The global generators are seeded, so that a strategy that draws repeats."""
    random.seed(order["salt"])
    np.random.seed(order["salt"] % 2**32)
    names = dict(BUILTINS) if order["policy"] else __builtins__
    module: dict[str, Any] = {"__name__": "strategy", "__builtins__": names}
    exec(code, module)
    return module


def _declared(module: dict[str, Any]) -> tuple[ParamRange, ...]:
    if not callable(module.get("signals")):
        raise ContractBreach("the module has no function `signals`; wanted def signals(market, params, ta)")
    if "PARAMS" not in module:
        raise ContractBreach("the module has no PARAMS; wanted a dict of parameter ranges, which may be empty")
    return read_ranges(module["PARAMS"])


class Runner:
    """One strategy on one window: its parameter sets share the market's frames and the indicator cache, and nothing else."""

    def __init__(self, code: CodeType, ranges: tuple[ParamRange, ...], order: dict[str, Any], window: Window) -> None:
        self._code, self._ranges, self._order = code, ranges, order
        self._with_shorts = order["sides"] == "both"
        self._ta = Indicators(cache_mb=order["cache_mb"])
        self._plain_ta = frozenset(vars(self._ta))
        header, times, fields = window
        self._frames = MarketFrames(header, times, fields, ta=self._ta, rng=np.random.default_rng(order["salt"]))

    def signals(self, given: dict[str, Any]) -> Signals:
        """The signals of one parameter set."""
        return self._ask(given, self._read)

    def lines(self, given: dict[str, Any], asset: int) -> tuple[float, dict[str, np.ndarray]]:
        """(price scale of that asset, its lines for a chart by name) of one parameter set whose signals can be read."""
        return float(self._frames.scales[asset]), self._ask(
            given, lambda answer: (self._read(answer), read_lines(answer, self._frames.shape, asset))[1]
        )

    def states(self, given: dict[str, Any], bars: list[int], assets: list[int]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(price scales, values by label) of one parameter set whose signals can be read: what each call of `ta` came to at each
        of those cells, bars counted behind the lead-in; of calls with one label the first."""
        rows, columns = np.array(bars, np.int64) + self._frames.shape.lead_in, np.array(assets, np.int64)
        found: dict[str, np.ndarray] = {}
        self._ta.calls = []
        try:
            self._ask(given, self._read)
            for label, frame in self._ta.calls:
                if len(found) < wire.MAX_STATES and label[: wire.MAX_LABEL] not in found:
                    values = frame.to_numpy()[rows, columns].astype(np.float64)
                    found[label[: wire.MAX_LABEL]] = np.where(np.isfinite(values), values, np.nan)
        finally:
            self._ta.calls = None
        return self._frames.scales, found

    def _read(self, answer: Any) -> Signals:
        return read_answer(answer, self._frames.shape, with_shorts=self._with_shorts)

    def _ask(self, given: dict[str, Any], read: Callable[[Any], T]) -> T:
        """What `read` makes of an answer from a module, a market and a `ta` on which no other set has left anything."""
        params, _ = complete_params(self._ranges, given)
        try:
            return read(_execute(self._code, self._order)["signals"](MarketView(self._frames), Named(params, "params"), self._ta))
        finally:
            self._frames.forget_altered()
            for name in vars(self._ta).keys() - self._plain_ta:
                delattr(self._ta, name)


def _allow_cpu(seconds: float) -> None:
    """Move the soft CPU limit to so many seconds from now, never past the hard one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard) if hard >= 0 else soft, hard))


def read_order(body: bytes) -> dict[str, Any]:
    """The order that the host has written; the child reads it, so that the server depends on nothing in it."""
    return json.loads(body)


def writer(fd: int) -> Write:
    """A function that writes all of its argument to the descriptor."""

    def write(part: bytes | memoryview) -> None:
        view = memoryview(part)
        while len(view):
            view = view[os.write(fd, view) :]

    return write
