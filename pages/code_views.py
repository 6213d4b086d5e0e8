"""A run's code on a page: its parameters, the text with a failing line marked, and what changed against another run."""

import difflib

import streamlit as st

from engine.records import Failure
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import run_choice, selection, tables


def code(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """The code, its parameters, and what changed against another run."""
    if run.failure:
        st.code(marked(run.source, run.failure), "python", line_numbers=True)
        return
    if run.params:
        tried = tables.tried_params(service.queries.scenarios(run.run_id))
        st.dataframe(tables.params_table(run.params, tried), hide_index=True, placeholder="", column_config={
            "Tried": st.column_config.TextColumn(help="What the sweep tried; a grid includes both ends of the declared range."),
            "Place": st.column_config.ProgressColumn("Place in range", help="An end of the range hints that it is too narrow."),
        })  # fmt: skip
    shown = st.segmented_control("Show", ["Code", "Changes"], default="Code", required=True, key="strategy.code")
    if shown == "Code":
        st.code(run.source, "python", line_numbers=True)
    else:
        changes(service, run, campaign)


def changes(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """The code against its parent, or against any run that is chosen; at first its parent, else the best of the others."""
    if not run.parent_run_id:
        st.caption("Fresh draw: no parent. Its code is compared with that of the run chosen here.")
    if not selection.current("other") and run.parent_run_id:
        selection.choose("other", run.parent_run_id)
    other = run_choice.run(service, campaign, "Compare with", "other", but=run.run_id)
    names = (f"run {other.number:,}", f"run {run.number:,}")
    diff = code_diff(other.source, run.source, names)
    if diff:
        st.code(diff, "diff")
    else:
        st.info(f"The code of {names[0]} and {names[1]} is the same.", icon=":material/equal:")


def code_diff(before: str, after: str, names: tuple[str, str]) -> str:
    """A unified diff, empty where the texts are equal."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=4))


def excerpt(source: str, line: int, *, around: int = 4) -> str:
    """The lines around that one with their numbers, an arrow before it; empty where the source has no such line."""
    lines = source.splitlines()
    if not 0 < line <= len(lines):
        return ""
    first, last = max(line - around, 1), min(line + around, len(lines))
    return "\n".join(f"{'→' if n == line else ' '} {n:>{len(str(last))}}  {lines[n - 1]}" for n in range(first, last + 1))


def marked(source: str, failure: Failure) -> str:
    """The source with the failing line marked by a remark at its end; unchanged where no line is known."""
    lines = source.splitlines()
    if failure.line and 0 < failure.line <= len(lines):
        lines[failure.line - 1] += f"  # <<< {failure.kind} in this line"
    return "\n".join(lines)
