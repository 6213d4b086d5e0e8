"""What the scripted model says: strategies of five families with known defects, and plausible words for every other role."""

import ast
import hashlib
import json
import re
from typing import Any, Protocol

KINDS = ("good", "poor", "broken", "leaking", "hostile")
# The role that a set of wanted fields belongs to; the strategy writers want the same and differ in what they are given.
ROLE_OF = {
    frozenset({"regime", "mood"}): "market",
    frozenset({"hypothesis", "prediction", "code"}): "draft",
    frozenset({"change", "code"}): "repair",
    frozenset({"name", "description", "code"}): "indicator",
    frozenset({"reason", "ranges"}): "ranges",
    frozenset({"review", "next_change"}): "portfolio_review",
    frozenset({"patterns", "next_change"}): "trade_review",
    frozenset({"theory", "disproof", "runs_for", "runs_against"}): "theory",
    frozenset({"lesson", "runs_for", "runs_against"}): "lesson",
    frozenset({"reason", "new_instructions"}): "coach",
}
# What makes a sound strategy a bad one, and undone a sound one again: (kind, sound, unsound).
DEFECTS = (
    ("poor", "    return {\n", "    entries = entries & (market.close < 0)\n    return {\n"),
    ("broken", "def signals(market, params, ta):", "def signals(market, params, ta)"),
    ("broken", '"entries": entries', '"entry": entries'),
    ("leaking", '"entries": entries', '"entries": entries | entries.shift(-1, fill_value=False)'),
    ("hostile", "\nPARAMS", "\nimport os\n\nPARAMS"),
)
HEAD = '"""{title}"""\n\nPARAMS = {{\n{params}}}\n\n\ndef signals(market, params, ta):\n'
TAIL = '    return {\n        "entries": entries,\n        "exits": exits,\n        "stop_loss": params["stop_loss"],\n    }\n'
# title, parameters with their least range, body; {a}, {b} are drawn
FAMILIES = (
    (
        "Buy when a fast average crosses above a slow one; leave when it falls below.",
        {"fast": "({a}, {a} + 6)", "slow": "({b} + 10, {b} + 30)", "average": '["ema", "sma"]'},
        "    average = getattr(ta, params[\"average\"])\n"
        "    fast, slow = average(market.close, params[\"fast\"]), average(market.close, params[\"slow\"])\n"
        "    entries, exits = ta.crossed_above(fast, slow), fast < slow\n",
    ),
    (
        "Buy when the relative strength index is low and turns; leave when it is high.",
        {"bars": "({a} + 4, {a} + 12)", "low": "({b} + 20, {b} + 30)"},
        "    rsi = ta.rsi(market.close, params[\"bars\"])\n"
        "    entries, exits = ta.crossed_above(rsi, params[\"low\"]), rsi > 60\n",
    ),
    (
        "Buy a close above the highest high of the bars before; leave below the lowest low.",
        {"channel": "({b} + 8, {b} + 24)", "leave": "({a} + 2, {a} + 8)"},
        "    top = ta.max(market.high, params[\"channel\"]).shift(1)\n"
        "    bottom = ta.min(market.low, params[\"leave\"]).shift(1)\n"
        "    entries, exits = market.close > top, market.close < bottom\n",
    ),
    (
        "Buy a close below the lower band; leave at the middle.",
        {"bars": "({b} + 8, {b} + 20)", "width": "(1.0, 2.0)"},
        "    bands = ta.bbands(market.close, params[\"bars\"], params[\"width\"], params[\"width\"])\n"
        "    entries, exits = market.close < bands.lowerband, market.close > bands.middleband\n",
    ),
    (
        "Buy what has gained over some bars while its range is calm; leave when the gain is gone.",
        {"bars": "({a} + 4, {a} + 20)", "calm": "({b} + 10, {b} + 20)", "gain": "(0.5, 3.0)"},
        "    momentum = ta.roc(market.close, params[\"bars\"])\n"
        "    spread = (market.high - market.low) / market.close\n"
        "    calm = spread < ta.sma(spread, params[\"calm\"])\n"
        "    entries, exits = (momentum > params[\"gain\"]) & calm, momentum < 0\n",
    ),
)  # fmt: skip
FIGURES = ("sharpe", "total_return", "max_drawdown", "win_rate")


class Shares(Protocol):
    @property
    def seed(self) -> int: ...
    @property
    def repairs(self) -> float: ...
    @property
    def ignores(self) -> str: ...
    def weights(self) -> dict[str, float]: ...


def share_of(text: str) -> float:
    """A number in [0, 1) drawn by the text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12


def answer_for(text: str, script: Shares) -> tuple[str, str]:
    """The role that the messages are for, and the reply in DSPy's format."""
    told = text.partition("Your output fields are:")[2].partition("All interactions")[0]
    outputs = re.findall(r"^\d+\. `(\w+)`", told, re.MULTILINE)
    given = _sections(text)
    role = ROLE_OF.get(frozenset(outputs), "")
    if role == "draft":
        role = writer_of(set(given))
    if role == "coach":  # a prompt's text has marks of its own
        whole = r"\[\[ ## given_instructions ## \]\]\n(.*?)\n\n\[\[ ## outcomes ## \]\]"
        given["given_instructions"] = re.findall(whole, text, re.DOTALL)[-1]
    drawn = f"{script.seed} {re.sub(script.ignores, '', text) if script.ignores else text}"
    values = _values(role, given, drawn, script)
    reply = "\n\n".join(f"[[ ## {name} ## ]]\n{values.get(name, f'A plausible {name}.')}" for name in outputs)
    return role, f"{reply}\n\n[[ ## completed ## ]]\n"


