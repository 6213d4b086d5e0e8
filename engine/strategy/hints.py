"""From an exception in a strategy to the failure its author reads: the strategy's own line, and what to write instead."""

import contextlib
import re
import traceback

from engine.errors import StrategyError
from engine.records import Failure
from engine.strategy.facade import PolicyBreach
from engine.strategy.params import ContractBreach

FILENAME = "strategy.py"
"""The name under which strategy source is compiled, by which its lines are known in a traceback."""
_SAID_CAP = 250

_UNWHOLE = re.compile(r"to be a whole number, found (-?\d+\.[\de+-]+)")
_BRACKETS = "put each comparison in brackets and join them with & | ~, as in (a > 1) & (b < 2): & binds tighter than >"
_HINTS: tuple[tuple[str, str], ...] = (
    (r"bad operand type for unary ~", "shift leaves gaps that turn booleans into objects: write ~x.shift(1, fill_value=False)"),
    (r"truth value of an? \w+ .*ambiguous", f"a frame is no single truth, so no `and`, `or`, `not`, `if`, max, min: {_BRACKETS}"),
    (r"'r?(and|or|xor)_?'|unsupported operand type\(s\) for [&|^]|ufunc 'bitwise_", _BRACKETS),
    (r"numpy boolean (subtract|negative)", "for booleans use a & ~b, not a - b"),
    (r"read-only|setting an array element with a sequence",
     "the market and results of ta cannot be changed: work on a copy, x = market.close.copy()"),
    (r"Operands are not aligned", "beside a series with one value a bar use frame.gt(series, axis=0); likewise lt, sub, div"),
    (r"identically-labeled", "both frames must keep all of the market's rows and columns: no dropna or iloc before that"),
    (r"Only valid with DatetimeIndex|window must be an integer",
     "rows are numbered bars, not times: count bars with whole numbers, and use market.hour and market.weekday"),
    (r"slice indices must be integers|cannot be interpreted as an integer|must be an integer",
     "wanted a whole number: a range of two ints in PARAMS gives one, else int(...)"),
    (r"\bsignals\(\) (takes|missing|got)", "wanted def signals(market, params, ta)"),
    (r"name '(np|numpy|pd|pandas|math)' is not defined", "import it at the top, as in import numpy as np"),
    (r"name '(market|params|ta)' is not defined", "it is an argument of signals: pass it on to your own functions"),
    (r"No module named|import of .* halted", "imports are numpy, pandas and math; indicators come as `ta`"),
    (r"Import scipy", "there is no scipy: use ta, ewm, rolling().mean() or plain numpy"),
    (r"has no attribute '(append|applymap|iteritems|pad|backfill|lookup|mad)'",
     "pandas no longer has it: see concat, map, items, ffill, bfill"),
    (r"no frame given for (open|high|low|close|volume)",
     "give the market's frames first, in that order, and the number of bars last, as in ta.atr(market.high, market.low,"
     " market.close, 14)"),
    (r"^ta has no '(rolling|ewm|shift|diff|pct_change|rank|mean|quantile|abs|clip|cumsum|where)'",
     "that is a method of frames, written behind one: market.close.rolling(24).mean()"),
    (r"keyword argument 'method'|fill_method", "use .ffill() or .bfill(), and no fill_method"),
)  # fmt: skip


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception in a candidate amounts to, with the strategy's own line where it has one."""
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    line = next((line for name, line in reversed(places) if name == FILENAME), None)
    if isinstance(error, PolicyBreach):
        return Failure("policy", str(error), error.line or line)
    if isinstance(error, ContractBreach | StrategyError):
        return Failure("contract", str(error), line)
    if isinstance(error, MemoryError):
        return Failure(
            "memory", "the strategy asked for more memory than its limit; work on whole frames and keep few of them", line
        )
    said = ""
    with contextlib.suppress(Exception):
        said = str(error)
    hint = _hint(error, said, places[-1][0] if places else "") or _unwhole(error, said)
    said = said.strip().split("\n")[0]
    said = said if len(said) <= _SAID_CAP else said[:_SAID_CAP] + "…"
    return Failure("error", type(error).__name__ + (f": {said}" if said else "") + (f"; {hint}" if hint else ""), line)


def _hint(error: BaseException, said: str, raised_in: str) -> str:
    if isinstance(error, KeyError) and "pandas" in raised_in:
        return (
            "columns are A000 (the reference asset), A001, … and rows are numbers that mean nothing: choose by position with iloc"
        )
    return next((hint for pattern, hint in _HINTS if re.search(pattern, said)), "")


def _unwhole(error: BaseException, said: str) -> str:
    """Which parameter the fraction is that an indicator was given for a number of bars."""
    found = _UNWHOLE.search(said)
    if found is None:
        return ""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILENAME]
    known = [frame.f_locals.get("params") for frame in frames]
    names = [name for params in known if isinstance(params, dict) for name, value in dict.items(params)
             if type(name) is str and type(value) is float and repr(value) == found[1]]  # fmt: skip
    if not names:
        return "give it a whole number of bars, from a range of two ints in PARAMS"
    return f'that is params["{names[0]:.40}"]: give it a range of two whole numbers in PARAMS, as in "{names[0]:.40}": (5, 60)'


def syntax_failure(error: BaseException) -> Failure:
    """The failure of a source that does not compile."""
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()[:120]
        return Failure("syntax", f"{error.msg}: {text}" if text else str(error.msg), error.lineno)
    if isinstance(error, MemoryError | RecursionError):
        return Failure("syntax", "the source is nested too deeply; write it in smaller expressions")
    return Failure("syntax", f"the source cannot be read: {error!s:.120}")
