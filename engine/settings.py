"""Where things lie and what limits hold: one place, handed on, no globals."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import StoreError

PROJECT_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limits:
    """Limits on a child that runs strategy code. CPU seconds, so that load on the machine changes no result."""

    cpu_s_per_set: float = 10.0
    cpu_s_start: float = 10.0
    wall_s_idle: float = 120.0
    memory_mb: int = 2048
    indicator_cache_mb: int = 320


@dataclass(frozen=True)
class Settings:
    """Paths of one store and limits of one process."""

    store_dir: Path = PROJECT_DIR / "data"
    prompts_path: Path = PROJECT_DIR / "prompts.yaml"
    slots: int = field(default_factory=lambda: max(1, os.cpu_count() or 1))
    limits: Limits = field(default_factory=Limits)

    @property
    def bars_dir(self) -> Path:
        return self.store_dir / "bars"

    @property
    def database_path(self) -> Path:
        return self.store_dir / "research.duckdb"

    @property
    def snapshot_dir(self) -> Path:
        return self.store_dir / "snapshot"

    @property
    def cache_dir(self) -> Path:
        """What can be computed again."""
        return self.store_dir / "cache"

    @property
    def spool_dir(self) -> Path:
        return self.store_dir / "spool"


def load_settings(store: str | Path | None = None) -> Settings:
    """Settings of the store in that folder; EDGEWISE_STORE, then the project's `data/`, when none is named. Prompts are read
    from EDGEWISE_PROMPTS, else from the project's prompts.yaml. Both variables may stand in `.env`.

    Raises StoreError where a file stands in its place.
    """
    environment = read_environment()
    chosen, prompts = store or environment.get("EDGEWISE_STORE"), environment.get("EDGEWISE_PROMPTS")
    settings = Settings()
    if chosen:
        settings = replace(settings, store_dir=Path(chosen).resolve())
    if prompts:
        settings = replace(settings, prompts_path=Path(prompts).resolve())
    if settings.store_dir.is_file():
        raise StoreError(f"the store {settings.store_dir} is a file; wanted a folder: name another by --store or EDGEWISE_STORE")
    return settings


def read_environment(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> dict[str, str]:
    """The process environment over what the file `.env` at the top of the project says; no other file is looked at.

    A line is NAME=VALUE, `export` before it and quotes around the value allowed; `#` begins a comment. An unreadable file
    counts as none.

    >>> read_environment({"MODEL": "openai/x"}, folder=Path("/nowhere"))
    {'MODEL': 'openai/x'}
    """
    try:
        lines = ((folder or PROJECT_DIR) / ".env").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    return {**dict(filter(None, map(_assignment, lines))), **(os.environ if environ is None else environ)}


def _assignment(line: str) -> tuple[str, str] | None:
    found = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", line)
    if found is None:
        return None
    name, value = found.groups()
    quoted = re.match(r"""(["'])(.*?)\1""", value)
    return name, quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value).strip()
