"""What a strategy gets for modules and built-ins, and how what it writes fares in a child."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.features.indicators import Indicators
from engine.records import Failure, Signals, Window
from engine.settings import Limits
from engine.strategy.allowed import ATTRIBUTES
from engine.strategy.facade import BUILTINS, MODULES, Facade, PolicyBreach, public
from engine.strategy.packing import unpack_bits
from engine.strategy.policy import check_policy
from engine.strategy.sandbox import SandboxPool
from engine.strategy.window_data import SealedWindow, seal_window
from tests.fake_market import fake_market
from tests.markets import panel_of
from tests.strategy.refused import HONEST, body

ABSENT = {
    "numpy": """load save savez savetxt loadtxt genfromtxt fromfile fromregex memmap frombuffer frompyfunc nditer ctypeslib f2py
        testing core ma char rec show_config info seterr seterrcall setbufsize bmat r_ c_ from_dlpack DataSource""",
    "pandas": "io read_csv read_pickle eval test options set_option api core util plotting HDFStore",
}
LEADING_OUT = """
    func args keywords obj fget fset gi_frame gi_code cr_frame tb_frame tb_next f_back f_globals f_locals f_builtins mro base data
    ctypes view pipe eval query format os sys send throw with_traceback write read register calls resize setflags
"""


def run(source: str) -> dict[str, Any]:
    """The names of a source that has passed the policy, run as a child runs it."""
    check_policy(ast.parse(source))
    names: dict[str, Any] = {"__builtins__": dict(BUILTINS), "__name__": "strategy", "ta": Indicators()}
    exec(compile(source, "strategy.py", "exec"), names)
    return names


def facades() -> list[Facade]:
    """All of them, those in others too."""
    found, pending = [], [*MODULES.values()]
    while pending:
        facade = pending.pop()
        found.append(facade)
        pending += [member for member in vars(facade).values() if isinstance(member, Facade)]
    return found


def test_every_way_to_import_gives_the_facade() -> None:
    got = run(
        "from __future__ import annotations\nimport numpy\nimport numpy as np\nimport pandas as pd\nimport math\n"
        "from numpy import where, linalg\nfrom math import pi\nfrom typing import Any, Dict\n"
        "from numpy.lib.stride_tricks import sliding_window_view as windows\nfrom collections.abc import Callable\n"
        "hint = Dict[str, Callable[[int], Any]] | None\n"
    )
    assert got["np"] is got["numpy"] is MODULES["numpy"]
    assert got["pd"] is MODULES["pandas"]
    assert got["math"] is MODULES["math"]
    assert got["where"] is np.where
    assert got["linalg"] is got["np"].linalg
    assert got["pi"] == np.pi
    assert got["windows"](np.arange(3), 2).tolist() == [[0, 1], [1, 2]]


def test_a_facade_holds_no_module_and_leads_to_none() -> None:
    for facade in facades():
        assert not [name for name in public(facade) if isinstance(getattr(facade, name), ModuleType)]


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in ABSENT.items() for name in names.split()])
def test_a_facade_is_without(module: str, name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no '{name}' for a strategy"):
        getattr(MODULES[module], name)


def test_nothing_can_be_set_on_a_facade() -> None:
    with pytest.raises(AttributeError, match="cannot be set"):
        MODULES["numpy"].mean = None
    assert MODULES["numpy"].mean is np.mean


def test_getattr_finds_indicators_and_nothing_else() -> None:
    assert run("y = getattr(ta, 'nothing', None)")["y"] is None
    assert callable(run("y = getattr(ta, 'ema')")["y"])
    for source in (
        "getattr(ta, 'calls')", "getattr(ta, 'cal' + 'ls')", "getattr(ta, '_' + '_class__')", "getattr(ta, 5)",
        "getattr([], 'append')", "getattr(getattr(ta, 'ema'), 'func')", "list(map(getattr, [ta], ['calls']))",
    ):  # fmt: skip
        with pytest.raises(PolicyBreach):
            run(source)


def test_isinstance_knows_frames_arrays_and_plain_types() -> None:
    source = "import numpy as np\nimport pandas as pd\ny = [isinstance(v, (pd.DataFrame, np.ndarray, float)) for v in (a, b, 1)]"
    check_policy(ast.parse(source))
    names: dict[str, Any] = {"__builtins__": dict(BUILTINS), "a": pd.DataFrame(), "b": np.zeros(1)}
    exec(source, names)
    assert names["y"] == [True, True, False]


def test_ndarray_is_a_type_and_makes_no_array() -> None:
    """`np.ndarray((1,), object, buffer=numbers)` takes numbers for the addresses of objects."""
    run("import numpy as np\ndef f(a: np.ndarray | None, b: np.ndarray[float]) -> dict[str, np.ndarray]: return a")
    with pytest.raises(PolicyBreach, match=r"a call of np.ndarray; make arrays by np.zeros"):
        run("import numpy as np\nx = np.ndarray((1,), dtype=object, buffer=np.ones(1))")


def test_a_seeded_generator_repeats_and_one_without_seed_is_not_had() -> None:
    source = "import numpy as np\ny = np.random.default_rng(7).normal(size=3).tolist()"
    assert run(source)["y"] == run(source)["y"]
    for call in ("np.random.default_rng()", "np.random.default_rng(None)"):
        with pytest.raises(PolicyBreach, match=r"default_rng\(1\)"):
            run(f"import numpy as np\n{call}")


def test_printing_is_no_error_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run("print('a', 1, sep='-', end='')")
    assert capsys.readouterr() == ("", "")


def test_numpy_may_still_import_its_own_parts() -> None:
    """Its compiled code asks the strategy's own `__import__`, since it stands in the frame that called."""
    assert run("import numpy as np\ny = float((np.arange(4.0) - 1).mean() + np.arange(3).sum())")["y"] == 3.5


