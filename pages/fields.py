"""What a viewer enters is not put back by a redraw that was asked for before it: a gap in Streamlit 1.67, closed here.

Streamlit runs a page anew for each entry, and the sidebar by itself every two seconds, each with what the browser's fields held
when it asked. A new run begins while one that it replaces may still be about to set the fields; each run has a lock of its own,
so the replaced one could set them last. The browser hears nothing of that: it showed an edit of which the page knew nothing.
"""

import threading
from typing import Any
from weakref import WeakValueDictionary

from streamlit.runtime.state.safe_session_state import SafeSessionState

_lock = threading.Lock()
_locks: "WeakValueDictionary[int, Any]" = WeakValueDictionary()
"""Identity of a session's fields -> lock of the runs that are about to set them."""


def set_by_one_run_at_a_time() -> None:
    """From now on the runs of a session set its fields one after the other, and one that was replaced sets none: what is wrapped
    first asks whether it was, and a run is told so before the next one begins. Called once a process."""
    plain = SafeSessionState.on_script_will_rerun

    def set_fields(run: SafeSessionState, *words: Any, **named: Any) -> None:
        with _lock:
            lock = _locks.setdefault(id(run._state), threading.RLock())
        with lock:
            plain(run, *words, **named)

    SafeSessionState.on_script_will_rerun = set_fields  # type: ignore[method-assign, assignment]