def writer_of(given: set[str]) -> str:
    """Which of the four that write strategies, by what they are given."""
    if "parent_code" not in given:
        return "draft"
    if "other_code" in given:
        return "crossover"
    return "improve" if given & {"benchmarks", "ideas", "indicators", "notes", "theories"} else "risk"


def _sections(text: str) -> dict[str, str]:
    """The values of the input fields, each at its last mark in the text."""
    parts = re.split(r"\[\[ ## (\w+) ## \]\]\n", text.partition("[[ ## completed ## ]]")[2])
    return {name: value.strip() for name, value in zip(parts[1::2], parts[2::2], strict=True)}


def _values(role: str, given: dict[str, str], drawn: str, script: Shares) -> dict[str, str]:
    if role in ("draft", "improve", "crossover", "risk"):
        title, code = strategy(drawn, script.weights())
        figure = FIGURES[int(share_of(drawn + "figure") * len(FIGURES))]
        direction = "down" if figure == "max_drawdown" else "up"
        return {"hypothesis": title, "prediction": f"{figure} {direction}", "code": f"```python\n{code}```"}
    if role == "repair":
        code = given.get("given_code", "") + "\n"
        if "signals" not in code:
            _, code = strategy(drawn, {"good": 1.0})
        helped = share_of(drawn + "repair") < script.repairs
        return {"change": "Mended the line named.", "code": f"```python\n{mended(code) if helped else code}```"}
    if role == "indicator":
        name = f"gap_{int(share_of(drawn) * 1000)}"
        code = f"def {name}(market, ta, n):\n    return market.close / ta.ema(market.close, n) - 1.0\n"
        return {"name": name, "description": "Distance of the close from its average.", "code": f"```python\n{code}```"}
    if role == "ranges":
        return {"reason": "The middle did best.", "ranges": json.dumps(narrowed(given.get("code", "")))}
    runs = re.findall(r"\b[0-9a-f]{8,16}\b|\brun \d+\b", given.get("results", ""))
    said = ("Trends carry on", "Dips are bought", "Calm comes before storms", "Costs eat quick trades")
    word = said[int(share_of(drawn + "word") * len(said))]
    return {
        "regime": "a slow up-trend with calm weeks",
        "mood": "hopeful but quick to sell",
        "review": f"{word}; the worst assets lose on costs.",
        "patterns": f"{word}; stops are hit in rows after falls.",
        "next_change": "Wait two bars after a stop.",
        "theory": f"{word} in this market.",
        "disproof": "Three runs on it with a lower Sharpe ratio than their parent.",
        "lesson": f"{word}: test it with a wider stop.",
        "runs_for": ", ".join(runs[:2]) or "none",
        "runs_against": ", ".join(runs[2:3]) or "none",
        "reason": "The failures seen most are named now.",
        "new_instructions": given.get("given_instructions", "") + "\nKeep it short.",
    }


def strategy(drawn: str, weights: dict[str, float]) -> tuple[str, str]:
    """(title, source) of a strategy of a kind drawn by weight."""
    point, kind = share_of(drawn + "kind") * sum(weights.values()), KINDS[0]
    for kind, weight in weights.items():  # noqa: B007
        point -= weight
        if point < 0:
            break
    title, params, body = FAMILIES[int(share_of(drawn + "family") * len(FAMILIES))]
    a, b = (2 + int(share_of(drawn + letter) * 8) for letter in "ab")
    ranges = {name: _plain(text.format(a=a, b=b)) for name, text in params.items()}
    ranges["stop_loss"] = f"(0.0{2 + a % 3}, 0.{10 + b})"
    source = HEAD.format(title=title, params="".join(f'    "{n}": {r},\n' for n, r in ranges.items())) + body + TAIL
    choices = [defect for defect in DEFECTS if defect[0] == kind]
    if choices:
        _, sound, unsound = choices[int(share_of(drawn + "defect") * len(choices))]
        assert sound in source
        source = source.replace(sound, unsound, 1)
    return title, source


def _plain(text: str) -> str:
    """The sums in a range worked out."""
    return re.sub(r"(\d+) \+ (\d+)", lambda sum_: str(int(sum_[1]) + int(sum_[2])), text)


def mended(source: str) -> str:
    """The source without the defects that this module knows."""
    for kind, sound, unsound in DEFECTS:
        if unsound in source and not (kind == "broken" and sound in source):
            source = source.replace(unsound, sound, 1)
    return source


def narrowed(source: str) -> dict[str, list[Any]]:
    """The middle half of the first range of numbers in PARAMS; empty if there is none."""
    try:
        named = next(
            node.value
            for node in ast.parse(source).body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PARAMS"
        )
        params = ast.literal_eval(named)
    except (SyntaxError, ValueError, StopIteration):
        return {}
    for name, spread in params.items():
        if isinstance(spread, tuple) and len(spread) == 2:
            low, high = spread
            whole = isinstance(low, int) and isinstance(high, int)
            quarter = (high - low) // 4 if whole else round((high - low) / 4, 6)
            return {name: [low + quarter, high - quarter]}
    return {}
