"""Strategy source cut into tokens, and changed in places without touching the rest.

Python's own tokens tell a name from a word in a text or a comment, and nothing of the source is parsed or run.
"""

import io
import re
import tokenize
from collections.abc import Iterator

from engine.errors import StrategyError

MAX_SOURCE = 64 << 10

Tokens = list[tokenize.TokenInfo]
Change = tuple[int, int, str]
"""From and to where in the text, and what to put there."""


def read_tokens(source: str) -> Tokens:
    """What the source is made of, without comments and the ends of lines that end no statement."""
    if len(source) > MAX_SOURCE:
        raise StrategyError(
            f"the source has {len(source):,} letters; wanted at most {MAX_SOURCE:,}: take out what is no trading logic"
        )
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise StrategyError(f"the source cannot be read: {error.args[0]!s:.100}") from None
    return [token for token in found if token.type not in (tokenize.COMMENT, tokenize.NL)]


def line_starts(source: str) -> list[int]:
    """Where each line begins, by its number from 1."""
    starts = [0, 0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def changed(source: str, changes: list[Change]) -> str:
    for start, end, text in sorted(changes, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def statements(source: str) -> Iterator[Tokens]:
    """The tokens of each statement that stands at the front of a line."""
    statement: Tokens = []
    for token in read_tokens(source):
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            if statement and statement[0].start[1] == 0:
                yield statement
            statement = []
        elif token.type not in (tokenize.INDENT, tokenize.DEDENT):
            statement.append(token)


def read_params(tokens: Tokens) -> Iterator[tuple[str, Tokens]]:
    """Each name of PARAMS and the tokens of its value."""
    begins = [i for i, t in enumerate(tokens) if t.string == "PARAMS" and t.start[1] == 0]
    opening = next((i for i in range(begins[0], len(tokens)) if tokens[i].string == "="), None) if len(begins) == 1 else None
    if opening is None or tokens[opening + 1].string != "{":
        raise StrategyError('PARAMS is not written out once as a dict; wanted PARAMS = {"name": (low, high), …}')
    depth, entry = 0, Tokens()
    for token in tokens[opening + 1 :]:
        depth += (token.string in ("{", "[", "(")) - (token.string in ("}", "]", ")"))
        if depth == 0 or (depth == 1 and token.string == ","):
            if entry:
                yield _entry(entry)
            entry = []
            if depth == 0:
                return
        elif token.string != "{" or depth > 1:
            entry.append(token)


def _entry(tokens: Tokens) -> tuple[str, Tokens]:
    name = text_of(tokens[0])
    if name is None or len(tokens) < 3 or tokens[1].string != ":":
        raise StrategyError(f'line {tokens[0].start[0]} of PARAMS is not written as "name": (low, high)')
    return name, tokens[2:]


def text_of(token: tokenize.TokenInfo) -> str | None:
    """What a plain text in quotes says."""
    return token.string[1:-1] if token.type == tokenize.STRING and re.fullmatch(r"\"[^\"\\]*\"|'[^'\\]*'", token.string) else None
