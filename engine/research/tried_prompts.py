"""Which texts a run of the model's arm is asked with, where proposed ones are tried on a share of the runs.

Both texts then feed runs of the same numbers, so that early runs are never held against late ones.
"""

from collections.abc import Sequence

from engine.errors import PromptError
from engine.proposal.prompt_book import PromptBook, parse_book, prompt_text
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


def book_with_tried(book: PromptBook, tried: Sequence[Tried], seed: int, number: int) -> PromptBook:
    """The book with the texts that the run has drawn; one that is no prompt any more is left out."""
    for one in drawn(tried, seed, number):
        try:
            book = with_text(book, one.role, one.text)
        except PromptError:
            continue  # the program's rules have changed since it was proposed
    return book
