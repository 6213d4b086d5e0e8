"""Strategy source and short answers as text: taken out of replies, narrowed, linked and probed.

All of it comes from a model. Nothing here runs, compiles or parses it as Python, which is for the child alone: it is cut into
tokens at most. What does not fit is a StrategyError, whose sentence can be given back to the author.
"""

import json
import keyword
import math
import re
import tokenize
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from engine.errors import StrategyError
from engine.features.indicators import NAMES
from engine.figures import PORTFOLIO_FIGURES
from engine.model_records import Direction
from engine.proposal.source_tokens import Tokens, changed, line_starts, read_params, read_tokens, statements, text_of
from engine.records import ParamValue

MAX_ANSWER = 20_000
MAX_NUMBER = 2**53
MAX_CHOICES = 100
Ranges = dict[str, tuple[ParamValue, ...]]

_MARKER = re.compile(r"^[ \t]*\[\[ ## \w+ ## \]\][ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"(?:^|(?<=\s))```[\w+-]*[ \t]*$", re.MULTILINE)
_CODE_BEGINS = re.compile(r"^(?:[rRuU]?(?:\"\"\"|''')|import |from \w+ import|PARAMS\b|def |#)")
_CODE_GOES_ON = re.compile(
    r"^(?:\s|[)\]}@\"'#]|def |import |from |if |for |while |return |[A-Za-z_]\w*(?:\[.*\])?\s*(?:[:=]|[-+*/|&]=))"
)
_UP = ("up", "increase", "increases", "rise", "rises", "higher", "improve", "improves", "grow", "grows", "more", "↑")
_DOWN = (
    "down",
    "decrease",
    "decreases",
    "fall",
    "falls",
    "lower",
    "reduce",
    "reduces",
    "drop",
    "drops",
    "less",
    "fewer",
    "↓",
    "-",
)
_PROBE = '''"""Trade the turns of {name}: a probe that it computes, looks at no later bar and says something."""

PARAMS = {{"n": (5, 60)}}


def signals(market, params, ta):
    value = ta.{name}(market, params["n"])
    usual = ta.sma(value, 20)
    return {{"entries": ta.crossed_above(value, usual), "exits": ta.crossed_below(value, usual)}}
'''


def extract_code(reply: str) -> str:
    """The Python source in a reply, without fences and the words around it; the reply itself where nothing looks like code.

    Of several fenced blocks the last that defines `signals`, else the last that defines a function, else the longest. A fence
    that is never closed holds all that follows. Ends in one line break, or is empty.
    """
    text = _MARKER.sub("", reply.replace("\r\n", "\n"))
    if "\n" not in text.strip() and "\\n" in text:  # a JSON text that was never decoded
        text = text.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "    ")
    blocks = list(_fenced(text))
    for wanted in ("def signals(", "def "):
        if found := [block for block in blocks if wanted in block]:
            return _ended(found[-1])
    if any(block.strip() for block in blocks):
        return _ended(max(blocks, key=len))
    return _ended(_without_words(_FENCE.sub("", text)))


def is_same_logic(source: str, other: str) -> bool:
    """The two differ in comments, docstring and layout at most; False where one cannot be read."""
    try:
        return _logic(source) == _logic(other)
    except StrategyError:
        return False


def with_ranges(source: str, ranges: Mapping[str, Sequence[Any]]) -> str:
    """The source with these ranges in its PARAMS; every other letter stays.

    A range keeps its kind: two ends of whole numbers, of reals, on a log scale, or a list of choices, of which texts are some
    of those that stood there. Ends of a range of whole numbers are rounded.

    Raises StrategyError for a name that PARAMS has not, for what is no range of that kind, and where PARAMS is not written out
    as one dict.
    """
    tokens, starts = read_tokens(source), line_starts(source)
    entries = dict(read_params(tokens))
    changes = []
    for name, wanted in ranges.items():
        if name not in entries:
            raise StrategyError(f"PARAMS has no {name[:60]!r}; it has {', '.join(entries) or 'nothing'}")
        value = entries[name]
        start, end = value[0].start, value[-1].end
        changes.append((starts[start[0]] + start[1], starts[end[0]] + end[1], _range_text(name, value, list(wanted))))
    return changed(source, changes)


def ranges_told(source: str, ranges: Mapping[str, Sequence[Any]]) -> str:
    """What `with_ranges` changes, in a sentence: Other ranges for fast: 5 to 20; for kind: ema or sma. Raises as it does."""
    entries, texts = dict(read_params(read_tokens(source))), []
    for name, wanted in ranges.items():
        if with_ranges(source, {name: wanted}) == source:
            continue
        ends = [value for value in wanted if value != "log"]
        is_span = entries[name][0].string != "["
        scale = " on a log scale" if len(ends) < len(wanted) else ""
        texts.append(f"for {name}: {(' to ' if is_span else ' or ').join(map(str, ends))}{scale}")
    return f"Other ranges {'; '.join(texts)}." if texts else "Other ranges were asked for, and none was changed."


def link_indicators(source: str, indicators: Mapping[str, str]) -> str:
    """The source with those of the indicators that it calls as `ta.NAME(market, n)` written into it, so that it runs alone.

    Each is the source of `def NAME(market, ta, n)`, which may call others. It becomes `ta_NAME`, so that a variable may bear
    the indicator's name; where a call leaves out `market` or `ta` they are filled in. A source that calls none, or that is no
    Python at all, is unchanged. Raises StrategyError for an indicator that is no Python.
    """
    try:
        linked, used = _calls_linked(source, indicators)
    except StrategyError:
        return source
    if not used:
        return source
    functions: dict[str, str] = {}
    while used:
        name = used.pop(0)
        if name in functions:
            continue
        body, more = _calls_linked(indicators[name], indicators)
        functions[name] = _renamed(body, name)
        used += more
    place = _after_docstring(linked)
    front, rest = linked[:place].rstrip("\n"), linked[place:].lstrip("\n")
    return "\n\n\n".join([*([front] if front else []), *(f.strip("\n") for f in functions.values()), rest])


def indicator_probe(source: str, name: str) -> str:
    """A strategy that trades where the indicator crosses its own average, over n from 5 to 60, so that it can be checked.

    Raises StrategyError unless the source is one function `def NAME(market, ta, n)` under a name that ta does not have.
    """
    if not (re.fullmatch(r"[a-z][a-z0-9_]{2,39}", name) and not keyword.iskeyword(name)):
        raise StrategyError(f"the indicator is called {name[:60]!r}; wanted a new name of 3 to 40 small letters, digits and _")
    if name in NAMES:
        raise StrategyError(f"ta has {name} already; choose another name, for something that ta does not compute")
    defined = [tokens[1].string for tokens in statements(source) if tokens[0].string == "def" and len(tokens) > 1]
    if defined != [name]:
        found = ", ".join(defined)[:80] or "no function"
        raise StrategyError(f"the source defines {found}; wanted one function, def {name}(market, ta, n), and nothing beside it")
    return link_indicators(_PROBE.format(name=name), {name: source})


def read_prediction(text: str) -> tuple[str, Direction]:
    """The figure that is expected to move, and which way: ("sharpe", "up") of "Sharpe ratio should go up".

    The first figure named by its name or label, and the first direction after it, else before; ("", "up") where either is
    missing.
    """
    words = re.sub(r"[^a-z0-9↑↓]+", " ", text[:MAX_ANSWER].lower().replace("_", " ")).strip()
    spoken: list[tuple[int, int, str, int]] = []
    for name, figure in PORTFOLIO_FIGURES.items():
        for form in (name.replace("_", " "), re.sub(r"[^a-z0-9]+", " ", figure.label.lower()).strip()):
            if match := re.search(rf"(?<![a-z0-9]){re.escape(form)}(?![a-z0-9])", words):
                insort(spoken, (match.start(), -len(form), name, match.end()))
    if not spoken:
        return "", "up"
    start, _, name, end = spoken[0]
    for part in (words[end:], words[:start]):
        for word in part.split():
            if word in _UP or word in _DOWN:
                return name, "up" if word in _UP else "down"
    return "", "up"


def read_ranges(text: str) -> Ranges:
    """The ranges of an answer such as {"fast": [5, 20], "average": ["ema"]}, in JSON or as Python would write it.

    Raises StrategyError where there is no such object, or where one of its values is no list of plain numbers and texts.
    """
    found = _json_object(_MARKER.sub("", text[:MAX_ANSWER]))
    ranges: Ranges = {}
    for name, values in found.items():
        if not (isinstance(values, list) and 1 <= len(values) <= MAX_CHOICES and all(map(_is_plain, values))):
            raise StrategyError(f"the range of {name[:60]!r} is {values!r:.60}; wanted a list of two numbers, or of choices")
        ranges[name] = tuple(values)
    return ranges


def _logic(source: str) -> list[str]:
    layout = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    kept = [(token.type, token.string) for token in read_tokens(source)]
    docstring = 2 if kept and kept[0][0] == tokenize.STRING else 0
    return [tokenize.tok_name[kind] if kind in layout else text for kind, text in kept[docstring:]]


def _fenced(text: str) -> Iterator[str]:
    block: list[str] | None = None
    for line in text.split("\n"):
        if block is None and _FENCE.search(line):
            block = []
        elif block is not None and line.strip() == "```":
            yield _dedented(block)
            block = None
        elif block is not None:
            block.append(line)
    if block is not None:
        yield _dedented(block)


def _dedented(lines: list[str]) -> str:
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines)


