"""Market figures against values worked out by hand, against plain pandas, and against what must never change them."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.market_figures import market_figures
from engine.market.bars import FIELDS, Panel
from engine.records import Window
from tests.analysis.packs import SYMBOLS, TRAIN, known_panel
from tests.markets import panel_of


def told(text: str, label: str) -> list[float]:
    """Whole window and thirds of the line that begins with the label; NaN where it was not computed."""
    line = next(s for s in text.splitlines() if s.startswith(label))
    values = re.search(r": ([^:]*) \(([^()]*)\)$", line)
    assert values is not None
    parts = [values[1], *values[2].split(", ")]
    return [np.nan if "not" in p else float(p.rstrip("%")) / (100 if "%" in p else 1) for p in parts]


def panel_from(close: np.ndarray, volume: np.ndarray | None = None) -> Panel:
    return panel_of(np.repeat(close[:, :, None], 4, axis=2), volume=volume)


def figures(panel: Panel) -> str:
    return market_figures(panel, Window("train", 0, panel.bars))


def test_figures_agree_with_plain_pandas() -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(0, 0.01, (900, 1))
    panel = panel_from(50 * np.exp(np.cumsum(common + rng.normal(0, 0.01, (900, 6)), axis=0)))
    close = pd.DataFrame(panel.close)
    returns = close.pct_change()
    mean = returns.mean(axis=1).fillna(0)
    index = (1 + mean).cumprod()
    corr = returns.corr().to_numpy()
    logs = np.log(close).diff()
    ratio = (np.log(close).diff(24).std() / logs.std()) ** 2 / 24
    wanted = {
        "return of the mean": index.iloc[-1] - 1,
        "max. drawdown": (index / index.cummax() - 1).min(),
        "annualised volatility of the median": returns.std().median() * np.sqrt(8_760),
        "annualised volatility of that mean": mean[1:].std() * np.sqrt(8_760),
        "trend strength": ratio.median(),
        "autocorrelation of returns at 1 bar": returns.apply(lambda r: r.autocorr(1)).median(),
        "autocorrelation of returns at 24 bars": returns.apply(lambda r: r.autocorr(24)).median(),
        "up bars": (returns > 0).sum().sum() / (899 * 6),
        "mean correlation": corr[np.triu_indices(6, 1)].mean(),
        "dispersion": returns.std(axis=1).mean(),
    }
    text = figures(panel)
    assert {k: told(text, k)[0] for k in wanted} == pytest.approx(wanted, rel=0.02, abs=0.011)


def test_thirds_tell_what_changed() -> None:
    close = np.concatenate([np.linspace(100, 200, 300), np.linspace(200, 100, 300), np.full(300, 100.0)])
    volume = np.repeat([1.0, 2.0, 3.0], 300)[:, None] * 100 / close[:, None]
    text = figures(panel_from(np.repeat(close[:, None], 3, axis=1), np.repeat(volume, 3, axis=1)))
    assert told(text, "return of the mean") == pytest.approx([0.0, 1.0, -0.5, 0.0], abs=0.006)
    assert told(text, "max. drawdown") == pytest.approx([-0.5, 0.0, -0.5, 0.0], abs=0.006)
    assert told(text, "up bars")[1:] == pytest.approx([1.0, 0.0, 0.0], abs=0.006)
    assert told(text, "dollar volume") == pytest.approx([1.0, 0.5, 1.0, 1.5], abs=0.006)


def test_no_name_date_or_price_level_and_equal_text_for_equal_bars_at_any_level() -> None:
    panel = known_panel()
    text = market_figures(panel, TRAIN)
    assert not [s for s in (*SYMBOLS, panel.name, "USD", "20", "UTC") if re.search(rf"\b{s}\b", text)]
    prices = {name: np.asfortranarray(getattr(panel, name) * 4096) for name in FIELDS if name != "volume"}
    assert market_figures(replace(panel, **prices), TRAIN) == text


@pytest.mark.parametrize("window", [TRAIN, Window("train", 200, 700, lead_in=100)])
def test_bars_outside_the_window_change_not_a_byte(window: Window) -> None:
    panel = known_panel()
    factor = np.full((panel.bars, 1), 3.3)
    factor[window.start : window.stop] = 1.0
    other = replace(panel, **{name: np.asfortranarray(getattr(panel, name) * factor) for name in FIELDS})
    assert market_figures(other, window) == market_figures(panel, window)


def test_a_market_without_volume_says_so_and_the_rest_stands() -> None:
    panel = known_panel()
    text = market_figures(replace(panel, volume=panel.volume * np.nan, has_volume=False), TRAIN)
    assert np.isnan(told(text, "dollar volume")).all()
    assert not np.isnan(told(text, "mean correlation")).any()


@pytest.mark.parametrize(("bars", "assets"), [(2, 1), (5, 3), (30, 1), (200, 2)])
def test_few_bars_and_a_single_asset_are_no_error(bars: int, assets: int) -> None:
    rng = np.random.default_rng(0)
    text = figures(panel_from(100 * np.exp(np.cumsum(rng.normal(0, 0.01, (bars, assets)), axis=0))))
    assert "nan" not in text.lower()
    assert len(text.splitlines()) == 13


def test_prices_that_never_move_have_no_ratio() -> None:
    text = figures(panel_from(np.full((400, 3), 7.0)))
    for label in ("trend strength", "autocorrelation of returns at 1 bar", "mean correlation"):
        assert np.isnan(told(text, label)).all()
