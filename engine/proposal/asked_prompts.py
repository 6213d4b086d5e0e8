"""Which prompts a question is asked with: those in force, or for some runs others that are on trial."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.proposal.prompt_book import Prompt, PromptBook


class Prompts(Protocol):
    """What a question is asked with, read anew for every call of it."""

    def book(self) -> PromptBook:
        """The prompts as they are now."""
        ...

    def trial_of(self, prompt: Prompt) -> str:
        """In words that this prompt is on trial; empty if it is in force."""
        ...

    def give_up(self, prompt: Prompt, why: str) -> bool:
        """End the trial of that prompt, which cannot be asked for a reason of its own: the book then holds the text in force.
        False if it is on no trial, or the reason is not its own."""
        ...


@dataclass(frozen=True)
class InForce:
    """Prompts of which none is on trial."""

    read: Callable[[], PromptBook]

    def book(self) -> PromptBook:
        return self.read()

    def trial_of(self, prompt: Prompt) -> str:
        return ""

    def give_up(self, prompt: Prompt, why: str) -> bool:
        return False
