"""How often the sealed window of a dataset was looked into, by what and when: each look makes it worth less as a last test."""

import pandas as pd
import streamlit as st

from engine.records import CampaignSpec
from engine.research.service import ResearchService
from pages import look

COLUMNS = {
    "at_utc": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "who": st.column_config.TextColumn("By", help="A page, a promotion, or the command that read it."),
    "why": st.column_config.TextColumn("What for", help="For a command, the strategy file that it ran."),
    "k": st.column_config.NumberColumn("Look", format="%d", help="The how manieth on these bars: it is tested at 0.05 / 2^k."),
    "window": st.column_config.TextColumn("Window", help="`all`: train, validation and vault in one."),
}


WHO = {"page": "by a person on a page", "promotion": "by promotions", "vault": "by a person's command"}
"""Who looked, in words; any other is the name of a command."""


def told(looks: pd.DataFrame) -> str:
    """The looks (`Queries.looks`) in a sentence, with what they mean."""
    if looks.empty:
        return "Vault: sealed. No look into it is on record; what was done with these bars outside Edgewise, it cannot know."
    times = "once" if len(looks) == 1 else f"{len(looks):,} times, last"
    by = ", ".join(f"{n:,} {WHO.get(who, f'by {who}')}" for who, n in looks["who"].value_counts(sort=False).sort_index().items())
    return (
        f"Vault: looked into {times} on {look.moment(looks['at_utc'].max())} ({look.plain(by)}). Whoever "
        "has chosen by what was seen there has no untouched bars left to test on."
    )


def looks(service: ResearchService, spec: CampaignSpec) -> None:
    """The sentence, and each look behind it, newest first. Looks count for all campaigns on the same bars."""
    found = service.queries.looks(data_hash=spec.data_hash)
    st.caption(
        told(found), help="The last part of the bars, which the search never reads. Counted for all campaigns on these bars."
    )
    if len(found):
        with st.expander(f"Looks into the vault ({len(found):,})", icon=":material/lock_open:"):
            st.dataframe(found, column_config=COLUMNS, column_order=list(COLUMNS), hide_index=True,
                         height=look.table_height(len(found), 320))  # fmt: skip
