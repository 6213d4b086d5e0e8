"""A small prompt book for tests of asking: every role, with words of no consequence."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.proposal.roles import ROLES


@dataclass(frozen=True)
class SmallPrompt:
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    instructions: str
    temperature: float | None = None
    model: str | None = None

    @property
    def version(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def small_prompt(role: str, instructions: str | None = None, **changes: object) -> SmallPrompt:
    inputs, outputs = ROLES[role].inputs, ROLES[role].outputs
    told = instructions or f"Do what a {role} does with {' and '.join(f'{{{name}}}' for name in inputs)}."
    described = {"inputs": {n: f"the {n}" for n in inputs}, "outputs": {n: f"your {n}" for n in outputs}}
    return SmallPrompt(**{**described, "instructions": told, **changes})  # type: ignore[arg-type]


@dataclass(frozen=True)
class SmallBook:
    prompts: Mapping[str, SmallPrompt] = field(default_factory=lambda: {role: small_prompt(role) for role in ROLES})

    @property
    def version(self) -> str:
        return hashlib.sha256(repr(self.prompts).encode()).hexdigest()[:12]

    def replaced(self, role: str, prompt: SmallPrompt) -> "SmallBook":
        return SmallBook({**self.prompts, role: prompt})
