"""Parameters: on which of them does a result hang, and does it stand on a plateau or on a peak?"""

import json
from typing import Any

import pandas as pd
import streamlit as st

from engine.analysis.trial_history import trial_history
from engine.errors import EngineError
from engine.records import RUN_WINDOWS
from engine.research.importances import Importances
from engine.store.answers import CampaignRow, RunRow
from pages import figures, figures_params, look, result_views, run_choice, selection, tables
from pages.access import research

service = research()
PLATEAU_HELP = (
    "Median objective of the nearest sets that were tried, as a share of the chosen one's: at 100 % nothing is lost one step"
    " aside, at 0 % all is."
)
IMPORTANCE_HELP = "fANOVA (Hutter, Hoos and Leyton-Brown 2014): how much of the objective's variance a parameter explains."


def tried(run: RunRow) -> pd.DataFrame:
    """Every set of the run in the order tried, with its parameters, objective, best so far and state."""
    rows = service.queries.scenarios(run.run_id)
    history = trial_history(rows["objective"].to_numpy(float), rows["failure"].tolist())
    return pd.concat([rows[["scenario"]], tables.tried_params(rows), history], axis=1)


@st.cache_data(show_spinner=False, max_entries=20)
def importances(store: str, run_id: str) -> Importances:
    """Which parameters the objective of that run hangs on; run ids repeat from store to store."""
    return service.results.importances(run_id)


def summary(run: RunRow, sets: pd.DataFrame, names: list[str]) -> None:
    """How many sets came how far, and what remains of the chosen one's objective beside it."""
    states = sets["state"].value_counts()
    found = service.results.plateau(run)
    with st.grid(5, min_column_width=130):
        for label, value in (("Sets tried", len(sets)), ("Scored", states.get("scored", 0)),
                             ("Pruned", states.get("pruned", 0)), ("Failed", states.get("failed", 0))):  # fmt: skip
            st.metric(label, look.count(value), border=True)
        score = look.NOT_COMPUTED if found is None or found.why_not else look.percent(found.score, signed=False, digits=0)
        st.metric("Plateau score", score, border=True, help=PLATEAU_HELP)
    if found and found.why_not:
        st.caption(f"Plateau score not computed: {found.why_not}.")
    elif found:
        st.caption(f"Around the chosen set {found.neighbours} neighbours have a median of {look.number(found.around, 3)}.")
    st.caption(f"Chosen: {look.plain(run.reason)}. Parameters: {look.plain(tables.params_text(json.dumps(run.params)))}.")
    if not names:
        st.info("This strategy has no parameters, so there is one set and nothing to compare.", icon=":material/info:")


def clicked(key: str) -> None:
    """Open the set whose mark was clicked."""
    points = st.session_state[key]["selection"]["points"]
    if points and points[0].get("customdata") is not None:
        number = figures_params.set_of(points[0].get("customdata"))
        selection.choose("set", str(number))
        st.toast(f"Set {number:,} is open under *A set*.", icon=":material/tune:")


def chart(figure: Any, key: str) -> None:
    """A chart whose marks open their sets."""
    look.show(figure, key, on_select=lambda: clicked(key), selection_mode="points")


def heat(sets: pd.DataFrame, names: list[str], objective: str, dark: bool) -> None:
    """The objective over two parameters of the viewer's choice."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        x = st.selectbox("Across", names, key="parameters.x", width=220)
        y = st.selectbox("Up", [n for n in names if n != x], key="parameters.y", width=220)
        how = st.segmented_control("In a cell", ["best", "mean"], default="best", required=True, key="parameters.how")
    number = selection.current("set")
    chosen = int(number) if number and number.isdigit() else None
    shown = figures_params.heat_figure(sets, x, y, objective, how, chosen=chosen, dark=dark)
    chart(shown, f"parameters.heat.{x}.{y}.{how}")
    st.caption("Cells that no scored set lies in are empty. A click on a cell opens the best set there, below.")


def opened(run: RunRow, campaign: CampaignRow, sets: pd.DataFrame) -> None:
    """One set whole: parameters, figures on train, and its equity on demand."""
    rows = service.queries.scenarios(run.run_id).set_index("scenario")
    best = sets["objective"].idxmax() if sets["objective"].notna().any() else sets.index[0]
    texts = {
        str(row.scenario): f"Set {row.scenario:,}, {row.state}, {look.number(row.objective, 3)}" for row in sets.itertuples()
    }
    selection.tell_gone("set", texts, "The set", "The best one is shown.")
    number = selection.pick("Open a set", "set", list(texts), first=str(sets.loc[best, "scenario"]), format_func=texts.get)
    row = rows.loc[int(str(number))]
    st.caption(f"Parameters: {look.plain(tables.params_text(row['params']))}.")
    if not look.is_missing(row["failure"]) and row["failure"]:
        look.problem(row["failure"])
        return
    if st.button("Compute its equity on train", key="parameters.equity", icon=":material/show_chart:",
                 help="The set was scored already, so this counts as no new trial."):  # fmt: skip
        with st.spinner("Computing it again from the ledger"):
            found = service.results.scenario(run.run_id, int(str(number)))
        figure = figures.equity_figure(found.equity, found.buy_and_hold, window="train", dark=look.is_dark())
        look.show(figure, f"parameters.equity.{number}")
    result_views.show_figures({RUN_WINDOWS[0].capitalize(): row.drop(["params", "objective", "failure"]).to_dict()},
                              "parameters.figures")  # fmt: skip


look.header("Parameters", "On which parameters does a result hang, and does it stand on a plateau or on a peak?")
try:
    looked_at, chosen = run_choice.campaign_and_run(service, "The searches of its runs")
    every = tried(chosen)
    if every.empty:
        st.info("No parameter set of this run was tried: it failed before its search.", icon=":material/info:")
        st.stop()
    objective = look.figure_label(looked_at.spec.objective) + " on train"
    names = [n for n in every.columns if n not in ("scenario", "trial", "objective", "best", "state") and every[n].nunique() > 1]
    dark = look.is_dark()
    summary(chosen, every, names)
    st.subheader("History")
    chart(figures_params.history_figure(every, objective, dark=dark), "parameters.history")
    is_scored = bool(names) and every["objective"].notna().any()
    if is_scored and len(names) > 1:
        st.subheader("Two parameters")
        heat(every, names, objective, dark)
    st.subheader("A set")
    opened(chosen, looked_at, every)
    if is_scored:
        st.subheader("Importances", help=IMPORTANCE_HELP)
        weights = importances(str(service.settings.store_dir), chosen.run_id)
        if weights.shares:
            look.show(figures_params.importance_figure(weights.shares, dark=dark), "parameters.importances")
        st.caption(f"Not computed: {weights.why_not}." if weights.why_not else f"From {weights.sets:,} sets.")
        st.subheader("Slices")
        for column, name in zip([c for _ in names for c in st.columns(2)][: len(names)], names, strict=True):
            with column:
                value = (chosen.params or {}).get(name)
                chart(figures_params.slice_figure(every, name, objective, value, dark=dark), f"parameters.slice.{name}")
        st.subheader("All parameters together")
        look.show(figures_params.parallel_figure(every, names, objective, dark=dark), "parameters.parallel")
        drawn, known = min(figures_params.MOST_LINES, every["objective"].count()), every["objective"].count()
        st.caption(f"The best {drawn:,} of {known:,} scored sets. Drag along an axis to keep a part of it.")
except EngineError as error:
    look.problem(error)
