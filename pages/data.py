"""Data: what data is there, and can it be trusted?"""

from typing import Any

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.market.catalog import DEMO_NAMES
from pages import data_labels, figures_runs, look, selection, upload
from pages.access import research

service = research()
catalog = service.catalog

COUNTED = {
    "gaps": ("Gaps", "Rows without a bar between the asset's first and last."),
    "nan_rows": ("Not bars", "Rows of the file without four finite prices above zero."),
    "ohlc_violations": ("OHLC violations", "High or low does not enclose open and close."),
    "zero_volume": ("Zero volume", "Bars in which nothing was traded."),
    "missing_volume": ("No volume", "Bars without a volume."),
    "outlier_moves": ("Outlier moves", "Moves far beyond what is usual for the asset; they may well be true."),
    "wrong_closes": ("Wrong closes", "A close outside its bar that is gone with the next open."),
    "bars_out_of_place": ("Out of place", "Whole bars far from the close before and the open after."),
    "long_wicks": ("Long wicks", "A low under half, or a high over twice, open and close."),
}
ASSET_COLUMNS = {
    "symbol": st.column_config.TextColumn("Asset", pinned=True),
    "flags": st.column_config.TextColumn("Remarks", width="large"),
    "bars": st.column_config.NumberColumn("Bars", format="%,d"),
    "first_bar": st.column_config.DatetimeColumn("First bar (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "last_bar": st.column_config.DatetimeColumn("Last bar (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "largest_move": st.column_config.NumberColumn("Largest move, %", format="%+,.1f", help="Close to close, with sign."),
    "listed_late": st.column_config.CheckboxColumn("Listed late"),
    "ended_early": st.column_config.CheckboxColumn("Ended early"),
} | {name: st.column_config.NumberColumn(label, format="%,d", help=told) for name, (label, told) in COUNTED.items()}


def facts(described: dict[str, Any]) -> None:
    """What the dataset is."""
    data_labels.data_badges(described)
    with st.grid(4, min_column_width=170):
        st.metric("Assets", look.count(described["assets"]), help=f"Reference asset: {described['reference']}.")
        st.metric("Bars", look.count(described["bars"]), help=f"Over {described['rows']:,} times of {described['timeframe']}.")
        st.metric("First bar (UTC)", described["first"][:10], help=described["first"])
        st.metric("Last bar (UTC)", described["last"][:10], help=described["last"])
    st.caption(
        f"{described['timeframe']} bars, {described['days_per_year']} trading days a year. "
        f"Source: {look.plain(described['source'])}; stored {look.moment(pd.Timestamp(described['created']))}."
    )
    st.caption(f"Data hash: every result on these bars carries it.  \n`{described['data_hash']}`")


def quality(name: str, described: dict[str, Any]) -> None:
    """The report made on import: sentences by gravity, then each asset."""
    report = catalog.quality(name)
    if not report.messages:
        st.success("Nothing to report: no gap, no violation, no strange move.", icon=":material/check_circle:")
    else:
        st.markdown("**What was found, the gravest first**")
        with st.container(height=min(60 + 40 * len(report.messages), 300), border=True):
            st.markdown("\n".join(f"- {look.plain(told)}" for told in report.messages))
    table = report.assets.reset_index(names="symbol")
    flagged = st.toggle("Only assets with remarks", key="data.flagged")
    shown = table[table["flags"] != ""] if flagged else table
    empty = [c for c in COUNTED if not table[c].any()]
    order = ["symbol", "flags", *(c for c in ASSET_COLUMNS if c not in ("symbol", "flags", *empty))]
    st.dataframe(shown.assign(largest_move=100 * shown["largest_move"]), column_config=ASSET_COLUMNS, column_order=order,
                 hide_index=True, height=look.table_height(len(shown), 420), placeholder=look.NOT_COMPUTED)  # fmt: skip
    absent = ", ".join(COUNTED[c][0] for c in empty) or "none"
    st.caption(f"{len(shown):,} of {len(table):,} assets. Looked for and nowhere found: {absent}.")
    outages = pd.DataFrame(report.market["outages"], columns=["first", "last", "bars"])
    if len(outages):
        st.markdown("**Outages of the whole market**", help="Times at which no asset has a bar.")
        outages[["first", "last"]] = outages[["first", "last"]].apply(pd.to_datetime, utc=True)
        time = {"format": "YYYY-MM-DD HH:mm", "timezone": "UTC"}
        st.dataframe(outages, hide_index=True, height=look.table_height(len(outages), 320), column_config={
            "first": st.column_config.DatetimeColumn("First missing bar (UTC)", **time),
            "last": st.column_config.DatetimeColumn("Last missing bar (UTC)", **time),
            "bars": st.column_config.NumberColumn("Missing bars", format="%,d"),
        })  # fmt: skip


@st.cache_data(max_entries=8, show_spinner=False)
def coverage_charts(_panel: Any, data_hash: str, dark: bool) -> tuple[Any, Any]:
    """Both charts of a dataset; its hash stands for the panel."""
    times = pd.DatetimeIndex(_panel.times_ns, tz="UTC")
    return (
        figures_runs.listed_figure(_panel.exists, times, dark=dark),
        figures_runs.coverage_figure(_panel.exists, times, _panel.symbols, dark=dark),
    )


def coverage(name: str, described: dict[str, Any]) -> None:
    """Which assets have bars, and when."""
    listed, grid = coverage_charts(catalog.open(name), described["data_hash"], look.is_dark())
    look.show(listed, "data.listed")
    look.show(grid, "data.coverage")


def prices(name: str, described: dict[str, Any]) -> None:
    """One asset's candles."""
    symbol = selection.pick("Asset", "asset", described["symbols"])
    panel = catalog.open(name)
    look.show(figures_runs.price_figure(panel.candles(str(symbol), 0, panel.bars), dark=look.is_dark()), f"data.{name}.{symbol}")


VIEWS = {"Quality": quality, "Coverage": coverage, "Prices": prices}


def page() -> None:
    """One dataset, from the address or picked, and the import of others."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = str(selection.pick("Dataset", "dataset", sorted({*catalog.names(), *DEMO_NAMES})))
        upload.popover(service)
    upload.show_success()
    with st.spinner(f"Opening {look.plain(name)}"):  # a demo market is made when it is first named
        described = catalog.describe(name)
    facts(described)
    if described["synthetic"] and st.toggle("Tell which edge is planted", key=f"data.edge.{name}", help="Spoils the search."):
        st.info(described.get("edge_text", look.NOT_COMPUTED), icon=":material/science:")
    view = st.segmented_control("View", list(VIEWS), default="Quality", required=True, key="data.view", persist_state="session",
                                label_visibility="collapsed")  # fmt: skip
    VIEWS[view](name, described)


look.header("Data", "What data is there, and can it be trusted?")
try:
    page()
except EngineError as error:
    look.problem(error)
