"""Does a strategy look at how long its window is? Runs on the same bars that end earlier must decide the same until then."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from engine.analysis.decisions import Decisions, differences
from engine.analysis.look_ahead import Ground, Reruns
from engine.records import Failure
from engine.strategy.probe_windows import seal_excerpt

_SHORTEST, _LONGEST = 0.3, 0.95
_INSTEAD = (
    "a decision may not depend on how many bars or assets there are, nor on how many follow: no len(), .shape or .size in a"
    " condition, no counting from the end"
)


class EndCheck:
    """The runs of a candidate on windows that end earlier, begun when this is made.

    One number of rows is drawn; `lengths` are further ones, such as those of the windows on which it will be judged. As many
    are tried as `most` says, in that order.
    """

    def __init__(self, reruns: Reruns, ground: Ground, *, lengths: Sequence[int], seed: int, most: int) -> None:
        excerpt = ground.excerpt
        drawn = int(np.random.default_rng([seed, 4]).uniform(_SHORTEST, _LONGEST) * excerpt.rows)
        self._ground = ground
        self._rows = [r for r in dict.fromkeys((drawn, *lengths)) if excerpt.lead_in < r < excerpt.rows][:most]
        self._runs = [reruns.decisions(partial(seal_excerpt, excerpt.until(rows))) for rows in self._rows]

    def result(self) -> Failure | None:
        """Why the candidate is refused, None if it decides the same whenever the window ends."""
        for rows, run in zip(self._rows, self._runs, strict=True):
            answer = run.result()
            if isinstance(answer, Failure):
                where = f"on the first {rows:,} rows of the {self._ground.window} window, though not on the whole"
                return Failure(answer.kind, f"{answer.message} ({where}; {_INSTEAD})", answer.line)
            if changed := _first_difference(self._ground.base.first(answer.bars), answer):
                output, bar = changed
                bars = self._ground.excerpt.rows - rows
                return Failure(
                    "lookahead",
                    f"{output} at bar {self._ground.bar(bar)} is another when the window ends {bars:,} bars earlier; {_INSTEAD}",
                )
        return None


def _first_difference(whole: Decisions, shorter: Decisions) -> tuple[str, int] | None:
    """(output, bar) of the first difference."""
    found = {name: int(np.argmax(cells.any(axis=0))) for name, cells in differences(whole, shorter).items()}
    return min(found.items(), key=lambda item: item[1], default=None)
