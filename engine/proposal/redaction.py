"""Keys: how they are known, and kept out of everything that is written down."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from engine.settings import read_environment

HIDDEN = "[key]"
_SECRET_NAME = re.compile(r"(KEY|KEY_ID|TOKEN|SECRET|PASSWORD|CREDENTIALS)$", re.IGNORECASE)
_HEADERS_NAME = re.compile(r"OTEL_EXPORTER_OTLP_(\w+_)?HEADERS", re.IGNORECASE)
# A stand-in such as `none` or `ollama` is no secret, and hiding it would tear holes in plain text.
_SHORTEST_SECRET = 8
_KEY_LIKE = re.compile(
    r"""
    \b(?:sk|pk|rk)-[A-Za-z0-9_\-]{12,}             # OpenAI, Anthropic, OpenRouter, DeepSeek
    | \b(?:gsk|hf|ghp|gho|github_pat|nvapi)[_\-][A-Za-z0-9_\-]{16,}
    | \bxai-[A-Za-z0-9]{16,}
    | \bAIza[A-Za-z0-9_\-]{30,}                    # Google
    | \bA(?:KIA|SIA)[A-Z0-9]{16}\b                 # Amazon
    | (?<=\bBearer\s)[A-Za-z0-9._~+/\-]{8,}=*
    | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)              # user:password@host
    """,
    re.VERBOSE,
)


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values of all variables that are named like a key, a token or a password, and what headers for traces carry; the
    longest first.
    """
    named = [value for name, value in environment.items() if _SECRET_NAME.search(name)]
    sent = [part for name, value in environment.items() if _HEADERS_NAME.fullmatch(name) for part in _header_parts(value)]
    found = {value for value in (*named, *sent) if _is_secret(value)}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _header_parts(headers: str) -> Iterator[str]:
    """Of `name=value,…` each value, as it is written and as it is sent, and without the scheme before it (`Basic …`)."""
    for pair in headers.split(","):
        written = pair.partition("=")[2].strip()
        for value in (written, unquote(written)):
            yield from (value, value.rpartition(" ")[2])


def _is_secret(value: str) -> bool:
    """Long enough, and no plain number: hiding that would tear holes in statistics."""
    return len(value) >= _SHORTEST_SECRET and not value.isdigit()


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with `[key]` in place of every key of that environment (by default `read_environment()`) and of whatever looks
    like one: `sk-…`, `Bearer …`, a password in an address. The rest is untouched, so that it can be applied twice.

    >>> redact("sent sk-abcdefghijklmnop", {})
    'sent [key]'
    """
    for secret in secrets_of(read_environment() if environment is None else environment):
        text = text.replace(secret, HIDDEN)
    return _KEY_LIKE.sub(HIDDEN, text)


def key_line(text: str, environment: Mapping[str, str] | None = None) -> int | None:
    """The number of the first line that holds a key of that environment or something that looks like one, from 1; None if none
    does. For texts that are refused whole: code with a hole in it would be other code.

    >>> key_line("import math\\nkey = 'sk-abcdefghijklmnop'", {})
    2
    """
    environment = read_environment() if environment is None else environment
    return None if (clean := redact(text, environment)) == text else 1 + text[: _common(text, clean)].count("\n")


def _common(one: str, other: str) -> int:
    """How many letters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
