"""Trials of a second process: it cannot open the ledger, so it leaves each batch in a file that the owner takes in."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

from engine.records import TrialBatch
from engine.store.files import write_atomically


@dataclass(frozen=True)
class Spooled:
    """What lies in a spool: whole batches with their files, and files that cannot be read with the reason."""

    batches: tuple[tuple[Path, TrialBatch], ...] = ()
    broken: tuple[tuple[Path, str], ...] = ()


def spool_trials(spool_dir: Path, batch: TrialBatch) -> Path:
    """Leave the batch for the ledger's owner; its file. A batch spooled twice is one file. Raises StoreFull."""
    path = spool_dir / f"{hashlib.sha256(batch.batch_id.encode()).hexdigest()[:32]}.json"
    write_atomically(path, json.dumps(asdict(batch), default=int))
    return path


def read_spool(spool_dir: Path) -> Spooled:
    """All that lies in the spool, by file name. A file that the owner takes away meanwhile is not reported."""
    batches, broken = [], []
    for path in sorted(spool_dir.glob("*.json")):
        try:
            batches.append((path, _parse(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            broken.append((path, str(error)))
    return Spooled(tuple(batches), tuple(broken))


def set_aside(path: Path) -> Path:
    """Move a file that cannot be read to broken/, under a name that overwrites nothing; where it lies now."""
    directory = path.parent / "broken"
    directory.mkdir(exist_ok=True)
    number = 1
    while (target := directory / f"{path.stem}-{number}{path.suffix}").exists():
        number += 1
    with suppress(FileNotFoundError):
        path.rename(target)
    return target


def _parse(text: str) -> TrialBatch:
    """The batch that the text holds. Raises ValueError for anything else."""
    plain = json.loads(text)
    wanted = get_type_hints(TrialBatch)
    if not isinstance(plain, dict) or set(plain) != set(wanted):
        raise ValueError(f"wanted an object with the keys {', '.join(wanted)}")
    symbols = plain.pop("symbols")
    if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
        raise ValueError("symbols must be a list of texts")
    for name, value in plain.items():
        if type(value) is not wanted[name]:
            raise ValueError(f"{name} must be {wanted[name].__name__}, found {value!r}")
    return TrialBatch(**plain, symbols=tuple(symbols))
