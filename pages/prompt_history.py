"""A prompt's versions: who changed what and why, what each led to, and the way back."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.analysis.intervals import LEAST_RUNS, Lift, lift_interval, share_interval
from engine.research.model_desk import ModelDesk
from engine.research.service import ResearchService
from pages import code_views, look, selection
from pages.access import attempt, show_problem
from pages.prompt_draft import prompt_from, save, seen_now

COLUMNS = {
    "in_force": st.column_config.TextColumn("", width=70, pinned=True),
    "version": st.column_config.TextColumn("Version", pinned=True),
    "taken_up": st.column_config.DatetimeColumn("Since, UTC", format="YYYY-MM-DD HH:mm", help="When it last came into force."),
    "who": st.column_config.TextColumn("Who"),
    "answered": st.column_config.TextColumn("Answered, of calls", help="Replies that could be read, with the 95 % interval."),
    "ran": st.column_config.TextColumn("Ran, of runs", help="Of the recorded runs it fed: were scored, with the 95 % interval."),
    "lift": st.column_config.TextColumn(
        "Lift over the random arm", width=300,
        help="Mean objective on train of its scored runs, less that of the random arm's runs of the same campaigns, with the "
        f"95 % interval. Not computed with fewer than {LEAST_RUNS} runs on a side.",
    ),
    "mean_objective": st.column_config.NumberColumn("Mean objective", format="%.3f", help="On train, of its scored runs."),
    "usd": st.column_config.NumberColumn("Cost, USD", format="%.4f", help="Of its calls with a known price."),
    "why": st.column_config.TextColumn("Why", width="large"),
}  # fmt: skip


def history(service: ResearchService, role: str) -> None:
    """All versions with their results; two of them against each other; restoring one."""
    desk = service.model
    versions = desk.queries.prompt_versions(role)
    if versions.empty:
        st.info("No version is kept yet. The first call, or the first change saved here, begins the history.",
                icon=":material/hourglass_empty:")  # fmt: skip
        return
    in_force = desk.book()[role].version
    st.dataframe(_table(service, role, versions, in_force), column_order=list(COLUMNS), column_config=COLUMNS, hide_index=True,
                 height=look.table_height(len(versions), 420), placeholder=look.NOT_COMPUTED)  # fmt: skip
    st.caption(
        "A lift says how a version's runs did, not that the text is the cause: later runs build on earlier ones. To compare two "
        "texts fairly, try one on a share of the runs, or replay a call from Traces: the same inputs."
    )
    ids = versions["version"].tolist()
    selection.tell_gone("version", ids, f"The version of {role}", "The one in force, or last used, is shown.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = str(selection.pick("Version", "version", ids, width=220))
        others = [version for version in [in_force, *ids] if version != chosen]
        other = st.selectbox("Compare with", list(dict.fromkeys(others)), key=f"prompts.other.{role}", width=220)
        st.button("Restore this version", key="prompts.restore", icon=":material/history:", on_click=attempt,
                  args=(_restore, desk, role), disabled=chosen == in_force,
                  help="Comes into force with the next call; nothing of the history is lost.")  # fmt: skip
        if chosen in ids:
            st.link_button("Its calls", selection.address("traces", **{"traces.role": role, "traces.version": chosen}),
                           icon=":material/forum:")  # fmt: skip
    show_problem()
    texts = dict(zip(versions["version"], versions["text"], strict=True))
    if other in texts:
        diff = code_views.code_diff(texts[other], texts[chosen], (other, chosen))
        st.code(diff or "The texts are the same.", "diff", wrap_lines=True)
    else:
        st.code(texts[chosen], "yaml", wrap_lines=True)


def _restore(desk: ModelDesk, role: str) -> None:
    version = selection.picked("version")
    versions = desk.queries.prompt_versions(role).set_index("version")
    prompt = prompt_from(desk.book(), role, str(versions.loc[version, "text"]))
    who = st.session_state.get("prompts.who") or ""
    save(desk, prompt, seen_now(desk, role).file_hash, who=who, why=f"restored {version}")
    st.toast(f"Version {version} is in force again.", icon=":material/check_circle:")


def _table(service: ResearchService, role: str, versions: pd.DataFrame, in_force: str) -> pd.DataFrame:
    """Each version with when, who and why, and what it led to."""
    results = service.model.queries.version_results(role)
    table = versions.merge(results, on="version", how="left")
    counted = ["calls", "answered", "heard", "runs", "usd"]
    table[counted] = table[counted].fillna(0)
    leads = lifts(service, role)
    tried = {one.version for one in service.model.queries.tried_prompts()}
    return table.assign(
        in_force=["in force" if v == in_force else "tried" if v in tried else "" for v in table["version"]],
        lift=[lift_text(leads.get(version)) for version in table["version"]],
        ran=[share_text(share, n) for share, n in zip(table["ran_share"], table["runs"], strict=True)],
        answered=[share_text(found / n if n else None, n) for found, n in zip(table["answered"], table["heard"], strict=True)],
        usd=table["usd"].where(table["unpriced_calls"].fillna(0) < table["calls"]),
    )


@st.cache_data(show_spinner=False, max_entries=20, hash_funcs={ResearchService: lambda service: (id(service), service.revision)})
def lifts(service: ResearchService, role: str) -> dict[str, Lift]:
    """By version: how its scored runs did against the random arm's of the same campaigns."""
    fed = service.model.queries.version_runs(role)
    fed = fed[fed["status"] == "scored"]
    random = {}
    for campaign_id in fed["campaign_id"].unique():
        board = service.queries.runs(campaign_id)
        random[campaign_id] = board.loc[(board["arm"] == "random") & (board["status"] == "scored"), "objective"].tolist()
    return {
        str(version): lift_interval([(own["objective"].tolist(), random[i]) for i, own in runs.groupby("campaign_id")])
        for version, runs in fed.groupby("version")
    }


def lift_text(lift: Lift | None) -> str:
    """+0.42 (0.10 to 0.74), 12 against 40 runs."""
    if lift is None:
        return f"{look.NOT_COMPUTED}: no scored run"
    compared = f"{lift.runs:,} against {lift.others:,} runs"
    if look.is_missing(lift.mean):
        return f"{look.NOT_COMPUTED}: {compared}"
    return f"{lift.mean:+.3f} ({lift.low:+.3f} to {lift.high:+.3f}), {compared}"


def share_text(share: Any, n: float) -> str:
    """A share with what it is of and its interval."""
    if not n or look.is_missing(share):
        return look.NOT_COMPUTED
    return f"{look.percent(share, signed=False, digits=0)} of {n:,.0f} ({look.interval(*share_interval(share, n))})"
