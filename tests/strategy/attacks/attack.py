"""One attack: hostile strategy source, and what is expected to hold it where no wall stands."""

from dataclasses import dataclass

from engine.records import Params

HEAD = """import ctypes, os, signal, socket, struct, sys, threading, time
import numpy as np
import pandas as pd
libc = ctypes.CDLL(None, use_errno=True)
def told(what):
    raise ValueError(f"EFFECT {what}")
def done(result):
    if result != -1:
        raise ValueError(f"EFFECT {result}")
    raise OSError(ctypes.get_errno(), "refused")
"""
"""The start of an attack that imports freely, which the policy alone would refuse."""
PLAIN = "import numpy as np\nimport pandas as pd\n"
"""The start of one that tries to pass the policy."""
RETURN = "    return {'entries': market.close > market.open}\n"


@dataclass(frozen=True, eq=False)
class Attack:
    """`source` with its placeholders (see `range`) is run for `sets`.

    An effect is whatever the probes find outside, `EFFECT` in the failure's text (a system call of the payload went through),
    for `must_fail` also an answer that is taken for signals, and `INSIDE` in the text: the child has looked round in itself.
    `by_policy`: INSIDE, an answer taken for signals, and of three sets a last answer that is not the first count only where
    the policy stands, since a child has nothing to steal and ends after its batch. `held_by`: what holds it even without
    walls; empty: it is live, so that without any wall it must have its effect. `is_safe`: may be run without walls. `root`:
    live for root alone. `calls`: evaluated so many times in a row.
    """

    name: str
    family: str
    source: str
    sets: tuple[Params, ...] = ({},)
    must_fail: bool = False
    by_policy: bool = False
    held_by: str = ""
    is_safe: bool = True
    root: bool = False
    calls: int = 1
    sides: str = "both"


def module(body: str, *, head: str = HEAD, params: str = "{}", end: str = RETURN) -> str:
    """A strategy whose `signals` begins with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    return f"{head}PARAMS = {params}\n\n\ndef signals(market, params, ta):\n{lines}{end}"


class Family:
    """Collects attacks under one heading."""

    def __init__(self, name: str, **common: object) -> None:
        self.name, self.common = name, common
        self.attacks: list[Attack] = []

    def free(self, name: str, body: str, **options: object) -> None:
        """An attack that imports what it likes."""
        self.raw(name, module(body), **options)

    def plain(self, name: str, body: str, *, params: str = "{}", end: str = RETURN, **options: object) -> None:
        """An attack that is written to pass the policy."""
        self.raw(name, module(body, head=PLAIN, params=params, end=end), **options)

    def raw(self, name: str, source: str, **options: object) -> None:
        """An attack of that whole source."""
        self.attacks.append(Attack(name, self.name, source, **{**self.common, **options}))  # type: ignore[arg-type]
