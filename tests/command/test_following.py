"""What `run` tells on standard error while it waits: each change once, and nothing else where nobody sits there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from engine.command.following import follow
from engine.proposal.asking import Trouble
from engine.research.work import ServiceStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BROKEN = "prompts.yaml: draft: purpose is missing; add it"


def trouble(kind: str, message: str = "") -> Trouble:
    return Trouble(kind, NOON, message or f"{kind}; so since 12:00")  # type: ignore[arg-type]


@dataclass
class Glance:
    """What a campaign would show at one look at it."""

    problem: str | None = None
    trouble: Trouble | None = None
    after_s: float = 0.0


class Acted:
    """A service that shows one glance after the other, and then has ended, or is interrupted."""

    def __init__(self, *glances: Glance, interrupted: bool = False) -> None:
        self._rest: Iterator[Glance] = iter(glances)
        self._interrupted, self.is_stopped, self.at = interrupted, False, NOON

    def wait(self, timeout_s: float | None = None) -> bool:
        glance = next(self._rest, None)
        if glance is None:
            if self._interrupted and not self.is_stopped:
                raise KeyboardInterrupt
            return True
        self.at = NOON + timedelta(seconds=glance.after_s)
        self.model = SimpleNamespace(
            prompts=SimpleNamespace(problem=glance.problem), asker=SimpleNamespace(trouble=glance.trouble)
        )
        return False

    def status(self) -> ServiceStatus:
        return ServiceStatus()

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]):
    def run(*glances: Glance, asks_model: bool = True) -> list[str]:
        service = Acted(*glances)
        assert not follow(service, 9, asks_model=asks_model, quiet=True, clock=lambda: service.at)  # type: ignore[arg-type]
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()

    return run


def test_a_broken_file_of_prompts_is_told_once_and_that_it_is_mended(told) -> None:
    assert told(Glance(), Glance(BROKEN), Glance(BROKEN), Glance(), Glance()) == [
        f"{BROKEN}; the last good prompts are asked",
        "the prompts are in order again, and asked",
    ]
    assert told(Glance(BROKEN), asks_model=False) == []


def test_a_waiting_arm_is_told_with_its_reason_and_since_when_and_that_it_goes_on(told) -> None:
    again = trouble("rejected", "rejected in other words")
    assert told(
        Glance(), Glance(trouble=trouble("rejected")), Glance(trouble=again), Glance(trouble=trouble("cap")), Glance()
    ) == [
        "the model's arm waits: rejected; so since 12:00",
        "the model's arm waits: cap; so since 12:00",
        "the model's arm goes on again",
    ]


def test_a_model_that_is_away_for_a_moment_is_no_news(told) -> None:
    away = trouble("away")
    assert told(Glance(trouble=away, after_s=1), Glance()) == []
    assert told(Glance(trouble=away, after_s=4), Glance(trouble=away, after_s=6), Glance(trouble=away, after_s=70)) == [
        "the model's arm waits: away; so since 12:00"
    ]


def test_a_key_press_stops_the_campaign() -> None:
    service = Acted(Glance(), interrupted=True)
    assert follow(service, 9, asks_model=False, quiet=True)  # type: ignore[arg-type]
    assert service.is_stopped