@pytest.mark.parametrize("name", ["open", "eval", "exec", "type", "vars", "setattr", "hasattr", "compile", "globals"])
def test_a_refused_built_in_is_not_there_even_past_the_policy(name: str) -> None:
    with pytest.raises(NameError):
        exec(name, {"__builtins__": dict(BUILTINS)})


def test_whatever_a_facade_holds_may_be_named() -> None:
    """`np.array` was once refused, for the sake of `series.array`."""
    for facade in facades():
        assert public(facade) <= ATTRIBUTES


def test_no_allowed_attribute_leads_out() -> None:
    assert not ATTRIBUTES & {*LEADING_OUT.split()}
    assert not {name for name in ATTRIBUTES if name.startswith(("_", "read_"))}
    assert {name for name in ATTRIBUTES if name.startswith("to_")} == {
        "to_numpy",
        "to_list",
        "to_frame",
        "to_series",
        "to_numeric",
    }


# --- in a child


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits(cpu_s_per_set=5))
    yield made
    made.close()


@pytest.fixture(scope="module")
def data() -> SealedWindow:
    market = fake_market(bars=700, assets=8)
    prices = np.stack([getattr(market, name).to_numpy() for name in ("open", "high", "low", "close")], axis=-1)
    panel = panel_of(prices, volume=market.volume.to_numpy())
    return seal_window(panel, Window("train", 100, 700, lead_in=100))


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.stem)
def test_an_honest_strategy_runs_and_trades(path: Path, pool: SandboxPool, data: SealedWindow) -> None:
    (found,) = pool.signals(path.read_text(encoding="utf-8"), [{}], data)
    assert isinstance(found, Signals), found
    assert unpack_bits(found.entries, 600).any()


def test_there_are_many_honest_strategies() -> None:
    assert len(HONEST) >= 20


def test_a_breach_comes_back_as_a_failure_with_its_line(pool: SandboxPool, data: SealedWindow) -> None:
    said = (
        "x.to_csv; a strategy computes from market, params and ta alone: leave it out; for the values of a frame use .to_numpy()"
    )
    source = body("x.to_csv('/tmp/x')")
    assert pool.ranges(source) == Failure("policy", said, 6)
    assert list(pool.signals(source, [{}, {}], data)) == [Failure("policy", said, 6)] * 2


def test_a_breach_that_only_running_shows_has_its_line_too(pool: SandboxPool, data: SealedWindow) -> None:
    (found,) = pool.signals(body("getattr(market, 'frames')"), [{}], data)
    said = 'getattr on something else than ta; only getattr(ta, params["..."]) is allowed: write the name out'
    assert found == Failure("policy", said, 6)


def test_what_a_strategy_does_to_its_built_ins_ends_with_its_set(pool: SandboxPool, data: SealedWindow) -> None:
    source = body("max = 5", "assert max == 5") + "def max(a): return 1\n"
    assert [type(f) for f in pool.signals(source, [{}, {}], data)] == [Signals, Signals]


@pytest.mark.parametrize(
    "lines",
    [
        ("seen = x.columns.name", "x.columns.rename('left', inplace=True)"),
        ("seen = x.index.name", "x.index.rename('left', inplace=True)"),
        ("rows = np.asarray(x.index)", "seen = rows[0] < 0", "rows[0] = -1 if params['a'] == 0 else 0"),
        ("f = ta.ema(x, 5)", "seen = f.shape[1] == 9", "f['left'] = 1.0"),
        ("seen = len(market.features)", "market.features['left'] = x"),
        ("seen = len(PARAMS) > 1 or len(params) > 1", "PARAMS['left'] = params['left'] = 1"),
        ("f = market.volume", "seen = f.shape[1] == 9", "f.insert(0, 'left', 1.0)"),
    ],
    ids=["columns", "row labels", "row numbers", "an indicator", "features", "parameters", "the market"],
)
def test_what_the_policy_lets_a_set_leave_behind_is_gone_for_the_next(
    lines: tuple[str, ...], pool: SandboxPool, data: SealedWindow
) -> None:
    source = body(*lines, "return {'entries': x > 0, 'max_bars': 2 if seen else 1}").replace("{}", "{'a': [0, 1]}", 1)
    found = list(pool.signals(source, [{"a": 0}, {"a": 1}], data))
    assert not [f for f in found if isinstance(f, Signals) and f.max_bars == 2]
    assert isinstance(found[1], Signals) or "read-only" in found[1].message
