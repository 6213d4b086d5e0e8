"""A small prompt book for tests of asking: every role, with words of no consequence."""

from typing import Any

from engine.proposal.prompt_book import Prompt, PromptBook
from engine.proposal.roles import ROLES


def small_prompt(role: str, instructions: str | None = None, **changes: Any) -> Prompt:
    inputs, outputs = ROLES[role].inputs, ROLES[role].outputs
    told = instructions or f"Do what a {role} does with {' and '.join(f'{{{name}}}' for name in inputs)}."
    described = {"inputs": {n: f"the {n}" for n in inputs}, "outputs": {n: f"your {n}" for n in outputs}}
    return Prompt(**{"role": role, "purpose": "a test", "instructions": told, **described, **changes})


def small_book() -> PromptBook:
    return PromptBook({role: small_prompt(role) for role in ROLES})


def replaced(book: PromptBook, prompt: Prompt) -> PromptBook:
    return PromptBook({**book.prompts, prompt.role: prompt})
