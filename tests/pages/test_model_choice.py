"""Choosing a model: what runs here is offered, a key is never asked for, unknown prices are, and a trial tells what came back."""

import threading
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from engine.proposal.language_model import LocalServer
from pages.access import research
from pages.model_fields import BY_NAME, OTHER_SERVER
from tests.scripted_model import Script, ScriptedModel

OLLAMA = LocalServer("Ollama", "http://127.0.0.1:11434/v1", ("ollama_chat/qwen3", "ollama_chat/gemma3"))


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.fixture
def form(page: Callable[[str], AppTest]) -> AppTest:
    """The Research page on the market `small`, no model chosen."""
    shown = page("research_setup")
    shown.selectbox(key="research.dataset").set_value("small").run()
    return shown


def captions(form: AppTest) -> str:
    return "\n".join(caption.value for caption in form.caption)


def name_model(form: AppTest, place: str, name: str, address: str = "") -> AppTest:
    """Fill the fields so that they name that model."""
    form.selectbox(key="model.place").set_value(place).run()
    form.text_input(key=f"model.name.{place}").set_value(name)
    if address:
        form.text_input(key=f"model.address.{place}").set_value(address)
    form.run()
    assert not form.exception
    return form


def test_without_a_model_the_page_says_that_the_random_arm_runs(form: AppTest) -> None:
    assert any("No language model is chosen: the random arm runs" in info.value for info in form.info)
    (arms,) = [group for group in form.button_group if group.key == "research.proposer"]
    assert list(arms.options) == ["Random and mutate", "Random alone"]


def test_a_server_on_this_machine_is_offered_and_needs_no_key(form: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.model_choice.local_servers", lambda: [OLLAMA])
    form.run()
    assert "Ollama runs on this machine with 2 models" in captions(form)
    form.selectbox(key="model.place").set_value("Ollama on this machine").run()
    form.selectbox(key="model.of.Ollama").set_value("ollama_chat/gemma3").run()
    assert "no key is needed" in captions(form)
    form.button(key="model.use").click().run()
    assert not form.exception
    choice = research().model.choice
    assert choice is not None
    assert (choice.model, choice.api_base) == ("ollama_chat/gemma3", OLLAMA.api_base)


def test_no_model_can_be_chosen_and_the_environments_is_then_offered_and_not_asked(
    form: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", "openai/from-outside")
    form.run()
    form.button(key="model.none").click().run()
    assert not form.exception
    assert (research().model.choice, research().status().model) == (None, "")
    assert any("No language model is chosen: the random arm runs" in info.value for info in form.info)
    assert form.button(key="model.none").disabled
    form.button(key="model.environment").click().run()
    choice = research().model.choice
    assert choice is not None
    assert choice.model == "openai/from-outside"


@pytest.mark.parametrize(("place", "name", "wanted"), [
    ("Anthropic", "claude-sonnet-4-5", ("ANTHROPIC_API_KEY", "API_KEY")),
    ("Google Gemini", "gemini-2.5-flash", ("GEMINI_API_KEY", "API_KEY")),
    (BY_NAME, "openrouter/qwen/qwen3-coder", ("OPENROUTER_API_KEY", "API_KEY")),
])  # fmt: skip
def test_it_says_which_variable_the_key_belongs_in(form: AppTest, place: str, name: str, wanted: tuple[str, ...]) -> None:
    name_model(form, place, name)
    told = captions(form)
    assert "No key is set" in told
    assert all(f"`{variable}`" in told for variable in wanted)
    assert f"`{wanted[0]}=…` into `.env`" in told


def test_a_key_that_is_set_is_named_and_never_shown(form: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-planted-0123456789")
    name_model(form, "Anthropic", "claude-sonnet-4-5")
    assert "Its key is read from `ANTHROPIC_API_KEY`" in captions(form)
    assert "planted" not in str(form)


def test_another_server_gets_the_neutral_key_alone(form: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    name_model(form, OTHER_SERVER, "qwen3", "https://models.example.org/v1")
    assert "Set `API_KEY` in the environment" in captions(form)


def test_a_listed_price_is_told_and_an_unknown_one_is_asked_for(form: AppTest) -> None:
    name_model(form, "OpenAI", "gpt-5-mini")
    assert "Price: 0.25 USD for a million tokens in, 2 USD out" in captions(form)
    assert "model.price_in" not in {field.key for field in form.number_input}
    name_model(form, "OpenAI", "no-such-model")
    assert "cost is not computed" in captions(form)
    form.number_input(key="model.price_in").set_value(1.0)
    form.number_input(key="model.price_out").set_value(4.0).run()
    assert "Price: 1 USD for a million tokens in, 4 USD out" in captions(form)


def test_a_server_without_an_address_or_a_name_without_a_provider_cannot_be_used(form: AppTest) -> None:
    name_model(form, OTHER_SERVER, "qwen3")
    assert form.button(key="model.use").disabled
    name_model(form, BY_NAME, "qwen3")
    assert form.button(key="model.use").disabled


def test_an_address_that_carries_a_key_is_refused_in_a_sentence(form: AppTest) -> None:
    name_model(form, OTHER_SERVER, "qwen3", "https://me:sk-planted-0123456789@models.example.org/v1")
    form.button(key="model.use").click().run()
    assert not form.exception
    assert any("the ledger keeps no keys" in error.value for error in form.error)
    assert research().model.choice is None


def try_out(form: AppTest, model: ScriptedModel) -> AppTest:
    """Press *Try it* on the scripted model, and see the page when the trial has ended."""
    name_model(form, OTHER_SERVER, "scripted", model.api_base)
    form.button(key="model.try").click().run()
    trials = research().model.trials
    while not (trials.latest is not None and trials.latest.is_done):
        threading.Event().wait(0.01)
    form.run()
    assert not form.exception
    return form


def test_a_trial_tells_what_came_back_and_is_recorded(form: AppTest, model: ScriptedModel) -> None:
    try_out(form, model)
    assert any("answered in" in told.value and "tokens in" in told.value for told in form.success)
    calls = research().model.queries.calls(origin="trial")
    assert calls["status"].tolist() == ["answered"]
    assert research().model.choice is None, "trying is not choosing"


def test_a_trial_that_fails_tells_how(form: AppTest, model: ScriptedModel) -> None:
    model.script = Script(at={1: "unauthorized"})
    try_out(form, model)
    assert any("gave no usable answer" in told.value and "no such key" in told.value for told in form.warning)
