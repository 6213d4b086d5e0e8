"""Import of bars by upload: a small form, and what came of it in a sentence."""

import tempfile
from pathlib import Path

import streamlit as st

from engine.errors import EngineError
from engine.research.service import ResearchService
from pages import look, selection

KINDS = ["parquet", "csv", "gz"]


def popover(service: ResearchService) -> None:
    """The form behind a button. It closes when an import is done, and says what was wrong where one is refused."""
    if "data.imported" in st.session_state:
        st.session_state["data.popover"] = False
    with st.popover("Import bars", icon=":material/upload_file:", key="data.popover", on_change="rerun"):
        _form(service)


def _form(service: ResearchService) -> None:
    """File, name and the button. Refused files leave everything as it was."""
    with st.form("data.import", border=False):
        st.markdown("Parquet or CSV with time (UTC, bar open), symbol, open, high, low, close and, if there is one, volume.")
        file = st.file_uploader(
            "File", KINDS, key="data.file", help="Common names such as Open, Date or open_time are understood."
        )
        name = st.text_input("Name of the dataset", key="data.name", placeholder="for example crypto100")
        reference = st.text_input("Reference asset", key="data.reference", placeholder="the one with the highest dollar volume",
                                  help="Strategies see it as A000, for relative value and market filters.")  # fmt: skip
        replace = st.checkbox("Replace a dataset of that name", key="data.replace", help="Results on the old bars are kept.")
        if st.form_submit_button("Import", type="primary"):
            try:
                _import(service, file, name.strip(), reference.strip() or None, replace)
            except EngineError as error:
                look.problem(error)


def _import(service: ResearchService, file: st.runtime.uploaded_file_manager.UploadedFile | None, name: str,
            reference: str | None, replace: bool) -> None:  # fmt: skip
    if file is None or not name:
        st.error("Choose a file and a name for the dataset, then press Import.", icon=":material/error:")
        return
    with tempfile.TemporaryDirectory() as folder, st.spinner("Reading and checking the bars"):
        path = Path(folder) / Path(file.name).name
        path.write_bytes(file.getbuffer())
        result = service.import_dataset(path, name, reference=reference, replace=replace)
    market = result.quality.market
    selection.choose("dataset", name)
    done = "Replaced" if result.replaced else "Imported"
    st.session_state["data.imported"] = f"{done} {look.plain(name)}: {market['bars']:,} bars of {market['assets']:,} assets."
    st.rerun()


def show_success() -> None:
    """Show, once, what the last import has brought."""
    if told := st.session_state.pop("data.imported", None):
        st.success(told, icon=":material/check_circle:")
