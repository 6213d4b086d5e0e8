"""What a campaign starts from beside its theme: seed strategies, files of one's own, earlier runs. They are its first runs."""

from collections.abc import Mapping

import streamlit as st

from engine.errors import CampaignError, EngineError, StrategyError, UnknownRun
from engine.records import CampaignSpec
from engine.research.service import ResearchService
from engine.store.answers import RunRow
from engine.strategy.sandbox import MAX_SOURCE
from pages import look, start_list

RUNS_LISTED = 500  # all of them would be sent to the browser; any other run is reached from its Strategy page
KEPT = {"persist_state": "session"}
ONLY_A_START = "A run on other data or windows is only a start: its figures do not carry over. It is scored anew, as a new trial."


def follow_address(service: ResearchService) -> None:
    """Take the run that the address names as `start` among those to start from, and say so."""
    run_id = st.query_params.pop("start", None)
    if not run_id:
        return
    try:
        run = service.queries.run(run_id)
        if run.failure:
            raise CampaignError(f"run {run.number:,} failed, so there is nothing to start from; choose a run with a result")
    except EngineError as error:
        look.problem(error)
        return
    chosen = st.session_state["research.start_runs"]
    st.session_state["research.start_runs"] = [*chosen, run_id] if run_id not in chosen else chosen
    told = look.plain(start_list.title(service, run))
    st.info(f"{told} will be run first: see *Start from* below. Choose data and windows.", icon=":material/start:")


def start_from(service: ResearchService, wanted: CampaignSpec) -> None:
    """What to start from, and what will be run first."""
    st.markdown("**Start from**", help="They are run first, by hand; the model's arm may build on them. Without any there is the"
                " theme alone.")  # fmt: skip
    with st.grid(2, min_column_width=300):
        with st.container():
            _seeds()
        with st.container():
            _own()
    _earlier(service)
    start_list.first(service, wanted)


def _seeds() -> None:
    told = {name: start_list.about(source) for name, source in start_list.sources().items()}
    _keep_known("start_seeds", told)
    st.multiselect("Seed strategies", list(told), key="research.start_seeds", placeholder="none", select_all=False,
                   format_func=lambda name: f"{name}: {told[name]}", **KEPT)  # fmt: skip


def _earlier(service: ResearchService) -> None:
    texts = {
        row.run_id: f"Sharpe {look.number(row.validation_sharpe)}{'' if row.enough_trades else ' of too few trades'}, run"
        f" {row.number:,} of {row.campaign}, on {row.dataset}: {row.summary}"
        for row in service.queries.best_runs(limit=RUNS_LISTED).itertuples()
    }
    for run_id in st.session_state["research.start_runs"]:
        if run_id not in texts and (run := _known_run(service, run_id)):
            texts[run_id] = f"{start_list.title(service, run)}: {run.summary}"
    _keep_known("start_runs", texts)
    st.multiselect(
        "Earlier runs, best validation Sharpe first", list(texts), key="research.start_runs", format_func=texts.get,
        placeholder="none", select_all=False,
        help=f"The {RUNS_LISTED} best of all campaigns; any other from *Strategy*, tab *Steer*.", **KEPT,
    )  # fmt: skip
    if st.session_state["research.start_runs"]:
        st.caption(ONLY_A_START)


def _own() -> None:
    form = st.session_state.setdefault("start.form", 0)  # a new key is an empty field: what was taken stands in the list
    key = f"start.files.{form}"
    st.file_uploader("Files of your own", ["py"], accept_multiple_files=True, key=key, on_change=_take, args=(key,),
                     max_upload_size=1)  # fmt: skip
    for refused in st.session_state.pop("start.refused", []):
        look.problem(refused)


def _take(key: str) -> None:
    """Keep the files that are text; for the others, why not."""
    own, refused = dict(st.session_state["research.start_own"]), []
    for file in st.session_state[key]:
        try:
            own[file.name.removesuffix(".py")[:80]] = read_source(file.name, file.getvalue())
        except StrategyError as error:
            refused.append(str(error))
    st.session_state.update({"research.start_own": own, "start.refused": refused})
    st.session_state["start.form"] += 1


def read_source(name: str, content: bytes) -> str:
    """The text of an uploaded strategy. Raises StrategyError."""
    if not content.strip() or len(content) > MAX_SOURCE:
        raise StrategyError(f"{name} has {len(content):,} bytes; wanted a strategy of 1 to {MAX_SOURCE:,} bytes: upload another")
    try:
        return content.decode("utf-8-sig")  # Windows' editors begin a file with a mark that Python does not take in a text
    except UnicodeDecodeError:
        raise StrategyError(f"{name} is not UTF-8 text; save the strategy as UTF-8 and upload it again") from None


def _known_run(service: ResearchService, run_id: str) -> RunRow | None:
    try:
        return service.queries.run(run_id)
    except UnknownRun:
        return None


def _keep_known(field: str, known: Mapping[str, str]) -> None:
    """Drop of a choice, a preset's for example, what is not there any more."""
    st.session_state[f"research.{field}"] = [one for one in st.session_state[f"research.{field}"] if one in known]
