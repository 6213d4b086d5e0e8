"""Made-up stretches: nothing outside of them changes, everything in them does, and the other side goes the other way."""

import json

import numpy as np
import pytest

from engine.records import Window
from engine.strategy.probe_windows import CLOSE, VOLUME, take_excerpt
from engine.strategy.stretches import Stretches
from engine.strategy.window_data import SealedWindow, map_window
from tests.markets import panel_of, random_bars

ROWS, ASSETS, LENGTH = 400, 4, 30
STARTS = [np.array([50, 200]), np.array([1, 320]), np.zeros(0, np.int64), np.array([60, 150])]
"""The second asset's last stretch reaches beyond the end; the last asset is listed from bar 130 on."""


@pytest.fixture(scope="module")
def excerpt():
    rng = np.random.default_rng(1)
    bars = random_bars(rng, ROWS, ASSETS, missing=0.05)
    bars[:150, 3] = np.nan
    bars[20, :3] = 100.0
    return take_excerpt(panel_of(bars, volume=np.exp(rng.normal(7, 1, (ROWS, ASSETS)))), Window("train", 20, 360, lead_in=20))


def mapped(data: SealedWindow) -> np.ndarray:
    _, _, fields = map_window(data.fd, json.dumps(data.header()))
    return np.stack(fields)


def inside(excerpt) -> np.ndarray:
    """Bool (assets, rows): the row lies in a stretch of an asset that was listed when it began."""
    out = np.zeros((ASSETS, excerpt.rows), bool)
    for asset, own in enumerate(STARTS):
        for start in own + excerpt.lead_in:
            if (~np.isnan(excerpt.fields[CLOSE, asset, :start])).any():
                out[asset, start : start + LENGTH] = True
    return out


@pytest.mark.parametrize("side", [1, -1, 0])
def test_bars_change_in_the_stretches_and_nowhere_else(side, excerpt):
    made, held = mapped(Stretches(excerpt, LENGTH).seal(STARTS, seed=5, side=side)), inside(excerpt)
    np.testing.assert_array_equal(made[:, ~held], excerpt.fields[:, ~held])
    assert (made[:, held] != excerpt.fields[:, held]).all()
    assert not inside(excerpt)[3, excerpt.lead_in + 60]


def test_made_up_bars_are_whole_and_possible(excerpt):
    opened, high, low, close, volume = mapped(Stretches(excerpt, LENGTH).seal(STARTS, seed=5, side=1))[:, inside(excerpt)]
    assert (np.maximum(opened, close) <= high).all()
    assert (np.minimum(opened, close) >= low).all()
    assert (low > 0).all()
    assert (volume > 0).all()


def test_the_other_side_goes_the_other_way_and_side_0_is_silent(excerpt):
    stretches = Stretches(excerpt, LENGTH)
    one, other, silent = (mapped(stretches.seal(STARTS, seed=5, side=side)) for side in (1, -1, 0))
    before = excerpt.fields[CLOSE]
    for asset, start in ((0, 50), (0, 200), (1, 320)):
        row = start + excerpt.lead_in
        last = before[asset, :row][~np.isnan(before[asset, :row])][-1]
        assert np.sign(one[CLOSE, asset, row] - last) == -np.sign(other[CLOSE, asset, row] - last) != 0
        louder = one if one[CLOSE, asset, row] > last else other
        quieter = other if louder is one else one
        rows = slice(row, row + LENGTH)
        assert np.median(louder[VOLUME, asset, rows]) > np.median(quieter[VOLUME, asset, rows])
    assert np.isnan(silent[:, inside(excerpt)]).all()


def test_equal_seeds_make_equal_bars(excerpt):
    one, same, other = (mapped(Stretches(excerpt, LENGTH).seal(STARTS, seed=seed, side=1)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other, equal_nan=True)