def _without_words(text: str) -> str:
    """Code that stands bare between sentences."""
    lines = text.strip("\n").split("\n")
    first = next((i for i, line in enumerate(lines) if _CODE_BEGINS.match(line)), None)
    if first is None or not any(line.startswith("def ") for line in lines):
        return text
    last = len(lines)
    while last > first + 1 and (not lines[last - 1].strip() or not _CODE_GOES_ON.match(lines[last - 1])):
        last -= 1
    return "\n".join(lines[first:last])


def _ended(code: str) -> str:
    code = code.strip("\n").rstrip()
    return code + "\n" if code.strip() else ""


def _range_text(name: str, value: Tokens, wanted: list[Any]) -> str:
    """The new range as source, of the kind that the old one's tokens are of."""
    texts = [text for text in map(text_of, value) if text is not None]
    if not all(map(_is_plain, wanted)):
        raise StrategyError(f"the range of {name} is {wanted!r:.60}; wanted plain numbers, or choices that stand in PARAMS")
    if value[0].string == "[":
        if not 1 <= len(wanted) <= MAX_CHOICES or any(isinstance(c, str) and c not in texts for c in wanted):
            raise StrategyError(f"the choices of {name} are {wanted!r:.60}; wanted some of those that it has")
        if texts and not all(isinstance(c, str) for c in wanted):
            raise StrategyError(f"the choices of {name} are {wanted!r:.60}; wanted texts, some of {', '.join(texts)[:80]}")
        return f"[{', '.join(map(_literal, wanted))}]"
    ends = wanted[1:] if wanted[:1] == ["log"] else wanted
    is_log = "log" in texts
    if len(ends) != 2 or not all(type(end) in (int, float) for end in ends):
        raise StrategyError(f"the range of {name} is {wanted!r:.60}; wanted two numbers, low and high")
    is_real = any(t.type == tokenize.NUMBER and re.search(r"\.|e", t.string, re.IGNORECASE) for t in value)
    low, high = (float(end) if is_real else round(end) for end in ends)
    if low > high or (is_log and low <= 0):
        raise StrategyError(f"the range of {name} is {wanted!r:.60}; wanted {'0 < ' if is_log else ''}low <= high")
    scale = '"log", ' if is_log else ""
    return f"({scale}{_literal(low)}, {_literal(high)})"


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= 100
    return type(value) is bool or (type(value) in (int, float) and math.isfinite(value) and abs(value) <= MAX_NUMBER)


