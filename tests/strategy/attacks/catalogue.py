"""All attacks."""

from tests.strategy.attacks import answers, bombs, inward, outward, processes, state
from tests.strategy.attacks.attack import Attack

_MODULES = (outward, processes, bombs, inward, state, answers)
ATTACKS: tuple[Attack, ...] = tuple(attack for module in _MODULES for family in module.FAMILIES for attack in family.attacks)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(attack.family for attack in ATTACKS))
