"""The scripted model keeps its word, since other tests lean on it: same question, same answer, and defects that are defects."""

import ast
import random
from collections import Counter

import pytest

from engine.figures import PORTFOLIO_FIGURES
from engine.proposal.roles import ROLES
from tests.scripted_model import Script, ScriptedModel
from tests.scripted_replies import FIGURES, KINDS, ROLE_OF, mended, narrowed, strategy, writer_of

WRITERS = ("draft", "improve", "crossover", "risk")


def only(kind: str) -> dict[str, float]:
    return {name: float(name == kind) for name in KINDS}


def test_it_knows_every_role_and_predicts_figures_that_there_are() -> None:
    assert set(ROLE_OF.values()) | {"improve", "crossover", "risk"} == set(ROLES)
    assert {role: writer_of(set(ROLES[role].inputs)) for role in WRITERS} == {role: role for role in WRITERS}
    assert set(FIGURES) <= set(PORTFOLIO_FIGURES)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "good"])
def test_a_defect_is_one_and_a_repair_takes_it_away(kind: str) -> None:
    for number in range(40):
        _, good = strategy(f"{number}", only("good"))
        _, bad = strategy(f"{number}", only(kind))
        assert bad != good
        assert mended(bad) == good
        ast.parse(good)


def test_shares_come_out_as_asked() -> None:
    weights = {"good": 0.5, "poor": 0.1, "broken": 0.2, "leaking": 0.1, "hostile": 0.1}
    kinds: Counter[str] = Counter()
    for number in range(1_000):
        source = strategy(f"{number}", weights)[1]
        kinds["hostile"] += "import os" in source
        kinds["leaking"] += "shift(-1" in source
        kinds["poor"] += "market.close < 0" in source
    assert kinds["hostile"] == pytest.approx(100, abs=35)
    assert kinds["leaking"] == pytest.approx(100, abs=35)
    assert kinds["poor"] == pytest.approx(100, abs=35)


def test_ranges_are_narrowed_within_the_range_that_was() -> None:
    assert narrowed('PARAMS = {"average": ["ema"], "n": (4, 20), "m": (0.1, 0.5)}') == {"n": [8, 16]}
    assert narrowed("nothing of the kind(") == {}


def test_faults_by_share_depend_on_what_was_asked_and_how_often_not_on_order() -> None:
    script = Script(faults={"429": 0.3, "empty": 0.2})
    asked = [(f"content {number}", times) for number in range(100) for times in (1, 2)]
    told = {question: script.fault(0, *question) for question in asked}
    random.Random(1).shuffle(asked)
    assert {question: script.fault(0, *question) for question in asked} == told
    assert Counter(told.values())["429"] == pytest.approx(60, abs=25)
    assert any(told[f"content {n}", 1] != told[f"content {n}", 2] for n in range(100))


def test_a_fault_that_does_not_exist_is_a_mistake_of_the_test() -> None:
    with pytest.raises(AssertionError, match="no such faults"):
        Script(faults={"sunspots": 0.1})


def test_it_comes_back_at_the_same_address() -> None:
    with ScriptedModel() as server:
        address = server.api_base
        server.away()
        server.back()
        assert server.api_base == address
