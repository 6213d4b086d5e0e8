"""Which texts a run of the model's arm is asked with, where proposed ones are tried on a share of the runs.

Both texts then feed runs of the same numbers, so that early runs are never held against late ones.
"""

from collections.abc import Callable, Sequence

from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt, PromptBook, parse_book, prompt_text
from engine.proposal.roles import ROLES
from engine.research.campaign import rng_of
from engine.store.prompt_queries import Tried

TRIED_STREAM = 3
"""The stream of a run's randomness that draws its prompts; those below are `model_context`'s."""


def with_text(book: PromptBook, role: str, text: str) -> PromptBook:
    """The book with that text, as it would be written in it, in the role's place. Raises PromptError if it is no prompt."""
    return parse_book("\n".join(text if name == role else prompt_text(known) for name, known in book.prompts.items()))


def drawn(tried: Sequence[Tried], seed: int, number: int) -> list[Tried]:
    """Those that the campaign's run of that number is made with: each for its share of the numbers, at most one in a role.

    One draw for each role, in which the tried ones stand side by side: roles are drawn independently of each other.
    """
    left = dict(zip(ROLES, rng_of(seed, number, TRIED_STREAM).random(len(ROLES)), strict=True))
    found = []
    for one in tried:
        if one.role not in left:
            continue
        if 0 <= left[one.role] < one.share:
            found.append(one)
        left[one.role] -= one.share
    return found


class DealtPrompts:
    """The prompts of one run that was dealt tried texts: those in force, but for each role that has drawn one, whose text it
    keeps for as long as the trial goes on. A book is read anew for every call.

    `live()` are the prompts in force, `tried()` the trials that go on; `end(one, why)` ends one.
    """

    def __init__(
        self, dealt: Sequence[Tried], live: Callable[[], PromptBook], tried: Callable[[], Sequence[Tried]],
        end: Callable[[Tried, str], None],
    ) -> None:  # fmt: skip
        self._dealt = {one.role: one for one in dealt}
        self._live, self._tried, self._end = live, tried, end
        self._made_of: tuple[PromptBook, list[Tried]] | None = None
        self._made = live()

    def book(self) -> PromptBook:
        """As they are now; a tried text that is no prompt any more is left out."""
        going_on = {one.seq for one in self._tried()}
        made_of = self._live(), [one for one in self._dealt.values() if one.seq in going_on]
        if made_of != self._made_of:  # reading a book takes 60 ms, and a call that waits looks every two seconds
            self._made_of, self._made = made_of, _with_tried(*made_of)
        return self._made

    def trial_of(self, prompt: Prompt) -> str:
        if prompt.role not in self._dealt or prompt.version == self._live()[prompt.role].version:
            return ""
        one = self._dealt[prompt.role]
        return (
            f"version {prompt.version} of the prompt {one.role}, proposal {one.seq}, which is tried on a share of the runs: to go"
            " on without it, end its trial on Prompts"
        )

    def give_up(self, prompt: Prompt, why: str) -> bool:
        """A text is to blame where it asks for another model or temperature than the one in force: else both would fail."""
        in_force = self._live()[prompt.role]
        is_its_own = (prompt.model, prompt.temperature) != (in_force.model, in_force.temperature)
        if prompt.role not in self._dealt or not is_its_own:
            return False
        self._end(self._dealt.pop(prompt.role), why)
        return True


def _with_tried(book: PromptBook, tried: Sequence[Tried]) -> PromptBook:
    for one in tried:
        try:
            book = with_text(book, one.role, one.text)
        except PromptError:
            continue  # the program's rules have changed since it was proposed
    return book
