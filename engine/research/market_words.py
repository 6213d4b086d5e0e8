"""The market in words, asked for once with each text of its prompt: its figures, of train, are the same for a whole campaign."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.proposal.asking import AskingEnded
from engine.proposal.roles import MARKET

_GLANCE_S = 0.5


def words_of(fields: Mapping[str, str]) -> str:
    """What a reply to the role `market` says, in one line."""
    return " ".join(" ".join(fields[name].split())[:400] for name in MARKET.outputs).strip()


@dataclass(eq=False)
class _Said:
    """The words of one text of the prompt, empty until a run has got them, and the runs that want them, by number."""

    words: str
    waiting: list["MarketTurn"] = field(default_factory=list)


class MarketWords:
    """Gives each run the words. Safe from several threads, but runs `enter` from one, in the order of their numbers: the first
    of them asks, and the others wait for its answer, or, where it got none, for their turn to ask. So the words that a run gets
    hang on numbers and replies alone, whichever thread is first.

    `told(version)`: what the ledger holds of earlier runs, empty if nothing; so a campaign that goes on takes the same words.
    """

    def __init__(self, told: Callable[[str], str]) -> None:
        self._told = told
        self._said: dict[str, _Said] = {}
        self._changed = threading.Condition()

    def enter(self, version: str) -> "MarketTurn":
        """The place of a run that begins now with that version of the prompt; `leave` it in any case."""
        with self._changed:
            if version not in self._said:
                self._said[version] = _Said(self._told(version))
            turn = MarketTurn(self._said[version], self._changed)
            self._said[version].waiting.append(turn)
            return turn


class MarketTurn:
    """One run's place among those that want the words."""

    def __init__(self, said: _Said, changed: threading.Condition) -> None:
        self._said, self._changed = said, changed

    def words(self, ask: Callable[[], str], cancelled: threading.Event) -> str:
        """The words, asked for if it is this run's turn. Raises what `ask` does, AskingEnded when told to end."""
        with self._changed:
            while not self._said.words and self._said.waiting[0] is not self:
                if cancelled.is_set():
                    raise AskingEnded("the run was ended while it waited for the market in words")
                self._changed.wait(_GLANCE_S)
            if self._said.words:
                return self._said.words
        words = ask()
        with self._changed:
            self._said.words = words
            self._changed.notify_all()
        return words

    def leave(self) -> None:
        """The run wants nothing more; again changes nothing."""
        with self._changed:
            if self in self._said.waiting:
                self._said.waiting.remove(self)
            self._changed.notify_all()
