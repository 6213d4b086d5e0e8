"""The source policy: honest code passes, hostile code is refused with its line and with what to write instead."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.proposal.random_proposer import RandomProposer
from engine.settings import PROJECT_DIR
from engine.strategy.facade import PolicyBreach
from engine.strategy.policy import check_policy
from tests.strategy.refused import BLOCKS, HONEST, LINES, body

SEEDS = sorted((PROJECT_DIR / "data" / "strategies").glob("*.py"))


def breach(source: str) -> PolicyBreach:
    with pytest.raises(PolicyBreach) as caught:
        check_policy(ast.parse(source))
    return caught.value


def passes(source: str) -> None:
    check_policy(ast.parse(source))


# --- refusals


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_refused_with_its_number_and_what_to_write_instead(line: str) -> None:
    refused = breach(body(line))
    found, instead = LINES[line]
    assert found in str(refused)
    assert instead in str(refused).removeprefix(found)
    assert refused.line == 6
    assert len(str(refused)) < 450


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_refused_with_what_to_write_instead(block: str) -> None:
    refused = breach(body(block))
    found, instead = BLOCKS[block]
    assert found in str(refused)
    assert instead in str(refused)
    assert refused.line is not None
    assert 6 <= refused.line <= 6 + block.count("\n")


# --- sizes


def test_a_table_of_numbers_is_refused_and_a_hundred_are_not() -> None:
    numbers = [str(i) for i in range(100)]
    passes(f"h = [{', '.join(numbers)}]")
    refused = breach(f"\nh = [{', '.join([*numbers, '1'])}]")
    assert str(refused) == "more than 100 numbers in the source; compute values from the market instead of listing them"
    assert refused.line == 2


@pytest.mark.parametrize(
    "table",
    [
        "h = [" + "True, False, " * 60 + "]",
        "h = '" + "1 " * 101 + "'.split()",
        "h = ['" + "', '".join(str(i) for i in range(101)) + "']",
        "h = dict(" + ", ".join(f"a{i}=None" for i in range(101)) + ")",
        "h = 'udduduud' * 1 + '" + "ud" * 101 + "'",
        "h = [" + "'uduudduudu', " * 301 + "]",
        "def signals(market, params, ta):\n    return '" + "ud" * 101 + "'",
    ],
    ids=["booleans", "digits in a text", "digits in texts", "names", "a long text", "many texts", "a text that is used"],
)
def test_a_table_in_another_dress_is_refused(table: str) -> None:
    assert "numbers in the source" in str(breach(table)) or "a strategy carries no data" in str(breach(table))


def test_docstrings_and_standing_texts_are_no_data() -> None:
    passes(f'"""{"1 2 3 and words " * 100}"""\ndef f():\n    """{"4 5 6 " * 100}"""\n    "{"7 8 9 " * 100}"')


def test_a_source_of_too_many_parts_is_refused() -> None:
    assert "more than 10,000" in str(breach("x = y\n" * 5_000))


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 150 + "y" + ")" * 150,
        "x = " + "[" * 90 + "y" + "]" * 90,
    ],
)
def test_moderate_nesting_passes(source: str) -> None:
    passes(source)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "-" * 800 + "y",
        "x = " + "y." * 800 + "T",
        "x = " + "y + " * 800 + "y",
        "x = y" + "[0:y]" * 800,
        "x = y" + "()" * 800,
        "if a: pass\n" + "elif a: pass\n" * 800,
        "@y" + ".T" * 700 + "\ndef f(): pass",
        "try: pass\nexcept y" + ".T" * 700 + ": pass",
        "x.agg(y" + ".T" * 700 + ")",
    ],
    ids=["signs", "attributes", "sums", "subscripts", "calls", "elif", "a decorator", "a handler", "a function"],
)
def test_deep_nesting_is_refused_and_crashes_nothing(source: str) -> None:
    breach(source)


def test_a_chain_of_names_for_a_function_is_followed_without_recursion() -> None:
    chain = "".join(f"{'f' * i} = ({'f' * (i + 1)}, {'f' * (i + 1)})\n" for i in range(1, 61))
    passes(f"{chain}{'f' * 61} = 'mean'\nx.agg(f)")
    breach(f"{chain}{'f' * 61} = 'to_csv'\nx.agg(f)")


# --- honest code


@pytest.mark.parametrize("path", [*HONEST, *SEEDS], ids=lambda path: path.stem)
def test_honest_strategies_pass(path: Path) -> None:
    passes(path.read_text(encoding="utf-8"))


def test_every_draw_of_the_random_proposer_passes() -> None:
    rng = np.random.default_rng(3)
    for proposer in (RandomProposer(), RandomProposer("long", without=["volume"])):
        for _ in range(150):
            passes(proposer.draw(rng).source)


@pytest.mark.parametrize(
    "line",
    [
        "y = x.rolling(3).apply(np.mean, raw=True)",
        "y = x.apply(np.log)",
        "y = x.agg(['mean', 'std'])",
        "y = x.agg({'A000': 'mean', 'A001': max})",
        "y = x.apply(lambda c: c.rank(pct=True), axis=1)",
        "f = lambda c: c - c.mean(); y = x.apply(f)",
        "f = np.nanmean; y = x.apply(f, axis=1)",
        "import numpy as np; y = x.apply(np.log)",
        "y = x.groupby(market.hour['A000']).transform('mean')",
        "y = market.weekday.map({0: True, 1: False}.get)",
        "y = x.map(lambda v: v * 2)",
        "y = x.where(x > 0, other=np.nan).mask(x > 9).clip(0, 1).fillna(0.0).ffill()",
        "y = np.array([1.0, 2.0], dtype=object)",
        "y = np.maximum.accumulate(x.to_numpy(), axis=0)",
        "y = np.add.reduce([x, x])",
        "y = x.ewm(span=12, adjust=False).mean().iloc[:, 0]",
        "y = [(a, b) for _, (a, b) in enumerate(zip([1], [2]))]",
        "first, *rest = x, x",
        "open, high = market.open, market.high; y = open + high",
        "id = type = hash = 1; y = id + type + hash",
        "y = f'{x.shape[0]:>5d} {1.5:.2f}'",
        "y = '%d bars' % len(x)",
        "y: pd.DataFrame | None = None",
        "y = getattr(ta, 'ema')(x, 5)",
        "y = np.finfo(np.float64).eps",
        "y = x.rank(axis=1, pct=True).gt(0.5, axis=0) if len(x) else None",
        "y = isinstance(x, (pd.DataFrame, pd.Series, np.ndarray, int))",
        "y = np.linalg.lstsq(np.ones((3, 1)), np.ones(3), rcond=None)[0]",
        "del x['A000']",
    ],
)  # fmt: skip
def test_honest_lines_pass(line: str) -> None:
    passes(body(line))


def test_it_costs_little() -> None:
    """Measured 0.4 ms for a usual source; a slow machine gets ten times as long."""
    tree = ast.parse(next(p for p in HONEST if p.stem == "long_only_verbose").read_text(encoding="utf-8"))
    took = []
    for _ in range(20):
        start = time.thread_time()
        check_policy(tree)
        took.append(time.thread_time() - start)
    assert min(took) < 0.003


# --- any text at all

_WORDS = (
    """
    import from as def class lambda return yield async await match case try except finally raise with if elif else for while in is
    not and or global nonlocal del pass break continue assert None True False x f ta np __x__ _y agg apply mean 1 2.5 1j 'a' b'a'
    f'{x}' """
    + "( ) [ ] { } . , : ; = := == + - * ** / // % @ & | ^ ~ < > -> ... σ"
)
WORDS = st.sampled_from([*_WORDS.split(), "\n", "\n    ", "\n        ", "\t", '"""d"""'])


def is_judged(tree: ast.Module) -> bool:
    """The policy lets it pass, or refuses it with words on what to write instead; all else is raised."""
    try:
        check_policy(tree)
    except PolicyBreach as refused:
        return "; " in str(refused)
    return True


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map(" ".join)))
def test_any_text_passes_or_is_refused_and_nothing_else(text: str) -> None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the parser's own ways to refuse
        return
    assert is_judged(tree)


_HONEST_SOURCES = [path.read_text(encoding="utf-8") for path in HONEST]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_HONEST_SOURCES), st.integers(0, 2_000), st.integers(0, 40), st.lists(WORDS, max_size=4))
def test_a_damaged_strategy_passes_or_is_refused_and_nothing_else(source: str, at: int, cut: int, put: list[str]) -> None:
    try:
        tree = ast.parse(source[:at] + " ".join(put) + source[at + cut :])
    except (SyntaxError, ValueError):
        return
    assert is_judged(tree)


def test_no_attribute_is_allowed_that_nobody_has_read() -> None:
    """A new name comes with a new version of a library: read what it does, then deny it or add it to the file.

    In a process of its own, as the fork server is: libraries that other tests import hang names on frames.
    """
    told = "from engine.strategy.allowed import ATTRIBUTES; print(*ATTRIBUTES)"
    done = subprocess.run([sys.executable, "-c", told], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    read = set((Path(__file__).parent / "attributes.txt").read_text().split())
    assert sorted(set(done.stdout.split()) - read) == []