def _literal(value: ParamValue) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _calls_linked(source: str, indicators: Mapping[str, str]) -> tuple[str, list[str]]:
    """The source with calls of the indicators as plain calls, and the names of those called, each once."""
    tokens, starts = read_tokens(source), line_starts(source)
    changes, used = [], list[str]()
    for i in range(len(tokens) - 4):
        holder, dot, name, bracket, first = tokens[i : i + 5]
        is_call = (holder.string, dot.string, bracket.string) == ("ta", ".", "(") and name.string in indicators
        if not is_call or (i and tokens[i - 1].string == "."):
            continue
        given, after = f"ta_{name.string}(", bracket.end
        names = [t.string for t in tokens[i + 4 : i + 8]]
        if names[0] == "market" and names[1:2] in ([","], [")"]):
            given, after = given + "market", first.end
            names = names[1:]
            if names[:2] != [",", "ta"] or names[2:3] not in ([","], [")"]):
                given += ", ta"
        else:
            given += "market, ta" + ("" if names[0] == ")" else ", ")
        changes.append((starts[holder.start[0]] + holder.start[1], starts[after[0]] + after[1], given))
        used += [] if name.string in used else [name.string]
    return changed(source, changes), used


def _renamed(source: str, name: str) -> str:
    tokens, starts = read_tokens(source), line_starts(source)
    places = [after for before, after in pairwise(tokens) if (before.string, after.string) == ("def", name)]
    return changed(source, [(at := starts[t.start[0]] + t.start[1], at, "ta_") for t in places])


def _after_docstring(source: str) -> int:
    """Where the text may go on after the module's docstring."""
    tokens = read_tokens(source)
    if len(tokens) < 2 or tokens[0].type != tokenize.STRING or tokens[1].type != tokenize.NEWLINE:
        return 0
    return line_starts(source)[tokens[1].end[0]] + tokens[1].end[1]


def _json_object(text: str) -> dict[str, Any]:
    """The first object in the text whose brackets close; Python's way of writing it is understood too."""
    start, end = text.find("{"), text.rfind("}")
    if start >= 0 and end > start:
        body = text[start : end + 1]
        as_json = re.sub(r",\s*([\]}])", r"\1", body.translate({ord("("): "[", ord(")"): "]", ord("'"): '"'}))
        for form in (body, as_json):
            try:
                found = json.loads(form)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                return found
    raise StrategyError(f'the ranges are {text.strip()[:60]!r}; wanted a JSON object such as {{"fast": [5, 20]}}')
