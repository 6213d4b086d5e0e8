"""Ideas from what a person pastes or uploads: text, Markdown or PDF, without keys."""

import hashlib
import io
import logging
import re
from datetime import datetime
from pathlib import PurePath

from engine.errors import DataError
from engine.model_records import Idea
from engine.proposal.redaction import redact

KINDS = (".txt", ".md", ".markdown", ".pdf")
MAX_BYTES = 20_000_000
MAX_PAGES = 300
MAX_TEXT = 200_000
"""Letters of an idea. A writer is shown its beginning; a book would only make the ledger heavy."""
_MAX_TITLE = 80
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of writing: a reader would see other words than the model."""
_LETTERS_PER_PAGE = 20  # a scanned page has none, or a page number


def make_idea(text: str, *, title: str = "", weight: float = 1.0, expires: datetime | None = None) -> Idea:
    """The idea with an id that follows from title and text; without a title it has its first line.

    Keys in it are hidden, characters that nobody sees are taken out, and all line ends become one kind. Raises DataError for an
    empty or far too long text and for a weight that is not above 0.
    """
    clean = redact(_seen(text)).strip()
    if not clean:
        raise DataError("the idea is empty; wanted a text, or a file with text in it")
    if len(clean) > MAX_TEXT:
        raise DataError(f"the idea has {len(clean):,} letters; wanted at most {MAX_TEXT:,}: give the part that matters")
    if not 0 < weight < float("inf"):
        raise DataError(f"the weight is {weight:g}; wanted a number above 0, where 1 is usual")
    called = " ".join(redact(_seen(title)).split())[:_MAX_TITLE] or _first_line(clean)
    identity = hashlib.sha256(f"{called}\n{clean}".encode("utf-8", "replace")).hexdigest()[:12]
    return Idea(identity, called, clean, weight, expires)


def _seen(text: str) -> str:
    return _UNSEEN.sub("", "\n".join(text.splitlines()))


def _first_line(text: str) -> str:
    """The first line that says something, without Markdown's marks."""
    lines = (" ".join(re.sub(r"^[#>*\-\s]+", "", line).split()) for line in text.splitlines())
    return next((line for line in lines if line), text)[:_MAX_TITLE]


def read_text(name: str, content: bytes) -> str:
    """The text of a file of that name. Raises DataError for another kind of file, and where it holds no text."""
    kind = PurePath(name).suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{name} is no file of {', '.join(KINDS)}; save it as one of these, or paste its text")
    if len(content) > MAX_BYTES:
        raise DataError(f"{name} has {len(content):,} bytes; wanted at most {MAX_BYTES:,}: give the part that matters")
    text = _pdf_text(name, content) if kind == ".pdf" else _plain_text(name, content)
    if not text.strip():
        raise DataError(f"{name} is empty; wanted text in it")
    return text


def _plain_text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name} is no UTF-8 text; save it as UTF-8, or paste its text") from None


def _pdf_text(name: str, content: bytes) -> str:
    """The text layer of a PDF, page after page."""
    import pypdf  # 0.2 s that no other command needs to pay

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what keeps a file from being read is told below
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        is_locked = reader.is_encrypted and not reader.decrypt("")
        count = 0 if is_locked else len(reader.pages)
        pages = [reader.pages[i].extract_text() for i in range(min(count, MAX_PAGES))]
    except Exception as error:  # a broken file can break a parser in any way; none of them is ours
        raise DataError(f"{name} cannot be read as PDF ({type(error).__name__}); save it anew, or paste its text") from None
    if is_locked:
        raise DataError(f"{name} is locked by a password; save it without one, or paste its text")
    if count > MAX_PAGES:
        raise DataError(f"{name} has {count:,} pages; wanted at most {MAX_PAGES}: give the part that matters")
    letters = sum(len(page.strip()) for page in pages)
    if letters < _LETTERS_PER_PAGE * count or not letters:
        raise DataError(
            f"{name} holds pictures of {count} pages and next to no text, as a scan does; run text recognition over it, or paste"
            " its text"
        )
    return "\n\n".join(page.strip() for page in pages if page.strip())
