"""The child's work: execute a strategy on a mapped window and write its answers. Runs once and ends."""

import contextlib
import os
import resource
import traceback
from typing import Any

import numpy as np

from engine.features.indicators import Indicators
from engine.records import Failure, ParamRange, Signals
from engine.strategy import wire
from engine.strategy.contract import read_answer
from engine.strategy.market_view import MarketView
from engine.strategy.params import ContractBreach, complete_params, read_ranges
from engine.strategy.window_data import map_window

FILENAME = "strategy.py"


def work(order: dict[str, Any], window_fd: int, write: Any) -> None:
    """Answer one order: the ranges of a source, or the signals of its parameter sets in their order.

    `order`: source, and for signals `header`, `params` (list of dicts), `salt`, and the limits. A set that fails is answered
    by its failure and the next goes on; a source that fails altogether is answered by one failure.
    """
    try:
        code = compile(order["source"], FILENAME, "exec")
        ranges = _declared(code)
    except BaseException as error:
        wire.send(write, wire.FAILURE, [wire.pack_failure(failure_of(error))])
        wire.send(write, wire.DONE, [])
        return
    if "params" not in order:
        wire.send(write, wire.RANGES, [wire.pack_ranges(ranges)])
        return
    header, times, fields = map_window(window_fd, order["header"])
    ta = Indicators(cache_mb=order["cache_mb"])
    market = MarketView(header, times, fields, ta=ta, rng=np.random.default_rng(order["salt"]))
    for given in order["params"]:
        _allow_cpu(order["cpu_s_per_set"])
        try:
            parts = wire.pack_signals_message(_signals(code, ranges, given, market, ta, order["sides"]))
            kind = wire.SIGNALS
        except BaseException as error:
            parts, kind = [wire.pack_failure(failure_of(error))], wire.FAILURE
        wire.send(write, kind, parts)
    wire.send(write, wire.DONE, [])


def _execute(code: Any) -> dict[str, Any]:
    module: dict[str, Any] = {"__name__": "strategy", "__builtins__": __builtins__}
    exec(code, module)
    return module


def _declared(code: Any) -> tuple[ParamRange, ...]:
    module = _execute(code)
    if not callable(module.get("signals")):
        raise ContractBreach("the module has no function `signals`; wanted def signals(market, params, ta)")
    if "PARAMS" not in module:
        raise ContractBreach("the module has no PARAMS; wanted a dict of parameter ranges, which may be empty")
    return read_ranges(module["PARAMS"])


def _signals(
    code: Any, ranges: tuple[ParamRange, ...], given: dict[str, Any], market: MarketView, ta: Indicators, sides: str = "both"
) -> Signals:
    """Run the module anew for one parameter set; only the indicator cache is shared with the sets before."""
    params, _ = complete_params(ranges, given)
    answer = _execute(code)["signals"](market, params, ta)
    return read_answer(answer, market.shape, with_shorts=sides == "both")


def _allow_cpu(seconds: float) -> None:
    """Move the soft CPU limit to so many seconds from now, never past the hard one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard) if hard >= 0 else soft, hard))


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception in a candidate amounts to, with the strategy's own line where it has one."""
    if isinstance(error, SyntaxError):
        return Failure("syntax", f"{error.msg}: {(error.text or '').strip()[:120]}", error.lineno)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == FILENAME]
    line = lines[-1] if lines else None
    if isinstance(error, ContractBreach):
        return Failure("contract", str(error), None)
    if isinstance(error, MemoryError):
        return Failure(
            "memory", "the strategy asked for more memory than its limit; work on whole frames and keep few of them", line
        )
    with contextlib.suppress(Exception):
        return Failure("error", f"{type(error).__name__}: {error}", line)
    return Failure("error", type(error).__name__, line)


def writer(fd: int) -> Any:
    """A function that writes all of its argument to the descriptor."""

    def write(part: bytes | memoryview) -> None:
        view = memoryview(part)
        while len(view):
            view = view[os.write(fd, view) :]

    return write
