"""The equity of single assets: together they are that of the portfolio, whatever happened."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.analysis.asset_equity import asset_equity
from tests.analysis.test_fill_story import drawn_result


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.data())
def test_all_assets_together_are_the_portfolio(data: st.DataObject) -> None:
    result = drawn_result(data)
    symbols = result.market.panel.symbols
    made = asset_equity(result, symbols)
    np.testing.assert_allclose(1 + made.sum(axis=1) / len(symbols), result.equity, rtol=1e-9, atol=1e-9)
