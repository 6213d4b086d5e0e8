"""What holds strategy code on this machine is tried, remembered for this boot, and never assumed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import StrategyError
from engine.settings import Limits
from engine.strategy import isolation as module
from engine.strategy.canaries import CANARIES
from engine.strategy.isolation import Isolation, check_allowed, isolation, known_isolation, measure
from engine.strategy.slot import WALLS, SandboxBroken, Slot

QUICK = Limits(cpu_s_per_set=0, cpu_s_start=0, memory_mb=128)


@pytest.fixture
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what is remembered, and nothing known yet."""
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(module, "_known", {})
    return tmp_path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was measured, one word a time; it takes no process."""
    calls: list[str] = []

    def count(key: str) -> Isolation:
        calls.append(key)
        found = Isolation("seccomp", dict.fromkeys(CANARIES, True))
        module._remember(key, found)
        return found

    monkeypatch.setattr(module, "_measured", count)
    return calls


def slot_with(*walls: str) -> Iterator[Slot]:
    slot = Slot(QUICK, walls)
    yield slot
    slot.close()


@pytest.mark.parametrize(
    ("walls", "level", "passes"),
    [
        (WALLS, "full", set()),
        (("user", "seccomp"), "seccomp", set()),
        (("user", "landlock"), "policy", {"UDP", "unix socket", "executable memory"}),
        ((), "policy", {"open a file", "UDP", "unix socket", "executable memory"}),
    ],
)
def test_a_wall_that_is_missing_is_seen_by_what_it_lets_through(walls, level, passes):
    for slot in slot_with(*walls):
        found = measure(slot)
        assert found.level == level
        assert passes <= {name for name, stopped in found.stopped.items() if not stopped}
        assert found.stopped["write to the panel"]
        assert found.stopped["endless loop"]
        assert found.stopped["memory bomb"]


def test_it_is_measured_once_and_remembered(own_memory, measured, monkeypatch):
    assert known_isolation() is None
    assert isolation().level == "seccomp"
    monkeypatch.setattr(module, "_known", {})  # another process of the same boot
    assert isolation().level == "seccomp"
    assert known_isolation() == isolation()
    assert len(measured) == 1


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"level": "full"}', '{"level": "perfect", "stopped": {}}'])
def test_what_is_remembered_wrongly_is_measured_again(own_memory, measured, monkeypatch, text):
    isolation()
    (file,) = own_memory.rglob("*.json")
    file.write_text(text)
    monkeypatch.setattr(module, "_known", {})
    assert isolation().level == "seccomp"
    assert len(measured) == 2


def test_a_memory_that_others_can_write_to_is_not_believed(own_memory, measured, monkeypatch):
    isolation()
    (file,) = own_memory.rglob("*.json")
    file.write_text(json.dumps({"level": "full", "stopped": dict.fromkeys(CANARIES, True)}))
    file.parent.chmod(0o777)
    monkeypatch.setattr(module, "_known", {})
    monkeypatch.setattr(module, "_measured", lambda key: Isolation("none", {}))
    assert isolation().level == "none"


def test_where_no_process_can_be_had_nothing_holds(own_memory, monkeypatch):
    def broken(self: Slot) -> None:
        raise SandboxBroken("no process")

    monkeypatch.setattr(Slot, "start", broken)
    assert isolation().level == "none"


@pytest.mark.parametrize("level", ["policy", "none"])
def test_code_of_a_model_needs_a_wall_or_a_flag(monkeypatch, level):
    monkeypatch.setattr(module, "isolation", lambda: Isolation(level, {}))
    monkeypatch.delenv("ALLOW_UNSANDBOXED", raising=False)
    check_allowed("random")
    check_allowed("human")
    with pytest.raises(StrategyError, match="ALLOW_UNSANDBOXED=1"):
        check_allowed("model")
    monkeypatch.setenv("ALLOW_UNSANDBOXED", "1")
    check_allowed("model")


@pytest.mark.parametrize("level", ["full", "seccomp", "seatbelt"])
def test_behind_a_wall_code_of_a_model_runs(monkeypatch, level):
    monkeypatch.setattr(module, "isolation", lambda: Isolation(level, {}))
    monkeypatch.delenv("ALLOW_UNSANDBOXED", raising=False)
    check_allowed("model")
