"""An address that names what is gone says so, and what is shown instead; it never silently shows another thing."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import IDEA, record_campaign

NAMES = {
    "memory": ("belief",), "ideas": ("idea",), "prompts": ("role",), "campaigns": ("campaign",), "runs": ("run", "campaign"),
    "overview": ("campaign",), "traces": ("run", "campaign"), "strategy": ("run", "campaign"), "scorecard": ("run", "campaign"),
    "parameters": ("run", "campaign"), "assets": ("run", "campaign"),
}  # fmt: skip


def _warned(app: AppTest) -> list[str]:
    return [warning.value for warning in app.main.warning if "is not in this ledger" in warning.value]


def test_what_is_gone_is_told_on_each_page_that_can_be_linked_to(app: AppTest) -> None:
    app.run()
    record_campaign(research())
    for page, names in NAMES.items():
        for name in names:
            app.query_params[name] = "gone-1"
            open_page(app, page)
            (told,) = _warned(app)
            assert "gone" in told, page
            assert "shown" in told or any("shown" in caption.value for caption in app.caption), page
            assert app.query_params.get(name) not in ("gone-1", ["gone-1"]), "the address is right again"
            app.run()
            assert not _warned(app), "it is told once"


@pytest.mark.parametrize("press", ["ideas.delete"])
def test_what_a_viewer_deletes_himself_is_not_told_as_gone(app: AppTest, press: str) -> None:
    app.run()
    record_campaign(research())
    app.query_params["idea"] = IDEA.idea_id
    open_page(app, "ideas")
    assert not _warned(app)
    app.button(key=press).click().run()
    assert not _warned(app)
