"""Source and short answers out of a model's text: what is found in replies, and what hostile text comes to."""

import re
import time
from contextlib import suppress
from textwrap import indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StrategyError
from engine.figures import PORTFOLIO_FIGURES
from engine.proposal.code_text import (
    extract_code,
    indicator_probe,
    is_same_logic,
    link_indicators,
    ranges_told,
    read_prediction,
    read_ranges,
    with_ranges,
)
from engine.strategy.params import read_ranges as declared_ranges

SOURCE = '''"""Cross; PARAMS = {"fast": (1, 2)} is no dict here."""

import numpy as np

PARAMS = {
    "fast": (5, 40),  # bars, as in (5, 40)
    'slow': (20, 200),
    "burst": (1.2, 4.0), "size": ("log", 0.001, 0.1),
    "steps": ("log", 8, 64),
    "average": ["ema", "sma", "wma"],
    "levels": [10, 20, 40],
    "last": (1, 9)
}


def signals(market, params, ta):
    fast = getattr(ta, params["average"])(market.close, params["fast"])
    return {"entries": ta.crossed_above(fast, ta.sma(market.close, params["slow"]))}
'''
INDICATOR = '''import numpy as np


def strength(market, ta, n):
    """How strong(ly) strength is; no ta.other( here."""
    return ta.ema(market.close / ta.sma(market.close, n), n)
'''
HOSTILE = [
    "",
    "\x00",
    "\ud800",
    "(" * 60_000,
    "[" * 60_000 + "]" * 60_000,
    "{" * 30_000 + '"a":' * 10_000,
    '"""',
    "'",
    "\\",
    "\t \t\n  x\n y",
    "PARAMS",
    "PARAMS =",
    "PARAMS = {",
    "PARAMS = {'a'",
    "PARAMS = {'a': }",
    "PARAMS = {**x}",
    "PARAMS = {}\nPARAMS = {}",
    "\n" * 60_000,
    " " * 60_000,
    "```" * 20_000,
    "```\n" * 20_000,
    "[[ ## code ## ]]\n" * 5_000,
    "ta." * 20_000,
    "ta.strength(" * 5_000,
    "a=[" + "]" * 50_000,
    "0" * 60_000,
    "PARAMS = {'fast': (" + "9" * 5_000 + ", 1)}",
    "\u2028\x0c\r",
    "def " * 10_000,
    "sharpe " * 5_000 + "up",
    '{"a": ' * 4_000,
    '{"a": [' + "1" * 6_000 + ", 2]}",
    "{" + ",\n" * 9_000 + "}",
    "import os; os.system('id')",
    "𝐝𝐞𝐟 signals():",
]


def values_of(source: str) -> dict[str, object]:
    """What PARAMS of a source of this test's own making holds."""
    found: dict[str, object] = {}
    exec(source.split("\n\n\ndef ")[0], found)
    return found["PARAMS"]  # type: ignore[return-value]


# code in replies

CODE = "PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {}\n"


@pytest.mark.parametrize(
    "reply",
    [
        CODE,
        f"```python\n{CODE}```",
        f"Here it is:\n\n```Python\n{CODE}\n```\nIt buys dips.",
        f"```\n{CODE}```",
        f"```python\n{CODE}",
        f"{CODE}```",
        f"code: ```python\n{CODE}```",
        indent(f"```python\n{CODE}```", "  "),
        f"First thought:\n```python\ndef signals(m, p, t):\n    pass\n```\nBetter:\n```python\n{CODE}```",
        f"```python\n{CODE}```\nRun it by:\n```bash\npython -m something --with a very long line and no function at all\n```",
        f"```python\n{CODE}```\nwith a helper like\n```python\ndef helper(x):\n    return x\n```",
        f"[[ ## code ## ]]\n```python\n{CODE}```\n[[ ## completed ## ]]",
        f"[[ ## code ## ]]\n{CODE}\n[[ ## completed ## ]]\n",
        f"Sure! Here is a strategy.\n\n{CODE}\nThis strategy buys dips.\nI hope it helps.\n",
        CODE.replace("\n", "\r\n"),
        CODE.replace("\n", "\\n"),
    ],
)
def test_the_code_of_a_reply(reply):
    assert extract_code(reply) == CODE


