"""Files beside the ledger, written whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StoreError, StoreFull, says_no_room


def store_full(path: Path) -> StoreFull:
    """The error for a write that found no room near `path`."""
    return StoreFull(
        f"the disk has no room to write {path}; nothing half-written stays and all that was recorded before is safe: "
        "free some space and continue"
    )


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Raise StoreFull where the body fails because `path`'s disk is full; other errors pass."""
    try:
        yield
    except OSError as error:
        if says_no_room(error):
            raise store_full(path) from error
        raise


def write_atomically(path: Path, text: str) -> None:
    """Write the text so that a reader, or a crash at any point, finds the old file or the new one, never a part.

    Raises StoreFull if there is no room; the old file then stays.
    """
    make_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def make_atomically(path: Path, make: Callable[[Path], object]) -> None:
    """Let `make` write a file beside `path` and put it in its place; same promise as `write_atomically`.

    Raises StoreError where something else than a file stands there: a device would be lost.
    """
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} is no ordinary file; name a file that may be replaced")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            make(part)
            sync_file(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    """Make the file's content outlive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Make the directory's entries outlive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
