"""`engine bench` (placeholder until measured)."""

from typing import Any

from engine.command.answer import JsonOption, StoreOption


def bench(store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """Measure."""
    return {}, ""