def test_code_is_left_as_it_was_written():
    assert extract_code(f"Words.\n```python\n{SOURCE}```") == SOURCE
    assert extract_code(SOURCE) == SOURCE
    assert extract_code(f"As follows:\n{SOURCE}\nThat is all.") == SOURCE


@pytest.mark.parametrize("reply", ["I cannot do that.", "Buy low.\nSell high.", "function f() { return 1 }"])
def test_a_reply_without_code_comes_back_for_the_checker_to_refuse(reply):
    assert extract_code(reply) == reply + "\n"


@pytest.mark.parametrize("reply", ["", "\n \n", "```python\n```", "```"])
def test_nothing_is_empty(reply):
    assert extract_code(reply) == ""


# ranges into the source


def test_new_ranges_are_told_by_what_they_change():
    wanted = {"fast": [8, 20], "slow": [20, 200], "size": ["log", 0.01, 0.05], "average": ["ema", "sma"], "levels": [10, 40]}
    told = "Other ranges for fast: 8 to 20; for size: 0.01 to 0.05 on a log scale; for average: ema or sma; for levels: 10 or 40."
    assert ranges_told(SOURCE, wanted) == told
    assert ranges_told(SOURCE, {"slow": [20, 200]}) == "Other ranges were asked for, and none was changed."


def test_new_ranges_keep_their_kind_and_every_other_letter():
    wanted = {
        "fast": [8, 20.0],
        "slow": (30, 90),
        "burst": [2, 3],
        "size": ["log", 0.01, 0.05],
        "steps": [16, 32],
        "average": ["sma"],
    }
    found = with_ranges(SOURCE, wanted)
    assert values_of(found) == {
        "fast": (8, 20), "slow": (30, 90), "burst": (2.0, 3.0), "size": ("log", 0.01, 0.05), "steps": ("log", 16, 32),
        "average": ["sma"], "levels": [10, 20, 40], "last": (1, 9),
    }  # fmt: skip
    kinds = {r.name: (r.kind, r.log) for r in declared_ranges(values_of(SOURCE))}
    assert {r.name: (r.kind, r.log) for r in declared_ranges(values_of(found))} == kinds
    before, after = SOURCE.split("\n"), found.split("\n")
    assert [a for b, a in zip(before, after, strict=True) if a != b] == [
        '    "fast": (8, 20),  # bars, as in (5, 40)',
        "    'slow': (30, 90),",
        '    "burst": (2.0, 3.0), "size": ("log", 0.01, 0.05),',
        '    "steps": ("log", 16, 32),',
        '    "average": ["sma"],',
    ]


def test_no_ranges_change_nothing():
    assert with_ranges(SOURCE, {}) == SOURCE


@pytest.mark.parametrize(
    "form", ["PARAMS = {'n': (1, 2)}", "PARAMS: dict = {'n': (1, 2),}", "PARAMS={'n':\n(1,\n2)\n}", 'PARAMS = {"n": (-1, +2)}']
)
def test_params_in_every_form_of_a_dict(form):
    assert values_of(with_ranges(form, {"n": [3, 7]})) == {"n": (3, 7)}


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ({"fsat": [1, 2]}, "PARAMS has no 'fsat'; it has fast, slow, burst, size, steps, average, levels, last"),
        ({"fast": [5]}, "the range of fast is [5]; wanted two numbers"),
        ({"fast": [5, 6, 7]}, "wanted two numbers"),
        ({"fast": [9, 5]}, "wanted low <= high"),
        ({"fast": ["a", "b"]}, "wanted two numbers"),
        ({"fast": [True, False]}, "wanted two numbers"),
        ({"fast": [1, float("nan")]}, "wanted plain numbers"),
        ({"fast": [1, 10**30]}, "wanted plain numbers"),
        ({"fast": [[1], 2]}, "wanted plain numbers"),
        ({"size": [0.0, 1.0]}, "wanted 0 < low <= high"),
        ({"average": ["ema", "kama"]}, "wanted some of those that it has"),
        ({"average": ["sma']; import os; ['"]}, "wanted some of those that it has"),
        ({"average": [1, 2]}, "wanted texts"),
        ({"average": []}, "wanted some of those that it has"),
    ],
)
def test_what_is_no_range_is_refused(ranges, told):
    with pytest.raises(StrategyError, match=re.escape(told)):
        with_ranges(SOURCE, ranges)


