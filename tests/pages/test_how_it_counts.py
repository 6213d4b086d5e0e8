"""How it counts: every rule and every definition can be read in the app, without a campaign too."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from pages.how_it_counts import TEXTS
from tests.pages.conftest import open_page


@pytest.fixture
def counts(empty_app: AppTest) -> AppTest:
    empty_app.run()
    return open_page(empty_app, "how_it_counts")


def _view(app: AppTest, name: str) -> str:
    app.segmented_control(key="counts.view").set_value(name).run()
    assert not app.exception
    return "\n".join(m.value for m in app.markdown)


def test_every_text_is_shown_and_points_nowhere_outside_the_app(counts: AppTest) -> None:
    for name in TEXTS:
        text = _view(counts, name)
        assert len(text) > 1_000, name
        assert not re.search(r"\]\([^)]*\.md\)", text), name


def test_the_rules_that_a_trade_names_are_there_by_their_number(counts: AppTest) -> None:
    text = _view(counts, "Execution")
    for rule in ("Costs", "1. The open", "2. Inside", "3. The close", "4. Missing bars", "5. The floor"):
        assert f"## {rule}" in text


def test_every_figure_has_its_definition_and_a_word_finds_it(counts: AppTest) -> None:
    _view(counts, "Figures")
    assert [len(t.value) for t in counts.table] == [len(PORTFOLIO_FIGURES), len(ASSET_FIGURES)]
    counts.text_input(key="counts.search").set_value("drawdown").run()
    assert 0 < len(counts.table[0].value) < len(PORTFOLIO_FIGURES)
    counts.text_input(key="counts.search").set_value("no such word").run()
    assert not counts.table
