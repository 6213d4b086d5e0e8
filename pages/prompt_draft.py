"""Prompts on their way to the file: what is wrong with them, and saving them with their history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.proposal.prompt_book import Prompt, PromptBook, book_text, find_problems, prompt_text
from engine.research.model_desk import ModelDesk
from engine.research.tried_prompts import with_text

HERE = "the Prompts page"
"""Who saved, where nobody gave a name."""


@dataclass(frozen=True)
class Seen:
    """What a viewer's edit began with: the prompt, and the hash of the file in which he has seen it."""

    prompt: Prompt
    file_hash: str


def seen_now(desk: ModelDesk, role: str) -> Seen:
    """The role's prompt as it stands. The hash is read first: a change in between is found when it is saved."""
    file_hash = desk.prompts.text_hash
    return Seen(desk.book()[role], file_hash)


def problems_in(book: PromptBook, prompt: Prompt) -> list[str]:
    """What keeps that prompt from taking its role's place in the book, a sentence each; empty for a good one."""
    return find_problems(book_text(PromptBook({**book.prompts, prompt.role: prompt})))


def prompt_from(book: PromptBook, role: str, text: str) -> Prompt:
    """The prompt that the ledger keeps as text. Raises PromptError if it is none, as an old one may be under newer rules."""
    return with_text(book, role, text)[role]


def with_fields(prompt: Prompt, inputs: Mapping[str, str], outputs: Mapping[str, str], offered: tuple[str, ...]) -> Prompt:
    """The prompt with those descriptions; inputs keep its order, new ones follow in the role's."""
    order = [name for name in prompt.inputs if name in inputs] + [n for n in offered if n in inputs and n not in prompt.inputs]
    return replace(prompt, inputs={name: inputs[name] for name in order}, outputs=dict(outputs))


def save(desk: ModelDesk, prompt: Prompt, file_hash: str, *, who: str, why: str) -> None:
    """Put it into the file and its history, the text before it too. Raises PromptError if it is no good, or if the file is
    no longer the one of that hash."""
    before = desk.book()[prompt.role]
    desk.prompts.save_prompt(prompt, file_hash)
    desk.ledger.prompt_version(prompt.role, before.version, prompt_text(before), who="the file")
    desk.ledger.prompt_version(prompt.role, prompt.version, prompt_text(prompt), who=who or HERE, why=why)


def save_all(desk: ModelDesk, text: str, file_hash: str, *, who: str, why: str) -> None:
    """Put the whole text into the file, and each prompt that it changes into its history. Raises PromptError as `save` does."""
    before = desk.book()
    for role, prompt in desk.prompts.save(text, file_hash).prompts.items():
        if prompt.version != before[role].version:
            desk.ledger.prompt_version(role, before[role].version, prompt_text(before[role]), who="the file")
            desk.ledger.prompt_version(role, prompt.version, prompt_text(prompt), who=who or HERE, why=why)