@pytest.mark.parametrize(
    "source", ["def signals(): pass", "PARAMS = dict(n=(1, 2))", "PARAMS = {}\nPARAMS = {'n': (1, 2)}", "PARAMS = {n: (1, 2)}"]
)
def test_params_that_are_not_written_out_are_refused(source):
    with pytest.raises(StrategyError, match=r"PARAMS"):
        with_ranges(source, {"n": [1, 2]})


# indicators


def calling(call: str) -> str:
    head = '"""Doc."""\nimport numpy as np\nPARAMS = {"n": (5, 60)}\n\n\n'
    return f"{head}def signals(market, params, ta):\n    strength = {call}\n    return strength\n"


@pytest.mark.parametrize(
    ("call", "linked"),
    [
        ('ta.strength(market, params["n"])', 'ta_strength(market, ta, params["n"])'),
        ("ta.strength(market, ta, 20)", "ta_strength(market, ta, 20)"),
        ("ta.strength(20)", "ta_strength(market, ta, 20)"),
        ("ta.strength(market, n=20)", "ta_strength(market, ta, n=20)"),
        ("ta.strength()", "ta_strength(market, ta)"),
        ("ta.strength(market)", "ta_strength(market, ta)"),
        ("ta.strength(market.close, 20)", "ta_strength(market, ta, market.close, 20)"),
        ("ta . strength( # why\n        market, 20)", "ta_strength(market, ta, 20)"),
        (
            "ta.sma(ta.strength(market, 5), 3) + ta.strength(9)",
            "ta.sma(ta_strength(market, ta, 5), 3) + ta_strength(market, ta, 9)",
        ),
    ],
)
def test_calls_of_an_indicator_become_calls_of_its_function(call, linked):
    found = link_indicators(calling(call), {"strength": INDICATOR})
    assert f"    strength = {linked}\n" in found
    assert found.count("def ta_strength(market, ta, n):") == 1
    assert found.startswith('"""Doc."""\n\n\nimport numpy as np\n')
    compile(found, "linked", "exec")


@pytest.mark.parametrize(
    "call",
    ["ta.sma(market.close, 3)", "x.ta.strength(market, 3)", '"ta.strength(market, 3)"', "ta.strength", "strength(market, 3)"],
)
def test_a_source_that_calls_none_is_unchanged(call):
    assert link_indicators(calling(call), {"strength": INDICATOR}) == calling(call)


def test_indicators_that_call_others_bring_them_along_once():
    second = "def second(market, ta, n):\n    return ta.strength(market, n) + ta.second(market, n)\n"
    found = link_indicators(calling("ta.second(market, 5)"), {"strength": INDICATOR, "second": second, "unused": second})
    assert [line for line in found.split("\n") if line.startswith("def ")] == [
        "def ta_second(market, ta, n):", "def ta_strength(market, ta, n):", "def signals(market, params, ta):",
    ]  # fmt: skip
    assert "return ta_strength(market, ta, n) + ta_second(market, ta, n)" in found


def test_linking_twice_is_linking_once():
    once = link_indicators(calling("ta.strength(market, 5)"), {"strength": INDICATOR})
    assert link_indicators(once, {"strength": INDICATOR}) == once


def test_the_probe_is_a_strategy_that_holds_the_indicator():
    found = indicator_probe(INDICATOR, "strength")
    assert "def ta_strength(market, ta, n):" in found
    assert 'value = ta_strength(market, ta, params["n"])' in found
    assert found.startswith('"""')
    compile(found, "probe", "exec")


@pytest.mark.parametrize(
    ("source", "name", "told"),
    [
        (INDICATOR, "sma", "ta has sma already"),
        (INDICATOR, "Strength", "wanted a new name of 3 to 40 small letters"),
        (INDICATOR, "_strength", "wanted a new name"),
        (INDICATOR, "lambda", "wanted a new name"),
        (INDICATOR, "x" * 41, "wanted a new name"),
        (INDICATOR, "other", "the source defines strength; wanted one function, def other(market, ta, n)"),
        (INDICATOR + "\n\ndef helper():\n    pass\n", "strength", "the source defines strength, helper"),
        ("x = 1\n", "strength", "the source defines no function"),
        ("def strength(:\n  (", "strength", "cannot be read"),
    ],
)
def test_what_is_no_indicator_is_refused(source, name, told):
    with pytest.raises(StrategyError, match=re.escape(told)):
        indicator_probe(source, name)


