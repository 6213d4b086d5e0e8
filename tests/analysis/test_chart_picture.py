"""The picture that goes with a pack: a PNG of equal bytes for equal runs, which knows neither names, dates nor levels."""

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.analysis.chart_picture import chart_picture
from engine.backtest.portfolio import run_signals
from engine.backtest.simulation import open_market
from engine.market.bars import FIELDS
from engine.records import Costs
from engine.strategy.packing import pack_signals
from tests.analysis.packs import TRAIN, known_panel, run_on


@pytest.fixture(scope="module")
def picture() -> bytes:
    return chart_picture(run_on(known_panel()))


def test_it_is_a_png_of_the_size_that_models_take(picture: bytes) -> None:
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.size) == ("PNG", (900, 600))
    assert len(image.convert("RGB").getcolors(1 << 20) or []) > 20
    assert not image.info.keys() & {"Software", "Creation Time", "Title", "Author"}


def test_names_dates_and_levels_make_no_difference_and_neither_does_the_future(picture: bytes) -> None:
    panel = known_panel()
    level = {name: np.asfortranarray(getattr(panel, name) * 4096) for name in FIELDS}
    behind = np.where(np.arange(panel.bars) < TRAIN.stop, 1.0, 2.5)[:, None]
    future = {name: np.asfortranarray(getattr(panel, name) * behind) for name in FIELDS}
    names = tuple(f"X{i}" for i in range(panel.assets))
    later = panel.times_ns + 400 * 86_400 * 10**9
    others = (
        replace(panel, **level),
        replace(panel, **future),
        replace(panel, symbols=names, name="another"),
        replace(panel, times_ns=later),
    )
    assert [chart_picture(run_on(other)) == picture for other in others] == [True] * 4


def test_another_run_gives_another_picture(picture: bytes) -> None:
    assert chart_picture(run_on(known_panel(), seed=8)) != picture


def test_a_run_without_trades_and_an_asset_without_bars_are_drawn() -> None:
    panel = known_panel()
    prices = {name: getattr(panel, name).copy(order="F") for name in FIELDS}
    for values in prices.values():
        values[:, 0] = np.nan
    nothing = pack_signals({"entries": np.zeros((TRAIN.bars, panel.assets), bool)}, {})
    result = run_signals(nothing, open_market(replace(panel, **prices), TRAIN), Costs())
    assert chart_picture(result).startswith(b"\x89PNG")


def test_matplotlib_is_loaded_only_to_draw() -> None:
    code = "import engine.analysis.chart_picture, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
