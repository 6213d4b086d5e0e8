"""The whole file of prompts in one editor, and what to do when it is broken."""

import streamlit as st

from engine.proposal.prompt_book import book_text, find_problems
from engine.research.model_desk import ModelDesk
from pages import code_views, look
from pages.access import attempt, show_problem
from pages.prompt_draft import save_all
from pages.prompt_fields import MONOSPACE


def broken(desk: ModelDesk) -> None:
    """A warning where the file on disk is no book: why, and that the last good one is in use."""
    problem = desk.prompts.problem
    if problem is None:
        return
    book = desk.book()
    st.warning(
        f"The file of prompts is broken, and the last good book is in use, version `{book.version}`. "
        f"{look.plain(problem)}. Mend it under *Whole file*, or put the last good book back.",
        icon=":material/warning:",
    )
    st.button("Put the last good book back", key="prompts.put_back", icon=":material/history:", on_click=attempt,
              args=(_put_back, desk), help="Replaces the broken text; comments that stood in the file are lost.")  # fmt: skip


def _put_back(desk: ModelDesk) -> None:
    file_hash = desk.prompts.text_hash
    save_all(desk, book_text(desk.book()), file_hash, who=st.session_state.get("prompts.who") or "", why="put back")
    st.session_state.pop("prompts.file", None)


def whole_file(desk: ModelDesk) -> None:
    """prompts.yaml as it stands, comments too."""
    file_hash, now = desk.prompts.text_hash, desk.prompts.text
    seen_hash, seen = st.session_state.setdefault("prompts.file", (file_hash, now))
    st.html(MONOSPACE)
    with st.container(key="prompt_text"):
        text = (
            st.text_area(desk.prompts.path.name, seen, height=560, key=f"prompts.file.{seen_hash}", persist_state="session") or ""
        )
    if file_hash != seen_hash:
        if text in (seen, now):
            st.session_state["prompts.file"] = (file_hash, now)
            st.rerun()
        st.warning("Someone else has changed the file meanwhile. This is what that changed; your text is still here.",
                   icon=":material/group:")  # fmt: skip
        st.code(code_views.code_diff(seen, now, ("as you saw it", "as it is now")), "diff", wrap_lines=True)
        with st.container(horizontal=True, gap="small"):
            st.button("Take theirs, drop mine", key="prompts.file_theirs", on_click=_take, args=(file_hash, now))
            st.button(
                "Keep mine, to be saved over theirs",
                key="prompts.file_mine",
                on_click=_keep_mine,
                args=(seen_hash, file_hash, now),
            )
    problems = find_problems(text)
    for problem in problems[:5]:
        look.problem(problem)
    if len(problems) > 5:
        st.caption(f"And {len(problems) - 5} more.")
    if not problems:
        st.caption("In order." if text != now else "In order, as it is saved.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("Why", key="prompts.file_why", placeholder="What it should make better", max_chars=300, width=420)
        st.button("Save the file", key="prompts.file_save", type="primary", icon=":material/save:", on_click=attempt,
                  args=(_save, desk, seen_hash), disabled=bool(problems) or text == now or file_hash != seen_hash)  # fmt: skip
        st.download_button("Download", now, desk.prompts.path.name, "text/yaml", icon=":material/download:", on_click="ignore")
    show_problem()


def _take(file_hash: str, now: str) -> None:
    """Edit the file as it is now."""
    st.session_state["prompts.file"] = (file_hash, now)


def _keep_mine(seen_hash: str, file_hash: str, now: str) -> None:
    """Go on with what was typed, as an edit of the file as it is now."""
    _take(file_hash, now)
    st.session_state[f"prompts.file.{file_hash}"] = st.session_state[f"prompts.file.{seen_hash}"]


def _save(desk: ModelDesk, file_hash: str) -> None:
    text, why = (str(st.session_state.get(key) or "") for key in (f"prompts.file.{file_hash}", "prompts.file_why"))
    save_all(desk, text, file_hash, who=st.session_state.get("prompts.who") or "", why=why)
    st.toast("Saved; the next call uses it.", icon=":material/check_circle:")
