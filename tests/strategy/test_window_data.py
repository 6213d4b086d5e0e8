"""A sealed window: the panel's rows as they are, that nobody can change, for as long as somebody holds it."""

import gc
import json
import os

import numpy as np
import pytest

from engine.market.bars import FIELDS
from engine.records import Window
from engine.strategy.window_data import SealedWindow, map_window, seal_window
from tests.markets import panel_of, random_bars, whole


def mapped(data: SealedWindow) -> tuple[dict, np.ndarray, list[np.ndarray]]:
    return map_window(data.fd, json.dumps(data.header()))


def test_a_child_maps_the_rows_of_lead_in_and_window_as_the_panel_has_them() -> None:
    panel = panel_of(random_bars(np.random.default_rng(1), 200, 3, missing=0.1))
    data = seal_window(panel, Window("validation", 120, 190, lead_in=30))
    header, times, fields = mapped(data)
    assert (data.rows, data.lead_in, header["rows"], header["assets"], header["timeframe"]) == (100, 30, 100, 3, "1h")
    np.testing.assert_array_equal(times, panel.times_ns[90:190])
    for name, values in zip(FIELDS, fields, strict=True):
        np.testing.assert_array_equal(values.T, getattr(panel, name)[90:190])


@pytest.mark.parametrize(("bars", "assets"), [(1, 1), (2, 1), (1, 3), (64, 2)])
def test_the_smallest_windows_are_sealed_too(bars: int, assets: int) -> None:
    panel, window = whole(panel_of(random_bars(np.random.default_rng(2), bars, assets)))
    np.testing.assert_array_equal(mapped(seal_window(panel, window))[2][3].T, panel.close)


def test_a_row_ordered_panel_is_sealed_alike() -> None:
    """Where the bars of an asset do not lie together they are copied on the way."""
    bars = random_bars(np.random.default_rng(3), 50, 3)
    panel, window = whole(panel_of(bars))
    object.__setattr__(panel, "close", np.ascontiguousarray(panel.close))
    np.testing.assert_array_equal(mapped(seal_window(panel, window))[2][3].T, bars[:, :, 3])


def test_nothing_can_be_written_or_cut_once_it_is_sealed() -> None:
    data = seal_window(*whole(panel_of(random_bars(np.random.default_rng(4), 20, 2))))
    for change in (lambda: os.pwrite(data.fd, b"x", 0), lambda: os.ftruncate(data.fd, 0), lambda: os.ftruncate(data.fd, 1 << 20)):
        with pytest.raises(PermissionError):
            change()
    assert not mapped(data)[2][0].flags.writeable


def test_a_write_that_moves_less_than_it_was_given_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call moves at most 2 GiB, so a large window takes several."""
    panel, window = whole(panel_of(random_bars(np.random.default_rng(5), 100, 2)))
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, view, offset: pwrite(fd, view[:100], offset))
    np.testing.assert_array_equal(mapped(seal_window(panel, window))[2][4].T, panel.volume)


def test_its_descriptor_is_closed_when_nothing_holds_it() -> None:
    data = seal_window(*whole(panel_of(random_bars(np.random.default_rng(6), 20, 2))))
    fd = data.fd
    os.fstat(fd)
    del data
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