# predictions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sharpe up", ("sharpe", "up")),
        ("max_drawdown: down.", ("max_drawdown", "down")),
        ("**Sharpe ratio** should increase", ("sharpe", "up")),
        ("Higher win rate", ("win_rate", "up")),
        ("win-rate ↑, trades ↓", ("win_rate", "up")),
        ("Expected: trades fall by half and the Sharpe rises", ("trades", "down")),
        ("win_rate_with_open up", ("win_rate_with_open", "up")),
        ("Annual return up", ("annual_return", "up")),
        ("fewer trades", ("trades", "down")),
        ("profit_factor up because upward moves fall less", ("profit_factor", "up")),
        ("sharpe", ("", "up")),
        ("up", ("", "up")),
        ("profits improve", ("", "up")),
        ("sharper up", ("", "up")),
        ("", ("", "up")),
    ],
)
def test_the_figure_and_direction_of_a_prediction(text, expected):
    assert read_prediction(text) == expected


@pytest.mark.parametrize("name", PORTFOLIO_FIGURES)
def test_every_figure_can_be_predicted_by_its_name(name):
    assert read_prediction(f"{name} down") == (name, "down")


# ranges in answers


@pytest.mark.parametrize(
    "text",
    [
        '{"fast": [5, 20.5], "average": ["ema"]}',
        '```json\n{"fast": [5, 20.5],\n "average": ["ema"],}\n```',
        "PARAMS = {'fast': (5, 20.5), 'average': ['ema']}",
        'The ranges are {"fast": [5, 20.5], "average": ["ema"]}.',
    ],
)
def test_ranges_of_an_answer(text):
    assert read_ranges(text) == {"fast": (5, 20.5), "average": ("ema",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fast from 5 to 20", "wanted a JSON object"),
        ("[5, 20]", "wanted a JSON object"),
        ('{"fast": 5}', "the range of 'fast' is 5; wanted a list"),
        ('{"fast": []}', "wanted a list"),
        ('{"fast": [null, 2]}', "wanted a list"),
        ('{"fast": [NaN, 2]}', "wanted a list"),
        ('{"fast": {"low": 1}}', "wanted a list"),
        ('{"fast": [1, Infinity]}', "wanted a list"),
    ],
)
def test_an_answer_without_ranges_is_refused(text, told):
    with pytest.raises(StrategyError, match=re.escape(told)):
        read_ranges(text)


# hostile text


def use_all(text: str) -> None:
    """Every function on that text: an answer or a StrategyError, and nothing else."""
    extract_code(text)
    read_prediction(text)
    link_indicators(text, {"strength": INDICATOR})
    for act in (read_ranges, lambda t: with_ranges(t, {"fast": [1, 2]}), lambda t: indicator_probe(t, "strength")):
        with suppress(StrategyError):
            act(text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_hostile_text_comes_to_a_sentence_and_soon(text):
    began = time.thread_time()
    use_all(text)
    assert time.thread_time() - began < 2.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "PARAMS = {",
                "}",
                "(",
                ")",
                '"fast"',
                ":",
                ",",
                "1",
                "2.5",
                "\n",
                "    ",
                "def strength(",
                "ta.strength(",
                "market",
                "```",
                "'",
                '"""',
                "#",
                "\\",
                "up",
                "sharpe",
                "ta",
                "é",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_jumble_comes_to_an_answer_or_a_sentence(text):
    use_all(text)


def test_nothing_of_a_source_is_run_or_compiled(monkeypatch):
    for name in ("compile", "eval", "exec"):
        monkeypatch.setattr(f"builtins.{name}", lambda *_, **__: pytest.fail("run"))
    use_all(SOURCE)
    link_indicators(calling("ta.strength(market, 5)"), {"strength": INDICATOR})


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ('"""Other words."""\n\nx = 1  # more\ndef f():\n  return x\n', True),
        ('x = 1\n\n\ndef f():\n        # indeed\n        return x\n', True),
        ('"""Words."""\nx = 2\ndef f():\n    return x\n', False),
        ('"""Words."""\nx = 1\ndef f():\n    return -x\n', False),
        ('"""Words."""\nx = 1\ndef f(:\n    return "\n', False),
    ],
)  # fmt: skip
def test_words_and_layout_are_no_logic(other: str, is_same: bool) -> None:
    assert is_same_logic('"""Words."""\nx = 1\ndef f():\n    return x\n', other) == is_same
