"""All reads about the language model in one: on the ledger or on its snapshot."""

import json

from engine.model_records import Caps, ModelChoice
from engine.store.call_queries import CallQueries
from engine.store.database import Reader
from engine.store.funnel import FunnelQueries
from engine.store.memory_queries import MemoryQueries
from engine.store.prompt_queries import PromptQueries
from engine.store.replay_queries import ReplayQueries
from engine.store.stories import StoryQueries


class ModelQueries(CallQueries, PromptQueries, ReplayQueries, StoryQueries, MemoryQueries, FunnelQueries):
    """Reads what `ModelLedger` wrote. Thread-safe.

    Only answers about calls and about when persons did something hold times: equal campaigns give equal answers elsewhere.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def revision(self) -> int:
        """Grows with each commit: a page may cache its answers on it."""
        return self._reader.revision

    def caps(self) -> Caps:
        """The caps for all campaigns."""
        return self._caps().get(None, Caps())

    def own_caps(self) -> dict[str, Caps]:
        """The caps of each campaign that has some of its own."""
        return {campaign_id: caps for campaign_id, caps in self._caps().items() if campaign_id is not None}

    def _caps(self) -> dict[str | None, Caps]:
        rows = self._reader.rows("SELECT campaign_id, arg_max(caps, seq) FROM caps GROUP BY campaign_id ORDER BY campaign_id")
        return {campaign_id: Caps(**json.loads(caps)) for campaign_id, caps in rows}

    def model_choice(self) -> ModelChoice | None:
        """The model that was chosen last, `NO_MODEL` if that was none; None if nobody has chosen."""
        rows = self._reader.rows("SELECT choice FROM model_choices ORDER BY seq DESC LIMIT 1")
        return ModelChoice(**json.loads(rows[0][0])) if rows else None
