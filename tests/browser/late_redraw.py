"""The app, but the first redraw of the sidebar after LATE_REDRAW/armed is there is late: the viewer's next edit may overtake it.

See `pages/fields.py`: this makes the gap that it closes as wide as can be.
"""

import os
import runpy
import threading
from pathlib import Path
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import SessionState

FOLDER = Path(os.environ["LATE_REDRAW"])
EDIT_S = 5.0
"""How long the redraw waits for the edit's run to set the fields: where runs do not overlap, that does not come."""

_edited, _drawn = threading.Event(), threading.Event()
_plain = SessionState.on_script_will_rerun


def _set_fields(state: SessionState, *words: Any, **named: Any) -> None:
    context = get_script_run_ctx()
    is_redraw = context is not None and bool(context.fragment_ids_this_run)
    if is_redraw and (FOLDER / "armed").exists() and not (FOLDER / "about_to_begin").exists():
        (FOLDER / "about_to_begin").touch()
        _edited.wait(EDIT_S)
        _plain(state, *words, **named)
        _drawn.set()
        return
    _plain(state, *words, **named)
    if not is_redraw and (FOLDER / "about_to_begin").exists():
        _edited.set()
        _drawn.wait()


SessionState.on_script_will_rerun = _set_fields  # type: ignore[method-assign, assignment]
runpy.run_path("app.py", run_name="__main__")
