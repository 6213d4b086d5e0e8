"""The file of prompts: read anew when somebody has changed it, and saved so that nobody's change is lost."""

import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt, PromptBook, parse_book, prompt_text

_SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may change again without another time or size (clocks tick in ms)."""


class PromptFile:
    """The book in a file that people edit while it is in use. Safe for use by several threads.

    `book()` is the last good one: a broken edit changes nothing, and `problem` says why. The first reading must succeed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = threading.RLock()
        self._book: PromptBook | None = None
        self._problem: str | None = None
        self._content = b""
        self._parsed: bytes | None = None
        self._signature: tuple[int, int, int] | None = None

    def book(self) -> PromptBook:
        """The book as it stands in the file, or the last good one. Raises PromptError if there has been none yet."""
        with self._lock:
            self._look()
            if self._book is None:
                raise PromptError(self._problem or f"{self.path} holds no prompts")
            return self._book

    @property
    def problem(self) -> str | None:
        """What is wrong with the file as it stands, in a sentence; None if nothing is."""
        with self._lock:
            self._look()
            return self._problem

    @property
    def text(self) -> str:
        """The file's text as it was last read, good or broken."""
        with self._lock:
            self._look()
            return self._content.decode("utf-8", errors="replace")

    @property
    def text_hash(self) -> str:
        """SHA-256 of the file as it was last read, in hexadecimal: what `save` wants to know of what the saver has seen."""
        with self._lock:
            self._look()
            return hashlib.sha256(self._content).hexdigest()

    def save(self, text: str, expected_hash: str) -> PromptBook:
        """Put the text in the file's place, whole or not at all; returns its book.

        Raises PromptError, and leaves the file, if the text is no book, or if the file is no longer the one of that hash.
        """
        parse_book(text)
        return self._replace(lambda _: text, expected_hash)

    def save_prompt(self, prompt: Prompt, expected_hash: str) -> PromptBook:
        """Put one prompt in its role's place; the rest of the file, comments too, stays as it is. Raises as `save` does."""
        return self._replace(lambda before: _with_prompt(before, prompt), expected_hash)

    def _replace(self, change: Callable[[str], str], expected_hash: str) -> PromptBook:
        with self._lock, _alone(self.path.parent):
            self._signature = None
            if self.text_hash != expected_hash:
                raise PromptError("someone else has changed the prompts meanwhile: look at their text, then save yours again")
            text = change(self.text)
            book = parse_book(text)
            _write(self.path, text)
            self._signature = None
            self._look()
            return book

    def _look(self) -> None:
        """Read the file if it can have changed."""
        try:
            found = self.path.stat()
            signature = (found.st_mtime_ns, found.st_size, found.st_ino)
            if signature == self._signature:
                return
            content = self.path.read_bytes()
        except OSError as error:
            self._signature = self._parsed = None
            self._problem = f"{self.path} cannot be read ({error.strerror}); put the book of prompts there"
            return
        self._signature = signature if abs(time.time_ns() - found.st_mtime_ns) > _SETTLED_NS else None
        if content == self._parsed:
            return
        self._content = self._parsed = content
        try:
            self._book, self._problem = parse_book(_decode(content)), None
        except PromptError as error:
            self._problem = f"{self.path.name}: {error}"


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PromptError(f"line {line} holds a byte that is no UTF-8; save the file as UTF-8") from None


def _with_prompt(text: str, prompt: Prompt) -> str:
    """The text with that prompt instead of the one of its role; comments before the next role are left."""
    parse_book(text)
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it is a book
    if root.flow_style:
        raise PromptError("the prompts stand in braces; write each role on a line of its own, and save again")
    starts = [key.start_mark.line for key, _ in root.value]
    place = next(i for i, (key, _) in enumerate(root.value) if key.value == prompt.role)
    lines = text.splitlines(keepends=True)
    end = [*starts, len(lines)][place + 1]
    while end > starts[place] + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "".join([*lines[: starts[place]], prompt_text(prompt), *lines[end:]])


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the folder against savers in other processes."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, text: str) -> None:
    """A reader, or a crash at any point, finds the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode())
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        shutil.copymode(path, part)
        part.replace(path)
    except OSError as error:
        raise PromptError(f"{path} cannot be saved ({error.strerror}); the old text stays") from error
    finally:
        part.unlink(missing_ok=True)
