"""How commands answer: one JSON object, or text for people; errors as one sentence and a non-zero exit."""

import functools
import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import numpy as np
import pandas as pd
import typer

from engine.errors import EngineError, StrategyError, says_no_room
from engine.store.files import make_atomically

StoreOption = Annotated[Path | None, typer.Option("--store", help="Folder of the ledger and the datasets; default data/.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
DataOption = Annotated[str, typer.Option("--data", help="Name of a dataset; `demo` and `demo-null` are made when first named.")]

P = ParamSpec("P")


class Refused(EngineError):
    """A command that computed an answer and must still refuse: the answer, its text, and the sentence that says why."""

    def __init__(self, message: str, answer: dict[str, Any], text: str = "") -> None:
        super().__init__(message)
        self.answer = answer
        self.text = text


def plain(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinity become null, numpy and pandas become plain, times ISO text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, list | tuple | set | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def answers(command: Callable[P, tuple[dict[str, Any], str]]) -> Callable[P, None]:
    """Wrap a command that returns (answer, text for people): prints the one that was asked for, and errors as a sentence.

    The command takes `as_json`; with it an error is `{"error": …}` on standard output too. Exit status 1 on an error.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            answer, text = command(*args, **kwargs)
        except (EngineError, OSError, MemoryError) as error:
            reason = in_words(error)
            said = json.dumps(plain({**getattr(error, "answer", {}), "error": reason})) if as_json else getattr(error, "text", "")
            if said:
                print(said)
            print(f"error: {reason}", file=sys.stderr)
            raise typer.Exit(1) from None
        print(json.dumps(plain(answer)) if as_json else text)

    return run


def in_words(error: EngineError | OSError | MemoryError) -> str:
    """The error as one sentence; one of the system's names the file and what is wrong with it."""
    if isinstance(error, EngineError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "the memory does not suffice for this; ask for fewer assets, bars or scenarios, or free some and try again"
    if says_no_room(error):
        return f"the disk has no room ({error.strerror}); nothing half-written stays: free some space and try again"
    place = "a file or folder" if error.filename is None else f"{error.filename2 or error.filename}"
    return f"{place} cannot be used: {error.strerror or error}; name another, or make it readable and writable"


def check_target(path: Path | None) -> None:
    """Raises StrategyError, before anything is computed, for a table's file that is not named as one."""
    if path is not None and path.suffix.lower() not in (".parquet", ".pq"):
        raise StrategyError(f"the table's file is {path}; wanted a name that ends in .parquet: it is written as Parquet")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write the table as Parquet, whole or not at all. Raises StoreFull, and OSError where the path cannot be written."""
    make_atomically(path, lambda part: table.to_parquet(part, index=False))


def percent(value: float | None, *, sign: bool = True) -> str:
    """A fraction as percent, a change with its sign, or that it was not computed."""
    return "not computed" if value is None or not math.isfinite(value) else f"{value:{'+' if sign else ''}.2%}"


def number(value: float | None, digits: int = 2) -> str:
    """A number with thousands separated, or that it was not computed."""
    return "not computed" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"
