"""What the quality report says in words: a sentence for each thing that a trader should know before he trusts a result."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from engine.market.assemble import Intake
from engine.market.bars import DAY_S, Panel
from engine.market.moves import AssetMoves, Hole

NAMED = 12
"""So many assets a message names before it says how many more there are; the table names all."""


def flags_of(panel: Panel, asset: int, row: Any, moves: AssetMoves) -> str:
    """Sentences on one asset, the gravest first; `row` is its row of the asset table."""
    said = [_hole_sentence(panel, asset, hole) for hole in moves.holes]
    said += [_wrong_close(panel, r, asset) for r in moves.wrong_closes]
    if moves.out_of_place:
        days = _and_more([when(panel, r) for r in moves.out_of_place], 3)
        said.append(f"Whole bar out of place on {days}: gone with the next open.")
    if row.ended_early:
        said.append(f"Ends on {when(panel, panel.last_row[asset])}, before the market does: delisted, merged or renamed.")
    if row.bars == 1:
        said.append("Has a single bar.")
    for count, what in (
        (row.nan_rows, "without all four prices"),
        (row.ohlc_violations, "whose high or low does not enclose open and close"),
        (row.long_wicks, "with a wick to half or twice its prices"),
        (row.zero_volume, "with zero volume"),
        (row.missing_volume, "without a volume"),
    ):
        if count:
            said.append(f"{_count(count, 'bar')} {what}.")
    if row.outlier_moves:
        largest = f"the largest {_times(np.exp(moves.largest))} on {when(panel, moves.largest_row)}"
        said.append(f"{_count(row.outlier_moves, 'outlier move')}, {largest}.")
    if row.listed_late:
        said.append(f"Listed on {when(panel, panel.first_row[asset])}, after the market's first bar.")
    return " ".join(s[0].upper() + s[1:] for s in said)


def messages_on(
    panel: Panel, intake: Intake, assets: pd.DataFrame, market: dict[str, Any], moves: list[AssetMoves]
) -> Iterable[str]:
    """Sentences on the whole market, the gravest first; they name the assets concerned."""
    yield from _suspicions(panel, moves)
    yield from _missing(intake, assets, market)
    yield from _listings(panel, assets)
    yield from _remarks(panel, intake, assets, moves)


def _suspicions(panel: Panel, moves: list[AssetMoves]) -> Iterable[str]:
    """Bars that are most likely not what they say."""
    by_asset = list(zip(panel.symbols, moves, strict=True))
    holes = [(not hole.jumps, -hole.rows, i, hole) for i, m in enumerate(moves) for hole in m.holes]
    for _, _, i, hole in sorted(holes, key=lambda h: h[:3]):
        yield f"{panel.symbols[i]}: {_hole_sentence(panel, i, hole)}"
    for i, (symbol, m) in enumerate(by_asset):
        for row in m.wrong_closes:
            yield f"{symbol}: {_wrong_close(panel, row, i)}"
    displaced = [f"{symbol} ({', '.join(when(panel, r) for r in m.out_of_place)})" for symbol, m in by_asset if m.out_of_place]
    if displaced:
        yield (
            f"{_count(len(displaced), 'asset')} with whole bars out of place, far from the close before and the open after:"
            f" {_and_more(displaced)}."
        )


def _missing(intake: Intake, assets: pd.DataFrame, market: dict[str, Any]) -> Iterable[str]:
    """What is not there or contradicts itself."""
    for column, noun, what in (
        ("nan_rows", "row", "without all four prices above zero, counted as no bar"),
        ("ohlc_violations", "OHLC violation", "(high or low does not enclose open and close), kept"),
    ):
        if market[column]:
            yield f"{_count(market[column], noun)} {what}: {_counted(assets[column])}."
    if market["outages"]:
        spans = [f"{o['first']} ({_count(o['bars'], 'bar')})" for o in market["outages"]]
        yield f"{_count(len(spans), 'market-wide outage')}, no asset has a bar: {_and_more(spans)}."
    if intake.left_out:
        yield f"{_count(len(intake.left_out), 'asset')} left out, without a single valid bar: {_and_more(list(intake.left_out))}."
    if not market["has_volume"]:
        yield "No volume: strategies that read the volume are refused on this set."
    if market["gaps"]:
        yield f"{_count(market['gaps'], 'gap')}, rows without a bar of an asset that trades: {_counted(assets['gaps'])}."


def _listings(panel: Panel, assets: pd.DataFrame) -> Iterable[str]:
    ended = assets.index[assets["ended_early"]].tolist()
    late = assets.index[assets["listed_late"]].tolist()
    if ended:
        yield f"{_count(len(ended), 'asset')} ended before the market did (delisted, merged or renamed): {_and_more(ended)}."
    elif panel.assets > 1:
        yield "Survivors only: no asset ends before the market does, so that results flatter what a trader could have picked."
    if late:
        yield f"{_count(len(late), 'asset')} listed after the market's first bar: {_and_more(late)}."


def _remarks(panel: Panel, intake: Intake, assets: pd.DataFrame, moves: list[AssetMoves]) -> Iterable[str]:
    """What was put right, and what is wild but may well be true."""
    if intake.duplicates:
        yield f"{_count(intake.duplicates, 'identical duplicate row')} dropped."
    if intake.unsorted:
        yield f"{_count(intake.unsorted, 'row')} stood before an earlier bar of their asset; sorted."
    for column, what in (("zero_volume", "with zero volume"), ("missing_volume", "without a volume")):
        if total := int(assets[column].sum()):
            yield f"{_count(total, 'bar')} {what}: {_counted(assets[column])}."
    if total := int(assets["long_wicks"].sum()):
        named = _counted(assets["long_wicks"])
        yield f"{_count(total, 'bar')} with a low under half or a high over twice their open and close, kept: {named}."
    wild = sorted(((m, s) for s, m in zip(panel.symbols, moves, strict=True) if m.outliers), key=lambda x: -abs(x[0].largest))
    if wild:
        largest = [f"{s} {_times(np.exp(m.largest))} on {when(panel, m.largest_row)}" for m, s in wild]
        total = int(assets["outlier_moves"].sum())
        yield f"{_count(total, 'outlier move')} in {_count(len(wild), 'asset')}, kept; the largest of each: {_and_more(largest)}."
    yield from intake.notes


def _hole_sentence(panel: Panel, asset: int, hole: Hole) -> str:
    span = f"no bar on {hole.rows:,} rows from {when(panel, hole.first)} to {when(panel, hole.stop - 1)}"
    prices = f"from {panel.close[hole.first - 1, asset]:g} to {panel.open[hole.stop, asset]:g}"
    if hole.jumps:
        return f"{span}, and across them the price goes {prices} ({_times(hole.ratio)}): redenominated, or another asset."
    return f"{span}, across them the price goes {prices}: halted, or delisted and the ticker used again."


def _times(ratio: float) -> str:
    """A price ratio with three digits: ×177,000, ×1.62, ×0.374, 1/1,240."""
    if 0.1 <= ratio < 1_000:
        return f"×{ratio:.3g}"
    large = float(f"{max(ratio, 1 / ratio):.3g}")
    return f"{'×' if ratio > 1 else '1/'}{large:,g}" if large < 1e6 else f"{'×' if ratio > 1 else '1/'}{large:.3g}"


def _wrong_close(panel: Panel, row: int, asset: int) -> str:
    low, high, close = (f"{getattr(panel, f)[row, asset]:g}" for f in ("low", "high", "close"))
    return f"wrong close on {when(panel, row)}: {close}, outside the bar's low {low} and high {high}, gone with the next open."


def iso(time_ns: Any) -> str:
    """A time in ns UTC as ISO text to the second."""
    return f"{np.datetime_as_string(np.int64(time_ns).astype('datetime64[ns]'), unit='s')}Z"


def when(panel: Panel, row: int) -> str:
    """The row's time: a date for daily and longer bars, else to the minute, UTC."""
    text = iso(panel.times_ns[row])
    return text[:10] if panel.bar_s >= DAY_S else f"{text[:10]} {text[11:16]}Z"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _and_more(items: list[str], shown: int = NAMED) -> str:
    return ", ".join(items[:shown]) + (f" and {len(items) - shown:,} more" if len(items) > shown else "")


def _counted(counts: pd.Series) -> str:
    """`DHR 16, O 16, …`: the assets with the highest counts first."""
    ordered = counts[counts > 0].sort_values(ascending=False, kind="stable")
    return _and_more([f"{symbol} {n:,}" for symbol, n in ordered.items()])
