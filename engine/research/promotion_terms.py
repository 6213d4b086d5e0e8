"""A rule of promotion as a command line names it."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from engine.errors import CampaignError
from engine.records import Promotion


def read_promotion(asked: Sequence[str]) -> Promotion:
    """The defaults with each `NAME=VALUE` in place of its threshold, shares as fractions. Raises CampaignError.

    >>> read_promotion(["luck=0.01", "looks=1"]).luck
    0.01
    """
    rule = Promotion()
    names = asdict(rule)
    for text in asked:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in names:
            raise CampaignError(
                f"found the condition {text!r}; wanted NAME=VALUE with one of {', '.join(names)}, such as luck=0.01"
            )
        kind = int if isinstance(names[name], int) else float
        try:
            changed: dict[str, Any] = {name: kind(value)}
            rule = replace(rule, **changed)
        except ValueError:
            wanted = "a whole number" if kind is int else "a fraction"
            raise CampaignError(f"the promotion's {name} is {value!r}; wanted {wanted}, such as {name}={names[name]:g}") from None
    return rule
