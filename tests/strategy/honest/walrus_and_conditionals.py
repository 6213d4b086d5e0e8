"""Modern idioms: walrus, conditional expressions, star-unpacking, zip, enumerate, any, an f-string in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

PARAMS = {"weights": ["linear", "flat"], "n": (3, 9), "votes": (2, 4)}


def weigh(kind: str) -> Callable[[int], np.ndarray]:
    def linear(n: int) -> np.ndarray:
        return np.arange(1, n + 1) / (n * (n + 1) / 2)

    return linear if kind == "linear" else lambda n: np.full(n, 1 / n)


def signals(market: Any, params: dict, ta: Any) -> dict:
    if (n := params["n"]) < 2:
        raise ValueError(f"n is {n}; wanted at least {2:.0f}")
    weights = weigh(params["weights"])(n)
    momentum = sum(w * market.close.pct_change(i + 1, fill_method=None) for i, w in enumerate(weights))
    first, *rest = [market.close > ta.sma(market.close, k) for k in (10, 20, 40)]
    votes = first.astype(int)
    for vote, weight in zip(rest, (1, 1), strict=True):
        votes += weight * vote.astype(int)
    enough = votes >= params["votes"] if not any(w < 0 for w in weights) else votes > 0
    return {"entries": enough & (momentum > 0), "exits": votes < 1}
