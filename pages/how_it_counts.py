"""How it counts: the rules of execution, the definition of every figure, and how evidence is made."""

import re
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from pages import look

DOCS = Path(__file__).parents[1] / "docs"
TEXTS = {
    "Execution": "execution.md", "Explanation": "explain.md", "Evidence": "evidence.md", "Promotion": "promotion.md",
    "Survival": "survives.md", "Scorecard": "scorecard.md", "Search": "tuning.md", "Arms": "arms.md",
    "Calibration": "calibration.md",
}  # fmt: skip
UNITS = {
    "fraction": "%", "ratio": "number", "count": "number", "sleeve": "% of a sleeve's capital", "multiple": "times",
    "bars": "bars",
}  # fmt: skip


def figures() -> None:
    """Every figure with its unit and definition, searchable."""
    wanted = st.text_input("Search", placeholder="a word, such as drawdown", key="counts.search", width=320)
    for title, all_of in (("Portfolio", PORTFOLIO_FIGURES), ("One asset", ASSET_FIGURES)):
        rows = [
            {"Figure": f.label, "Unit": UNITS[f.unit], "Definition": f.definition}
            for f in all_of.values() if wanted.lower() in f"{f.label} {f.name} {f.definition}".lower()
        ]  # fmt: skip
        st.markdown(f"**{title}**: {len(rows):,} figures")
        if rows:
            st.table(pd.DataFrame(rows).map(look.plain), hide_index=True)


def text(name: str) -> None:
    """One of the texts in docs/, without its title; what it points to beside itself is named, not linked."""
    whole = (DOCS / name).read_text(encoding="utf-8").split("\n", 1)[1]
    st.markdown(re.sub(r"\[([^\]]+)\]\([\w/.]+\.md\)", r"\1", whole))


look.header("How it counts", "What exactly was computed, and by which rule?")
view = st.segmented_control("About", ["Figures", *TEXTS], default="Execution", required=True, key="counts.view", wrap=True,
                            persist_state="session")  # fmt: skip
if view == "Figures":
    figures()
else:
    text(TEXTS[view])
