"""Which lessons and theories a writer is shown, which fade, and which ideas it gets: pure, and equal for equal draws."""

import re
from collections.abc import Sequence

import numpy as np

from engine.model_records import Belief, Idea

SHOWN_LESSONS, SHOWN_THEORIES, SHOWN_IDEAS = 5, 2, 2
FADED = 0.3
"""A belief that weighs less is shown no more, once enough runs have spoken."""
ENOUGH_RUNS = 4
_OVERLAP = 0.5
_WORD = re.compile(r"[a-z]{4,}")
IDEA_LETTERS = 1_500


def weight(belief: Belief) -> float:
    """From 0 to 1: the share of runs for it, one run for and one against being added so that few runs say little
    (Laplace's rule of succession)."""
    for_, against = len(belief.runs_for), len(belief.runs_against)
    return (for_ + 1) / (for_ + against + 2)


def has_faded(belief: Belief) -> bool:
    """Later runs have contradicted it; a pinned one stays."""
    runs = len(belief.runs_for) + len(belief.runs_against)
    return not belief.is_pinned and runs >= ENOUGH_RUNS and weight(belief) < FADED


def shown(beliefs: Sequence[Belief], context: str, count: int) -> list[Belief]:
    """Up to `count` beliefs for a writer, best first: pinned ones, then by weight and by words shared with the context, which
    is the theme, the market's regime and recent failures in words."""
    words = set(_WORD.findall(context.lower()))

    def rank(belief: Belief) -> tuple[bool, float, str]:
        own = set(_WORD.findall(f"{belief.text} {belief.theme} {belief.regime}".lower()))
        likeness = len(own & words) / max(1, len(own))
        return not belief.is_pinned, -weight(belief) * (_OVERLAP + likeness), belief.belief_id

    return sorted((b for b in beliefs if not b.is_muted and not has_faded(b)), key=rank)[:count]


def sample_ideas(ideas: Sequence[Idea], rng: np.random.Generator, count: int = SHOWN_IDEAS) -> list[Idea]:
    """Up to `count` different ideas, drawn by weight."""
    open_to = [idea for idea in sorted(ideas, key=lambda i: i.idea_id) if idea.weight > 0]
    if not open_to:
        return []
    weights = np.array([idea.weight for idea in open_to])
    chosen = rng.choice(len(open_to), size=min(count, len(open_to)), replace=False, p=weights / weights.sum())
    return [open_to[i] for i in chosen]


def idea_text(idea: Idea) -> str:
    """The idea as a writer reads it: whole, or its beginning."""
    text = " ".join(idea.text.split())
    return f"{idea.title}: {text}" if len(text) <= IDEA_LETTERS else f"{idea.title}: {text[:IDEA_LETTERS]} …"
