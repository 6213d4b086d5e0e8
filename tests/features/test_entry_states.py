"""States of an entry are what their definitions say, and known when the entry is decided."""

import numpy as np
import pandas as pd

from engine.features.entry_states import LEAST_PAST, PAST, RECENT, STATES, WEEKDAYS, entry_states, month_name
from engine.features.regimes import horizons_of
from engine.market.bars import Panel
from tests.markets import first_rows, panel_of, random_bars

TREND = horizons_of(3_600).trend_bars


def a_panel(seed: int = 4, bars: int = 1_400) -> Panel:
    """Assets of which one is listed late and all have gaps, with volumes of few different sizes."""
    rng = np.random.default_rng(seed)
    cells = random_bars(rng, bars, 3, missing=0.05)
    cells[:400, 2] = np.nan
    return panel_of(cells, volume=np.round(np.exp(rng.normal(0, 1, cells.shape[:2])), 1))


def every_bar(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Rows and assets of all bars but those of the last row, in no order."""
    rows, assets = np.nonzero(panel.exists[:-1])
    order = np.random.default_rng(1).permutation(len(rows))
    return rows[order], assets[order]


def slow(panel: Panel, row: int, asset: int) -> dict[str, float]:
    """The states of one decision by pandas, bar for bar of the asset's own."""
    bars = panel.candles(panel.symbols[asset], 0, row + 1)
    moves = np.log(bars["close"]).diff()
    squares = (moves**2).rolling(RECENT).sum()
    sign = np.sign(moves.fillna(0.0)).to_numpy()
    same = np.flatnonzero(sign[::-1] != sign[-1])
    run = int(same[0]) if len(same) else len(sign)
    trend = moves.iloc[-TREND:]

    def percentile(values: pd.Series) -> float:
        past = values.iloc[-PAST - 1 : -1].dropna()
        own = values.iloc[-1]
        if len(past) < LEAST_PAST or np.isnan(own):
            return np.nan
        return float(((past < own) + 0.5 * (past == own)).mean())

    return {
        "volume": percentile(bars["volume"]),
        "volatility": percentile(squares),
        "trend": trend.sum() / np.sqrt((trend**2).sum()) if len(moves) > TREND else np.nan,
        "from_high": bars["close"].iloc[-1] / bars["high"].iloc[-PAST:].max() - 1 if len(bars) > LEAST_PAST else np.nan,
        "asset_move": bars["close"].iloc[-1] / bars["close"].iloc[-RECENT - 1] - 1 if len(bars) > RECENT else np.nan,
        "run": run * sign[-1],
    }


def test_each_number_equals_its_definition_bar_for_bar() -> None:
    panel = a_panel()
    rows, assets = every_bar(panel)
    found = entry_states(panel, rows, assets)
    some = np.random.default_rng(2).choice(len(rows), 250, replace=False)
    wanted = pd.DataFrame([slow(panel, int(rows[i]), int(assets[i])) for i in some], index=some)
    pd.testing.assert_frame_equal(found.loc[some, list(wanted)], wanted, check_dtype=False, rtol=1e-9, atol=1e-12)
    assert wanted.notna().mean().min() > 0.5


def test_nothing_behind_the_deciding_close_is_known() -> None:
    panel = a_panel()
    rows, assets = every_bar(panel)
    whole = entry_states(panel, rows, assets)
    for last in (60, 450, 900):
        early = rows < last
        cut = entry_states(first_rows(panel, last + 1), rows[early], assets[early])  # the row behind gives the entry its hour
        pd.testing.assert_frame_equal(cut, whole[early].reset_index(drop=True))


def test_the_calendar_is_that_of_the_bar_that_fills() -> None:
    friday_23h = 167  # row 0 is Saturday, 2022-01-01, at 0:00
    hour, weekday, month = entry_states(a_panel(), np.array([friday_23h]), np.array([0])).iloc[0][["hour", "weekday", "month"]]
    assert (hour, WEEKDAYS[int(weekday)], month_name(int(month))) == (0, "Saturday", "2022-01")


def test_no_decision_has_no_states_and_all_columns() -> None:
    none = np.zeros(0, np.int64)
    assert list(entry_states(a_panel(bars=100), none, none)) == [s.name for s in STATES]
