"""The attack table: each hostile payload of the tests by the layers that stop it, each layer tried alone.

python -m studies.attacks              # every payload, then families and the sum
python -m studies.attacks --brief      # families and the sum
"""

import argparse
import os
import platform
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from engine.strategy.slot import WALLS
from tests.strategy.attacks.attack import Attack
from tests.strategy.attacks.catalogue import ATTACKS, FAMILIES
from tests.strategy.attacks.range import Range, Shot

SETTINGS: dict[str, tuple[str, ...]] = {
    "all": WALLS,
    "kernel": WALLS[:-1],
    "policy": ("policy",),
    "seccomp": ("seccomp",),
    "Landlock": ("landlock",),
    "user": ("user",),
    "none": (),
}
LAYERS = ("policy", "seccomp", "Landlock", "user")
_BY_LIMITS = ("timeout", "memory", "output", "killed")


@dataclass(frozen=True)
class Line:
    """One attack under each setting in which it may be run."""

    attack: Attack
    shots: dict[str, Shot]

    @property
    def is_live(self) -> bool:
        return "none" in self.shots and bool(self.shots["none"].effects)

    def stops(self, layer: str) -> bool:
        return layer in self.shots and not self.shots[layer].effects

    @property
    def stopped_by(self) -> str:
        """The layers each of which alone stops it; of what is not live, what holds it without walls."""
        if any(shot.effects for name, shot in self.shots.items() if name in ("all", "kernel")):
            return "NOT STOPPED"
        if self.is_live:
            return ", ".join(layer for layer in LAYERS if self.stops(layer))
        refused = ["policy"] if self.shots["all"].kind in ("policy", "syntax") else []
        if not self.attack.is_safe:
            return ", ".join([*refused, "seccomp"])
        held = "limits" if self.shots["kernel"].kind in _BY_LIMITS and self.attack.held_by == "limits" else self.attack.held_by
        return ", ".join([*refused, held or "this system"])


def _settings_of(attack: Attack) -> list[str]:
    if attack.held_by == "limits":  # no wall is about them, and they take long
        return ["all", "kernel"]
    return [name for name, walls in SETTINGS.items() if attack.is_safe or "seccomp" in walls or "policy" in walls]


def _fire_all() -> list[Line]:
    shots: dict[Attack, dict[str, Shot]] = defaultdict(dict)
    for name, walls in SETTINGS.items():
        shooting = Range(walls)
        for attack in ATTACKS:
            if name in _settings_of(attack):
                shots[attack][name] = shooting.fire(attack)
        shooting.close()
        print(f"{name}: done", file=sys.stderr)
    return [Line(attack, shots[attack]) for attack in ATTACKS]


def _print_payloads(lines: list[Line]) -> None:
    print("| family | payload | all walls | kernel alone | without walls | each of these alone stops it |")
    print("|---|---|---|---|---|---|")
    for line in lines:
        name = " ".join(line.attack.name.split()).replace("|", "/")
        seen = [_seen(line.shots[s]) if s in line.shots else "not run" for s in ("all", "kernel", "none")]
        print(f"| {line.attack.family} | {name} | {' | '.join(seen)} | {line.stopped_by} |")


def _seen(shot: Shot) -> str:
    return "**" + "; ".join(shot.effects).replace("|", "/") + "**" if shot.effects else shot.kind or "no effect"


def _print_families(lines: list[Line]) -> None:
    print("| family | payloads | effects, all walls | effects, kernel alone | live without walls |"
          " of these stopped by policy alone | seccomp alone | Landlock alone | other user alone |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for family in (*FAMILIES, ""):
        some = [line for line in lines if family in ("", line.attack.family)]
        live = [line for line in some if line.is_live]
        effects = [sum(bool(line.shots[s].effects) for line in some) for s in ("all", "kernel")]
        alone = [sum(line.stops(layer) for line in live) if live else "" for layer in LAYERS]
        print("| " + " | ".join(map(str, [family or "**all**", len(some), *effects, len(live) or "", *alone])) + " |")


def main() -> None:
    """Fire every attack under every setting and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brief", action="store_true", help="families and the sum only")
    brief = parser.parse_args().brief
    began = time.monotonic()
    lines = _fire_all()
    if not brief:
        _print_payloads(lines)
        print()
    _print_families(lines)
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    effects = [sum(bool(line.shots[s].effects) for line in lines) for s in ("all", "kernel")]
    live = [line for line in lines if line.is_live]
    print(f"\n{len(lines)} attacks as {who} on {platform.machine()}, kernel {platform.release()}, load {os.getloadavg()[0]:.1f},"
          f" {time.monotonic() - began:.0f} s: {effects[0]} had an effect behind all walls, {effects[1]} behind the kernel's"
          f" alone, {len(live)} without any.")  # fmt: skip


if __name__ == "__main__":
    main()
