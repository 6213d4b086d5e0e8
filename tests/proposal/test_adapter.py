"""Replies are read where a small model slips, and not where reading would mean guessing."""

import pytest

from engine.proposal.adapter import fault_in, is_refusal, read_fields

CODE = 'PARAMS = {"n": (5, 20)}\n\n\ndef signals(market, params, ta):\n    ## code ##2\n    return {"entries": market.close > 0}'
STRATEGY = ("hypothesis", "prediction", "code")


def reply(code: str, *, marks: str = "[[ ## {} ## ]]") -> str:
    values = {"hypothesis": "Dips come back.", "prediction": "sharpe up", "code": code, "completed": ""}
    return "\n\n".join(f"{marks.format(name)}\n{value}" for name, value in values.items())


@pytest.mark.parametrize(
    "marks", ["[[ ## {} ## ]]", "[[## {} ##]]", "[ ## {} ## ]", "## {} ##", "**[[ ## {} ## ]]**", "### {} ###:"]
)
@pytest.mark.parametrize(
    "fence", ["{}", "```python\n{}\n```", "```\n{}\n```", "Here it is:\n```py\n{}\n```\nGood luck!", "```python\n{}"]
)
def test_slips_in_markers_and_fences_do_not_matter(marks: str, fence: str) -> None:
    code = CODE.replace("    ## code ##2\n", "")
    fields = read_fields(reply(fence.format(code), marks=marks), STRATEGY)
    assert fields == {"hypothesis": "Dips come back.", "prediction": "sharpe up", "code": code}
    assert fault_in(fields, STRATEGY) == ""


def test_a_value_on_the_line_of_its_marker_is_read() -> None:
    fields = read_fields("[[ ## regime ## ]] a calm market\n[[ ## mood ## ]] hopeful\n[[ ## completed ## ]]", ("regime", "mood"))
    assert fields == {"regime": "a calm market", "mood": "hopeful"}


def test_one_fenced_block_without_markers_is_the_code_and_nothing_is_put_in_place_of_the_rest() -> None:
    fields = read_fields(f"Dips come back.\n\n```python\n{CODE}\n```\nEnjoy.", STRATEGY)
    assert fields == {"hypothesis": "Dips come back.", "prediction": "", "code": CODE}


def test_two_blocks_without_markers_are_not_chosen_between() -> None:
    fields = read_fields(f"```python\n{CODE}\n```\nor\n```python\n{CODE}\n```", STRATEGY)
    assert fields == {}
    assert "hypothesis, prediction, code" in fault_in(fields, STRATEGY)


def test_of_several_blocks_in_the_field_the_one_with_a_function_is_the_code() -> None:
    fields = read_fields(reply(f"```bash\npip install x\n```\n```python\n{CODE}\n```"), STRATEGY)
    assert fields["code"] == CODE


def test_what_is_said_twice_counts_as_first_said() -> None:
    fields = read_fields("[[ ## regime ## ]]\ncalm\n[[ ## mood ## ]]\ngood\n[[ ## regime ## ]]\nwild", ("regime", "mood"))
    assert fields["regime"] == "calm"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("I would buy low.", "no Python function"),
        ("function signals(m, p, ta) {\n  return {};\n}", "JavaScript"),
        ("//@version=5\nstrategy('x')", "Pine Script"),
        ("#include <iostream>", "C or Java"),
        ("", "empty"),
    ],
)
def test_what_is_no_python_is_a_fault_that_says_what_it_is(code: str, said: str) -> None:
    assert said in fault_in(read_fields(reply(code), STRATEGY), STRATEGY)


def test_json_comes_out_of_its_fence() -> None:
    fields = read_fields('[[ ## reason ## ]]\nx\n[[ ## ranges ## ]]\n```json\n{"fast": [5, 20]}\n```', ("reason", "ranges"))
    assert fields["ranges"] == '{"fast": [5, 20]}'


def test_without_code_every_field_must_be_there_and_the_first_must_say_something() -> None:
    wanted = ("lesson", "runs_for", "runs_against")
    assert "runs_for, runs_against" in fault_in(read_fields("[[ ## lesson ## ]]\nx", wanted), wanted)
    assert "empty" in fault_in({"lesson": "", "runs_for": "1", "runs_against": ""}, wanted)
    assert fault_in({"lesson": "x", "runs_for": "", "runs_against": ""}, wanted) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm sorry, but I can't assist with that.", True),
        ("I cannot help with trading.", True),
        ("As an AI language model, I do not trade.", True),
        ("Buy dips: what can't go down must go up.", False),
    ],
)
def test_a_refusal_is_told_from_prose(text: str, expected: bool) -> None:
    assert is_refusal(text) is expected


def test_the_coachs_text_keeps_the_example_of_an_answer_that_is_in_it() -> None:
    """A prompt with an example of a whole answer was cut off at the marks of that example."""
    wanted = ("reason", "new_instructions")
    text = "Use {figures}.\n\n[[ ## reason ## ]]\nan example\n\n[[ ## completed ## ]]\n\nNothing follows it."
    head = f"[[ ## reason ## ]]\nIt was long.\n\n[[ ## new_instructions ## ]]\n{text}"
    for whole in (f"{head}\n\n[[ ## completed ## ]]\n", head):
        assert read_fields(whole, wanted) == {"reason": "It was long.", "new_instructions": text}
