"""All reads about the language model in one: on the ledger or on its snapshot."""

import json

from engine.model_records import Caps, ModelChoice
from engine.store.call_queries import CallQueries
from engine.store.database import Reader
from engine.store.funnel import FunnelQueries
from engine.store.memory_queries import MemoryQueries
from engine.store.prompt_queries import PromptQueries
from engine.store.stories import StoryQueries


class ModelQueries(CallQueries, PromptQueries, StoryQueries, MemoryQueries, FunnelQueries):
    """Reads what `ModelLedger` wrote. Thread-safe.

    Only answers about calls and about when persons did something hold times: equal campaigns give equal answers elsewhere.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def revision(self) -> int:
        """Grows with each commit: a page may cache its answers on it."""
        return self._reader.revision

    def caps(self, campaign_id: str | None = None) -> Caps:
        """The caps that hold for the campaign: its own, else those for all, else none."""
        rows = self._reader.rows(
            """SELECT caps FROM caps WHERE campaign_id IS NULL OR campaign_id = ?
               ORDER BY campaign_id IS NULL, seq DESC LIMIT 1""",
            [campaign_id],
        )
        return Caps(**json.loads(rows[0][0])) if rows else Caps()

    def model_choice(self) -> ModelChoice | None:
        """The model that was chosen last; None if none was."""
        rows = self._reader.rows("SELECT choice FROM model_choices ORDER BY seq DESC LIMIT 1")
        return ModelChoice(**json.loads(rows[0][0])) if rows else None
