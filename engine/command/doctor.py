"""`engine doctor`: is this machine fit, and what does the store hold?"""

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from typing import Any

import psutil

from engine.command.answer import JsonOption, Refused, StoreOption
from engine.errors import EngineError
from engine.market.catalog import Catalog
from engine.records import Failure
from engine.settings import Settings, load_settings
from engine.store.snapshot import open_reader
from engine.strategy.isolation import isolation
from engine.strategy.sandbox import SandboxPool

PACKAGES = ("streamlit", "pandas", "numpy", "numba", "duckdb", "TA-Lib", "vectorbt", "plotly", "optuna", "dspy-ai")


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """Check Python, packages, the process for strategy code, the ledger and the disk."""
    settings = load_settings(store)
    works, start_s = _strategy_process(settings)
    held = isolation()
    answer: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "packages": {p: _version(p) for p in PACKAGES},
        "isolation": held.level,
        "isolation_means": str(held),
        "isolation_stopped": held.stopped,
        "strategy_process_works": works is True,
        "strategy_process_start_s": start_s,
        "store": str(settings.store_dir),
        "ledger": _ledger(settings),
        "datasets": Catalog(settings.bars_dir).names(),
        "disk_free_gb": round(shutil.disk_usage(_existing(settings)).free / 2**30, 1),
        "model": "none: the random arm runs",
    }
    text = "\n".join(f"{key:>26}  {_in_line(value)}" for key, value in answer.items() if key != "isolation_stopped")
    problems = [] if works is True else [f"strategies cannot be run: {works}"]
    problems += [f"{package} is {version}" for package, version in answer["packages"].items() if version.startswith("missing")]
    problems += [answer["ledger"]["problem"]] if "problem" in answer["ledger"] else []
    if problems:
        raise Refused("; ".join(problems), answer, text)
    return answer, text


def _strategy_process(settings: Settings) -> tuple[str | bool, float]:
    """Whether a trivial strategy runs, or why it does not; and how long the process takes to start."""
    began = time.monotonic()
    pool = SandboxPool(1, settings.limits)
    try:
        found = pool.ranges("PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {}\n")
    except EngineError as error:
        return str(error), round(time.monotonic() - began, 2)
    finally:
        pool.close()
    return str(found) if isinstance(found, Failure) else True, round(time.monotonic() - began, 2)


def _ledger(settings: Settings) -> dict[str, Any]:
    try:
        with open_reader(settings) as queries:
            totals = queries.totals()
            return {"source": queries.source, "age_s": queries.age_s, **vars(totals)}
    except EngineError as error:
        return {"problem": str(error)}


def _existing(settings: Settings) -> str:
    """The nearest folder above the store that exists."""
    return str(next(p for p in (settings.store_dir, *settings.store_dir.parents) if p.exists()))


def _in_line(value: Any) -> str:
    """A value as people read it: `name 1.2, other 3.4` for a table, `a, b` for a list."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_line(v)}" for name, v in value.items())
    return (", ".join(map(str, value)) or "none") if isinstance(value, list | tuple) else str(value)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"missing: run `make run` again, or {sys.executable} -m pip install -r requirements.lock"
