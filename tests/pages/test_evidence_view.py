"""Strategy, Evidence: every condition with its margin, statistics with their source, and a vault that asks once."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.analysis.evidence_words import STATISTICS
from pages import evidence_view
from pages.access import research


@pytest.fixture
def evidence(page: Callable[[str], AppTest]) -> AppTest:
    strategy = page("strategy")
    strategy.segmented_control(key="strategy.view").set_value("Evidence").run()
    return strategy.button(key="strategy.evidence").click().run()


def test_conditions_and_statistics_stand_there_with_sentence_formula_and_source(evidence: AppTest) -> None:
    assert not evidence.exception
    table = evidence.table[0].value
    assert len(table) == 12
    for name, (_, row) in zip(("Causality at every signal row", "Alpha in the vault"), table.tail(2).iterrows(), strict=True):
        assert row["Condition"].startswith(f"**{name}")
        assert "not tried" in row["Condition"]
    told = " ".join(m.value for m in (*evidence.markdown, *evidence.caption))
    for name in ("dsr", "pbo", "spa", "alpha", "effective_trials"):
        assert STATISTICS[name].sentence in told
        assert STATISTICS[name].source in told
    assert research().queries.looks().empty


def test_the_vault_is_opened_by_a_button_and_what_was_seen_stays(evidence: AppTest) -> None:
    evidence.button(key="strategy.open_vault").click().run()
    assert not evidence.exception
    assert research().queries.looks()[["who", "k"]].values.tolist() == [["page", 1]]
    assert "Vault, look 1" in evidence.info[0].value
    assert "strategy.open_vault" not in [button.key for button in evidence.button]


@pytest.mark.parametrize(("condition", "shown"), [
    ({"value": 10_731.0, "passed": True, "relation": ">="}, "10,731"),
    ({"value": 0.97123, "passed": False, "relation": "<="}, "0.9712"),
    ({"value": None, "passed": True, "relation": "is"}, "–"),
    ({"value": None, "passed": None, "relation": "<="}, "–"),
    ({"value": None, "passed": False, "relation": "<="}, "not computed"),
])  # fmt: skip
def test_what_was_found_is_told_whole_and_what_has_no_number_by_a_dash(condition, shown) -> None:
    assert evidence_view.found(condition, "value") == shown
