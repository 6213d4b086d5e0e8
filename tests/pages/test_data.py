"""Data: what a set holds and what is to be doubted; imported by upload or refused in one sentence."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research


@pytest.fixture
def data(page: Callable[[str], AppTest]) -> AppTest:
    """The Data page at the market `small`."""
    shown = page("data")
    return shown.selectbox(key="selection.dataset.box").set_value("small").run()


def bars_csv(**changes: list[object]) -> bytes:
    hours = np.arange(48)
    close = 100 + np.sin(hours)
    frame = pd.DataFrame({
        "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, "h"), "symbol": "AAA",
        "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 5.0,
    })  # fmt: skip
    return frame.assign(**changes).to_csv(index=False).encode()


def upload(data: AppTest, content: bytes, name: str) -> AppTest:
    data.file_uploader(key="data.file").upload("bars.csv", content, "text/csv")
    data.text_input(key="data.name").set_value(name)
    next(button for button in data.button if button.label == "Import").click().run()
    assert not data.exception
    return data


def test_the_report_tells_what_the_import_has_found(data: AppTest) -> None:
    report = research().catalog.quality("small")
    assert data.dataframe[0].value["symbol"].tolist() == list(report.assets.index)
    assert any("SYNTHETIC" in told.value for told in data.markdown)


def test_coverage_and_prices_are_drawn(data: AppTest) -> None:
    for view in ("Coverage", "Prices"):
        data.segmented_control(key="data.view").set_value(view).run()
        assert not data.exception
        assert data.get("plotly_chart")


def test_an_upload_becomes_a_dataset_and_is_shown(data: AppTest) -> None:
    upload(data, bars_csv(), "mine")
    assert "48 bars of 1 assets" in data.success[0].value
    assert data.selectbox(key="selection.dataset.box").value == "mine"
    assert research().catalog.describe("mine")["bars"] == 48
    assert not data.session_state["data.popover"], "the form does not cover what it has brought"


def test_a_refused_upload_is_one_sentence_and_changes_nothing(data: AppTest) -> None:
    upload(data, bars_csv(close=["x"] * 48), "broken")
    assert "close" in data.error[0].value
    assert "broken" not in research().catalog.names()


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced(data: AppTest) -> None:
    upload(data, bars_csv(), "small")
    assert "is there already" in data.error[0].value
    assert research().catalog.describe("small")["assets"] == 8


def test_without_a_file_the_form_says_what_it_needs(data: AppTest) -> None:
    next(button for button in data.button if button.label == "Import").click().run()
    assert "Choose a file and a name" in data.error[0].value
