"""The book of prompts: what it takes, what it refuses and how it says so."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import PromptError
from engine.features.indicators import NAMES
from engine.proposal.prompt_book import MAX_TEXT, Prompt, PromptBook, book_text, find_problems, parse_book, prompt_text
from engine.proposal.roles import ROLES
from engine.strategy.contract import KEYS

SHIPPED = (Path(__file__).parents[2] / "prompts.yaml").read_text(encoding="utf-8")
WRITERS = ("draft", "improve", "crossover", "risk")


def plain(role: str) -> Prompt:
    inputs = {name: f"What {name} holds." for name in ROLES[role].inputs}
    outputs = {name: f"What {name} says." for name in ROLES[role].outputs}
    return Prompt(role, "A purpose.", inputs, outputs, "Read " + ", ".join(f"{{{name}}}" for name in inputs) + ".")


PLAIN = PromptBook({role: plain(role) for role in ROLES})


def changed(role: str, **fields: object) -> str:
    return book_text(PromptBook({**PLAIN.prompts, role: replace(plain(role), **fields)}))


def broken(before: str, after: str) -> str:
    text = book_text(PLAIN)
    assert before in text
    return text.replace(before, after, 1)


def test_a_book_survives_its_own_text():
    assert parse_book(book_text(PLAIN)) == PLAIN
    assert parse_book(book_text(PLAIN)).version == PLAIN.version


_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: Prompt("market", text, {}, {}, text).purpose.strip() != ""
)


@settings(max_examples=150, deadline=None)
@given(purpose=_TEXT, description=_TEXT, instructions=_TEXT)
def test_any_words_keep_their_version_through_the_file(purpose, description, instructions):
    words = re.sub(r"[{}]", "", instructions)
    prompt = Prompt("market", purpose, {"figures": description}, {"regime": "One.", "mood": "Two."}, words + "\n{figures}")
    book = PromptBook({**PLAIN.prompts, "market": prompt})
    assert parse_book(book_text(book))["market"] == prompt
    assert parse_book(book_text(book))["market"].version == prompt.version


def test_the_instructions_stand_in_the_file_line_for_line():
    lines = ["First: {figures}", "", '    code = {"a": 1}  # no comment', "- last"]
    text = changed("market", instructions="\n".join(lines) + "\n\n")
    assert "  instructions: |-\n    First: {figures}\n\n" + "        code" in text
    assert parse_book(text)["market"].instructions == "\n".join(lines)


@pytest.mark.parametrize(
    "change",
    [{"purpose": "Other."}, {"instructions": "Other {figures}."}, {"temperature": 0.0}, {"model": "openai/x"},
     {"inputs": {"figures": "Other."}}, {"outputs": {"mood": "What mood says.", "regime": "What regime says."}}],
)  # fmt: skip
def test_each_change_makes_another_version_of_prompt_and_book(change):
    other = replace(plain("market"), **change)
    assert re.fullmatch("[0-9a-f]{12}", other.version)
    assert other.version != plain("market").version
    assert PromptBook({**PLAIN.prompts, "market": other}).version != PLAIN.version


def test_spaces_at_line_ends_and_kinds_of_line_end_make_no_other_version():
    assert replace(plain("market"), instructions="a {figures}  \r\nb\t\n\n").version == replace(
        plain("market"), instructions="a {figures}\nb"
    ).version  # fmt: skip


def test_a_prompt_may_do_without_an_input():
    text = changed("draft", inputs={"theme": "The theme."}, instructions="Write for {theme}.")
    assert list(parse_book(text)["draft"].inputs) == ["theme"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (broken("market:", "markt:"), "the role 'markt' is called by nothing, did you mean market?"),
        (broken("market:", "markt:"), "the role market is missing"),
        (broken("  purpose: A purpose.\n", "  purpos: A purpose.\n"), "market: the key 'purpos' is unknown, did you mean"),
        (broken("  purpose: A purpose.\n", ""), "market: purpose is missing"),
        (broken("  purpose: A purpose.\n", "  purpose: ''\n"), "market: purpose is empty"),
        (broken("  purpose: A purpose.\n", "  purpose:\n"), "market: purpose is empty; wanted text"),
        (broken("  purpose: A purpose.\n", "  purpose: 2024-01-01\n"), "market: purpose is a date; wanted text"),
        (broken("    Read {figures}.", "    Read."), "market: the input figures is listed but not used"),
        (broken("    Read {figures}.", "    Read {figures} {theme}."), "the instructions name {theme}, which is no input"),
        (broken("    Read {figures}.", "    Read {figurs} {figures}"), "which is no input, did you mean figures?"),
        (broken("    figures: What figures holds.\n", "    figures: a\n    theme: b\n"), "market: the input 'theme' is unknown"),
        (broken("    mood: What mood says.\n", ""), "market: the output mood is missing"),
        (broken("    mood: What mood says.\n", "    mood: m\n    mode: x\n"), "the output 'mode' is unknown, did you mean"),
        (broken("    mood: What mood says.\n", "    mood: 3\n"), "the description of mood is a number; wanted text"),
        (changed("market", temperature=2.5), "market: temperature is 2.5; wanted a number from 0 to 2"),
        (changed("market", temperature=True), "market: temperature is True"),
        (changed("market", temperature=float("nan")), "market: temperature is nan"),
        (changed("market", model=" "), "market: model is ' '; wanted a name"),
        (changed("market", model="; rm -rf"), "market: model: '; rm -rf' is no model's name; wanted provider/name"),
        (changed("draft", inputs={"theme": "t"}, instructions="{theme} {notes}"), "name {notes}, which is not listed"),
        ("market: a text\n", "market: it is a text; wanted purpose"),
        ("- a\n- b\n", "the prompts are a list; wanted one entry for each of market"),
        ("", "the prompts are empty"),
        ("market:\n  purpose: a: b\n", "line 2 is no YAML: mapping values are not allowed here"),
        ("market:\n\tpurpose: a\n", "line 2 is no YAML"),
        ("market: 'open\n", "is no YAML"),
        ("market: \x00\n", "line 1 is no YAML"),
        (book_text(PLAIN) + "market: {}\n", "'market' stands twice"),
        ("market: !!python/object/apply:os.getcwd []\n", "is no YAML"),
        ("[" * 5_000, "no YAML"),
        ("a: 2024-13-40\n", "no YAML"),
        ("? {a: b}\n: c\n", "no YAML"),
        ("x" * (MAX_TEXT + 1), "wanted at most 500,000"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_sentence(text, told):
    problems = find_problems(text)
    assert any(told in problem for problem in problems), problems
    assert all("\n" not in problem and "Traceback" not in problem for problem in problems)
    with pytest.raises(PromptError, match=re.escape(problems[0])):
        parse_book(text)


def test_one_fault_is_one_problem_and_more_are_counted():
    text = broken("  purpose: A purpose.\n", "")
    assert len(find_problems(text)) == 1
    with pytest.raises(PromptError, match=r"\(and 1 more\)"):
        parse_book(text.replace("  purpose: A purpose.\n", "", 1))


@pytest.mark.parametrize(
    "written",
    [
        r'"\x73k-abcdefghijklmnop"',
        '"sk-abcdef\\\n    ghijklmnop"',
        r'"sk-abcdef\x00ghijklmnop"',
        "correct horse\n    battery",
        ">\n    correct horse\n    battery",
    ],
)
def test_a_key_behind_escapes_or_folds_is_refused_with_its_line_and_not_told(written, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "correct horse battery")
    text = broken("  purpose: A purpose.\n", f"  purpose: {written}\n")
    line = 1 + text[: text.index(written)].count("\n")
    assert find_problems(text) == [
        f"line {line} holds a key or what looks like one; take it out: prompts are kept for good, and sent"
    ]
    with pytest.raises(PromptError, match=f"line {line} holds a key"):
        parse_book(text)


def test_aliases_that_grow_without_end_are_refused_at_once():
    layers = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))
    assert any("called by nothing" in problem for problem in find_problems(f"a0: &a0 [x]\n{layers}\n"))


# the book that is shipped


def test_the_shipped_book_is_in_order_and_has_every_role():
    assert find_problems(SHIPPED) == []
    assert list(parse_book(SHIPPED).prompts) == list(ROLES)


def test_the_shipped_prompts_use_all_that_their_roles_offer():
    """`chart` is for models that take pictures."""
    book = parse_book(SHIPPED)
    assert {role: set(ROLES[role].inputs) - set(book[role].inputs) - {"chart"} for role in ROLES} == {r: set() for r in ROLES}


def test_the_shipped_prompts_name_only_functions_that_ta_has():
    assert set(re.findall(r"\bta\.([a-z]\w*)\(", SHIPPED)) - {"close_strength"} <= NAMES


def test_the_shipped_contract_names_every_key_but_that_for_charts():
    contract = parse_book(SHIPPED)["draft"].instructions.split("FUNCTIONS OF ta")[0]
    assert [key for key in KEYS if f'"{key}"' not in contract] == ["plot"]


def test_all_who_write_or_mend_strategies_are_told_the_same_contract_and_mistakes():
    book = parse_book(SHIPPED)
    told = {
        re.search(r"CONTRACT\n.*?(?=\n\n(?:EXAMPLE|WHAT FAULTS))", book[r].instructions, re.DOTALL)[0]
        for r in (*WRITERS, "repair")
    }
    assert len(told) == 1


def test_the_shipped_book_holds_nothing_of_a_market_that_could_be_recited():
    assert re.findall(r"\b(?:19|20)\d\d\b|\b(?:BTC|ETH|USD|bitcoin|crypto|S&P)\w*", SHIPPED, re.IGNORECASE) == []


def test_one_prompt_as_text_is_its_part_of_the_book():
    assert prompt_text(plain("market")) in book_text(PLAIN)
