"""Long texts in the ledger: compressed, and found again."""

import json
import zlib
from collections.abc import Mapping


def packed(text: str) -> bytes:
    """The text compressed; equal texts give equal bytes."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def unpacked(blob: bytes | bytearray) -> str:
    """The text that `packed` compressed."""
    return zlib.decompress(blob).decode("utf-8", "surrogatepass")


def packed_fields(fields: Mapping[str, str]) -> bytes:
    """Named texts as compressed JSON, in their order."""
    return packed(json.dumps(dict(fields)))


def unpacked_fields(blob: bytes | bytearray) -> dict[str, str]:
    """The named texts that `packed_fields` compressed."""
    fields: dict[str, str] = json.loads(unpacked(blob))
    return fields


class Needle:
    """What is searched for in long texts, whatever its case; in JSON text it is found with or without JSON's escapes."""

    def __init__(self, wanted: str) -> None:
        escaped = (json.dumps(wanted, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        self._forms = tuple({form.casefold() for form in (wanted, *escaped)})

    def is_in(self, blob: bytes | bytearray) -> bool:
        """The packed text holds it."""
        text = unpacked(blob).casefold()
        return any(form in text for form in self._forms)
