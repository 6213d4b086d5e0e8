"""One prompt in its editor: text, fields and settings, what is wrong with it, what a model would get, saving or trying it."""

import streamlit as st

from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt, prompt_text
from engine.proposal.roles import ROLES
from engine.research.model_desk import ModelDesk
from pages import code_views, look
from pages.access import attempt, show_problem
from pages.prompt_draft import HERE, Seen, problems_in, save, seen_now
from pages.prompt_fields import prompt_fields, prompt_in_fields
from pages.prompt_preview import preview
from pages.prompt_trial import FIRST_SHARE


def edit(desk: ModelDesk, role: str) -> None:
    """The role's prompt, to be changed, looked at as the model would get it, and saved."""
    seen, now = _seen(desk, role), seen_now(desk, role)
    draft = prompt_fields(seen.prompt, _key(seen), ROLES[role].inputs)
    if now.prompt.version == seen.prompt.version:
        seen = _begin(role, now)  # what others have changed elsewhere in the file is no conflict
    elif draft.version in (seen.prompt.version, now.prompt.version):
        _begin(role, now)  # nothing of this viewer's is lost by showing the new text
        st.rerun()
    else:
        _conflict(role, seen, now)
    problems = problems_in(desk.book(), draft)
    _verdict(seen, draft, problems)
    _save_row(desk, seen, draft, is_good=not problems, is_alone=seen.prompt.version == now.prompt.version)
    show_problem()
    if diff := code_views.code_diff(prompt_text(seen.prompt), prompt_text(draft), (seen.prompt.version, draft.version)):
        with st.expander("Your changes", icon=":material/difference:"):
            st.code(diff, "diff", wrap_lines=True)
    preview(desk, draft)


def _key(seen: Seen) -> str:
    """With what the keys of the fields begin in which that text is edited."""
    return f"prompts.{seen.prompt.role}.{seen.prompt.version}.{st.session_state.get('prompts.round', 0)}"


def _typed(seen: Seen) -> tuple[Prompt, dict[str, str]]:
    """What the fields hold now, read when a button is pressed: the prompt, and who saves it and why."""
    told = {name: str(st.session_state.get(f"prompts.{name}") or "") for name in ("who", "why")}
    return prompt_in_fields(seen.prompt, _key(seen), ROLES[seen.prompt.role].inputs), told


def _seen(desk: ModelDesk, role: str) -> Seen:
    return st.session_state.get(f"prompts.seen.{role}") or _begin(role, seen_now(desk, role))


def _begin(role: str, seen: Seen) -> Seen:
    """Edit that text from here on; what was typed into another one is dropped."""
    st.session_state[f"prompts.seen.{role}"] = seen
    return seen


def _verdict(seen: Seen, draft: Prompt, problems: list[str]) -> None:
    """Whether the text may be saved, and if not why."""
    if problems:
        for problem in problems:
            look.problem(problem)
    elif draft.version == seen.prompt.version:
        st.caption(f"In force: version `{seen.prompt.version}`. Nothing is changed yet; leave the field and changes are checked.")
    else:
        st.success(f"In order, and not saved yet: it would be version `{draft.version}`.", icon=":material/check_circle:")


def _conflict(role: str, seen: Seen, now: Seen) -> None:
    """Someone else has saved this prompt while it was edited here: what that changed, and a choice."""
    st.warning("Someone else has saved this prompt meanwhile. This is what that changed; your text is still here.",
               icon=":material/group:")  # fmt: skip
    st.code(code_views.code_diff(prompt_text(seen.prompt), prompt_text(now.prompt), (seen.prompt.version, now.prompt.version)),
            "diff", wrap_lines=True)  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button("Take theirs, drop mine", key="prompts.theirs", on_click=_begin, args=(role, now))
        st.button("Keep mine, to be saved over theirs", key="prompts.mine", on_click=_keep_mine, args=(role, seen, now))


def _keep_mine(role: str, seen: Seen, now: Seen) -> None:
    """Go on with what was typed, as an edit of their text."""
    before, after = (f"{_key(one)}." for one in (seen, now))
    for name in [name for name in st.session_state if str(name).startswith(before)]:
        st.session_state[after + str(name).removeprefix(before)] = st.session_state[name]
    _begin(role, now)


def _save_row(desk: ModelDesk, seen: Seen, draft: Prompt, *, is_good: bool, is_alone: bool) -> None:
    """Who saves and why, with the buttons. Beside a conflict nothing can be saved until it is settled."""
    is_changed = draft.version != seen.prompt.version
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("Why", key="prompts.why", placeholder="What it should make better", max_chars=300, width=420)
        st.text_input("Who", key="prompts.who", placeholder="Your name", max_chars=60, width=180, persist_state="session")
        st.button("Save", key="prompts.save", type="primary", icon=":material/save:", on_click=attempt,
                  args=(_save, desk, seen),
                  disabled=not (is_good and is_alone and is_changed and desk.prompts.problem is None),
                  help="Holds from the next call on, also of a campaign at work.")  # fmt: skip
        st.button("Try on a share of the runs", key="prompts.try", icon=":material/science:", on_click=attempt,
                  args=(_try, desk, seen), disabled=not (is_good and is_changed),
                  help=f"Kept as a proposal, and tried on {FIRST_SHARE}% of the model arm's runs that begin from now on; "
                  "Proposals shows how it does beside the text in force, and changes the share.")  # fmt: skip
        st.button("Undo my changes", key="prompts.undo", icon=":material/undo:", disabled=not is_changed, on_click=_undo)


def _save(desk: ModelDesk, seen: Seen) -> None:
    draft, told = _typed(seen)
    save(desk, draft, seen.file_hash, **told)
    st.session_state["prompts.why"] = ""
    st.toast(f"Saved as version {draft.version}; the next call uses it.", icon=":material/check_circle:")


def _try(desk: ModelDesk, seen: Seen) -> None:
    """The editor goes back to the text in force: what was typed stands under Proposals."""
    draft, told = _typed(seen)
    if problems := problems_in(desk.book(), draft):
        raise PromptError(problems[0])
    desk.try_prompt(
        desk.ledger.propose_prompt(draft.role, prompt_text(draft), told["why"], told["who"] or HERE), FIRST_SHARE / 100
    )
    st.session_state["prompts.why"] = ""
    _undo()
    st.toast(f"Tried on {FIRST_SHARE}% of the runs that begin from now on; see Proposals.", icon=":material/science:")


def _undo() -> None:
    """Other keys, and so fields with what stands in the file."""
    st.session_state["prompts.round"] = st.session_state.get("prompts.round", 0) + 1
