"""The strategies that a campaign is to start from, as a list of what will be run first."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.records import CampaignSpec
from engine.research.campaign import Start
from engine.research.service import ResearchService
from engine.settings import PROJECT_DIR
from engine.store.answers import RunRow
from pages import look

SEEDS = PROJECT_DIR / "data" / "strategies"


def starts(service: ResearchService, choices: Mapping[str, Any]) -> list[Start]:
    """The strategies of these choices, in the order in which they are run, none twice. Raises UnknownRun, StrategyError."""
    files = [*sources(choices["start_seeds"]).items(), *choices["start_own"].items()]
    wanted = [Start(source, f"Start: {name}.") for name, source in files]
    wanted += [service.start_of(run_id) for run_id in choices["start_runs"]]
    return list({start.source: start for start in reversed(wanted)}.values())[::-1]


def first(service: ResearchService, wanted: CampaignSpec) -> None:
    """What will be run first, in that order, each with its code."""
    chosen, own = st.session_state, st.session_state["research.start_own"]
    rows = [(f"{name}: {about(source)}", source, "") for name, source in sources(chosen["research.start_seeds"]).items()]
    rows += [(f"{name}.py, your own: {about(source)}", source, name) for name, source in own.items()]
    for run in (service.queries.run(run_id) for run_id in chosen["research.start_runs"]):
        other = "" if _is_same_market(service.queries.campaign(run.campaign_id).spec, wanted) else ", other data or windows"
        rows.append((f"{title(service, run)}{other}: {run.summary}", run.source, ""))
    st.caption("Run first, in this order:" if rows else "Nothing is run first: the campaign starts from its theme alone.")
    for number, (label, source, name) in enumerate(rows, 1):
        with st.expander(look.plain(f"{number}. {label}")):
            if name:
                st.button("Remove", key=f"start.remove.{name}", icon=":material/delete:", on_click=_remove, args=(name,))
            st.code(source, "python", line_numbers=True, height=420 if source.count("\n") > 20 else "content")


def _remove(name: str) -> None:
    own = st.session_state["research.start_own"]
    st.session_state["research.start_own"] = {other: source for other, source in own.items() if other != name}


def _is_same_market(one: CampaignSpec, other: CampaignSpec) -> bool:
    return (one.data_hash, one.assets, one.windows) == (other.data_hash, other.assets, other.windows)


def sources(names: Sequence[str] | None = None) -> dict[str, str]:
    """Seed strategies by name, all where none are named."""
    files = {file.stem: file for file in sorted(SEEDS.glob("*.py"))}
    return {name: files[name].read_text(encoding="utf-8") for name in (files if names is None else names) if name in files}


def about(source: str) -> str:
    """The docstring's first line."""
    try:
        told = ast.get_docstring(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it is not Python as it stands"
    return told.splitlines()[0] if told else "it does not say what it does"


def title(service: ResearchService, run: RunRow) -> str:
    """Run 3 of Small search."""
    return f"Run {run.number:,} of {service.queries.campaign(run.campaign_id).name}"
