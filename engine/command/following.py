"""What a person at a terminal is told while a campaign runs: how far it is, and each change that he may have to act on."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from engine.proposal.asking import Trouble
from engine.research.service import ResearchService

_GLANCE_S = 0.5
_PASSING = timedelta(seconds=5)
"""A model that is away for less, as one that limits how often it is asked, is not worth a line."""


def follow(
    service: ResearchService,
    iterations: int,
    *,
    asks_model: bool,
    quiet: bool,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> bool:
    """Wait for the campaign; True if Ctrl-C stopped it, between two scenarios.

    Told on standard error: how far it is, on a terminal and unless `quiet`; and always, where a model is asked, each change of
    what `Changes` tells, a line each.
    """
    shows_progress = not quiet and sys.stderr.isatty()
    changes = Changes()
    try:
        while not service.wait(_GLANCE_S):
            status = service.status()
            if asks_model:
                for line in changes.lines(service.model.prompts.problem, service.model.asker.trouble, clock()):
                    print(f"\r\x1b[K{line}" if shows_progress else line, file=sys.stderr, flush=True)
            if shows_progress:
                told = f"run {status.run_number} of {iterations}: {status.stage} {status.done}/{status.total}"
                parts = (told, *status.making, status.model_trouble)
                print(f"\r{'; '.join(part for part in parts if part)}\x1b[K", end="", file=sys.stderr)
    except KeyboardInterrupt:
        service.stop()
        service.wait()
        return True
    finally:
        if shows_progress:
            print(file=sys.stderr)
    return False


class Changes:
    """Remembers what was told of the file of prompts and of the model, so that each change is told once."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._kind = ""

    def lines(self, problem: str | None, trouble: Trouble | None, now: datetime) -> Iterator[str]:
        """A line for each change. `problem`: what is wrong with the file of prompts; `trouble`: why the model's arm waits."""
        if problem != self._problem:
            yield f"{problem}; the last good prompts are asked" if problem else "the prompts are in order again, and asked"
            self._problem = problem
        if trouble is None and self._kind:
            yield "the model's arm goes on again"
            self._kind = ""
        elif trouble is not None and trouble.kind != self._kind and not _may_pass(trouble, now):
            yield f"the model's arm waits: {trouble.message}"
            self._kind = trouble.kind


def _may_pass(trouble: Trouble, now: datetime) -> bool:
    return trouble.kind == "away" and now - trouble.since < _PASSING
