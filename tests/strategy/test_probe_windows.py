"""Probe windows: what is kept is kept to the last bit, and nothing of what is replaced survives."""

from dataclasses import replace

import numpy as np
import pytest

from engine.market.bars import FIELDS, Panel
from engine.records import Window
from engine.strategy.probe_windows import CLOSE, VOLUME, seal_excerpt, seal_other_past, seal_probe, take_excerpt
from engine.strategy.window_data import SealedWindow, map_window, seal_window
from tests.markets import panel_of, random_bars

ROWS, ASSETS = 400, 5
WINDOW = Window("train", 40, 360, lead_in=20)
CUTS = np.array([50, 100, 320, 1, 200])
STYLES = ("drawn", "opposite", "up", "down", "gone", "plain", "calm")


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(1)
    bars = random_bars(rng, ROWS, ASSETS, missing=0.05)
    bars[:150, 1] = np.nan
    return panel_of(bars, volume=np.exp(rng.normal(7, 1, (ROWS, ASSETS))))


def other_future(panel: Panel) -> Panel:
    """The same up to each cut, and nothing alike behind it."""
    fields = {}
    for name in FIELDS:
        values = getattr(panel, name).copy()
        for asset, cut in enumerate(CUTS + WINDOW.start):
            values[cut:, asset] = np.nan if asset % 2 else 3 * values[cut:, asset][::-1]
        fields[name] = values
    return replace(panel, **fields)


def mapped(data: SealedWindow) -> tuple[np.ndarray, np.ndarray]:
    """Times and (5, assets, rows)."""
    import json

    _, times, fields = map_window(data.fd, json.dumps(data.header()))
    return times, np.stack(fields)


def test_an_excerpt_of_the_whole_window_is_that_window(panel):
    found, wanted = seal_excerpt(take_excerpt(panel, WINDOW)), seal_window(panel, WINDOW)
    assert found.header() == wanted.header()
    for a, b in zip(mapped(found), mapped(wanted), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_excerpt_of_last_rows_knows_its_place_in_the_window(panel):
    whole = take_excerpt(panel, WINDOW)
    for rows in (100, 330, 340, 1_000):
        part = take_excerpt(panel, WINDOW, columns=[4, 2], rows=rows)
        assert part.first_bar + part.bars == WINDOW.bars
        np.testing.assert_array_equal(part.fields, whole.fields[:, [4, 2]][:, :, -min(rows, 340) :])
        later = whole.later(340 - min(rows, 340))
        assert (part.first_bar, part.lead_in) == (later.first_bar, later.lead_in)


@pytest.mark.parametrize("style", STYLES)
def test_nothing_before_a_cut_changes_and_all_behind_it_does(style, panel):
    excerpt = take_excerpt(panel, WINDOW)
    times, fields = mapped(seal_probe(excerpt, CUTS, seed=5, style=style))
    np.testing.assert_array_equal(times, excerpt.times_ns)
    for asset, cut in enumerate(CUTS + WINDOW.lead_in):
        np.testing.assert_array_equal(fields[:, asset, :cut], excerpt.fields[:, asset, :cut])
        assert not (fields[:, asset, cut:] == excerpt.fields[:, asset, cut:]).any()


@pytest.mark.parametrize("style", STYLES)
def test_a_made_up_future_knows_nothing_of_the_true_one(style, panel):
    one = mapped(seal_probe(take_excerpt(panel, WINDOW), CUTS, seed=5, style=style))
    other = mapped(seal_probe(take_excerpt(other_future(panel), WINDOW), CUTS, seed=5, style=style))
    np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("style", STYLES)
def test_made_up_bars_are_whole_and_possible(style, panel):
    _, fields = mapped(seal_probe(take_excerpt(panel, WINDOW), CUTS, seed=6, style=style))
    missing = np.isnan(fields)
    assert (missing.all(axis=0) == missing.any(axis=0)).all()
    opened, high, low, close, volume = (f[~missing[CLOSE]] for f in fields)
    assert (low > 0).all()
    assert (high >= np.maximum(opened, close)).all()
    assert (low <= np.minimum(opened, close)).all()
    assert (volume > 0).all()


def test_the_next_price_follows_from_the_last_known_one(panel):
    excerpt = take_excerpt(panel, WINDOW)
    _, fields = mapped(seal_probe(excerpt, np.full(ASSETS, 200), seed=5, style="plain"))
    for asset in range(ASSETS):
        known = excerpt.fields[CLOSE, asset, :220]
        assert fields[CLOSE, asset, 220] == pytest.approx(known[~np.isnan(known)][-1], rel=0.2)


def test_an_opposite_future_goes_the_other_way_and_no_asset_is_gone_in_both(panel):
    excerpt = take_excerpt(panel, WINDOW)
    cuts = np.full(ASSETS, 200)
    for seed in range(8):
        drawn, opposite = (
            mapped(seal_probe(excerpt, cuts, seed=seed, style=s))[1][CLOSE, :, 220:] for s in ("drawn", "opposite")
        )
        assert not (np.isnan(drawn).all(axis=1) & np.isnan(opposite).all(axis=1)).any()
    up, down = (mapped(seal_probe(excerpt, cuts, seed=5, style=s))[1][CLOSE, :, 220] for s in ("up", "down"))
    assert (up > 4 * down).all()


def test_an_assets_future_depends_on_its_own_cut_alone(panel):
    """So a change that was found with many cuts can be found again with a common one."""
    excerpt = take_excerpt(panel, WINDOW)
    own = mapped(seal_probe(excerpt, CUTS, seed=5))[1]
    for asset, cut in enumerate(CUTS):
        common = mapped(seal_probe(excerpt, np.full(ASSETS, cut), seed=5))[1]
        np.testing.assert_array_equal(own[:, asset], common[:, asset])


@pytest.mark.parametrize("style", ["up", "down", "calm"])
def test_another_past_leaves_what_follows_and_which_bars_exist(style, panel):
    excerpt = take_excerpt(panel, WINDOW)
    _, fields = mapped(seal_other_past(excerpt, 200, seed=5, style=style))
    np.testing.assert_array_equal(fields[:, :, 200:], excerpt.fields[:, :, 200:])
    np.testing.assert_array_equal(np.isnan(fields), np.isnan(excerpt.fields))
    exists = ~np.isnan(excerpt.fields[CLOSE, :, :200])
    assert not (fields[:, :, :200] == excerpt.fields[:, :, :200])[:, exists].any()


def test_pasts_lie_above_and_below_what_follows(panel):
    excerpt = take_excerpt(panel, WINDOW)
    begins = np.array([c[~np.isnan(c)][0] for c in excerpt.fields[CLOSE, :, 200:]])
    up, down = (mapped(seal_other_past(excerpt, 200, seed=5, style=s))[1][CLOSE, :, :200] for s in ("up", "down"))
    assert np.nanmin(up / begins[:, None]) > 2
    assert np.nanmax(down / begins[:, None]) < 0.5


def test_a_set_without_volume_stays_so(panel):
    bare = replace(panel, has_volume=False, volume=np.full_like(panel.volume, np.nan))
    _, fields = mapped(seal_probe(take_excerpt(bare, WINDOW), CUTS, seed=5))
    assert np.isnan(fields[VOLUME]).all()
