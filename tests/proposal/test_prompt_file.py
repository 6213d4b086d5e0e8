"""The file of prompts under the hands of people: reloading, broken edits, saving beside others."""

import os
import threading
from dataclasses import replace

import pytest

from engine.errors import PromptError
from engine.proposal.prompt_book import book_text, parse_book
from engine.proposal.prompt_file import PromptFile
from tests.proposal.test_prompt_book import PLAIN, changed

OTHER = changed("market", purpose="Another purpose.")
HEAD = "# What stands here is sent to models.\n"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "prompts.yaml"
    file.write_text(HEAD + book_text(PLAIN))
    return file


@pytest.fixture
def prompts(path):
    return PromptFile(path)


def test_an_edit_is_seen_by_the_next_reading(path, prompts):
    before = prompts.book()
    path.write_text(OTHER)
    assert before["market"].purpose == "A purpose."
    assert prompts.book()["market"].purpose == "Another purpose."


def test_an_edit_of_the_same_size_at_the_same_time_is_seen(path, prompts):
    prompts.book()
    found = path.stat()
    path.write_text(path.read_text().replace("A purpose.", "B purpose.", 1))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert prompts.book()["market"].purpose == "B purpose."


def test_a_file_that_nobody_has_touched_for_long_is_not_read_again(path, prompts, monkeypatch):
    os.utime(path, (1_000_000_000, 1_000_000_000))
    book = prompts.book()
    monkeypatch.setattr(type(path), "read_bytes", lambda _: pytest.fail("read again"))
    assert prompts.book() is book


def test_a_broken_edit_keeps_the_last_good_book_and_says_why(path, prompts):
    good = prompts.book()
    path.write_text(OTHER.replace("purpose:", "purpos:", 1))
    assert prompts.book() == good
    assert prompts.problem is not None
    assert prompts.problem.startswith("prompts.yaml: market: the key 'purpos' is unknown, did you mean purpose?")
    assert "purpos:" in prompts.text
    path.write_text(OTHER)
    assert prompts.book()["market"].purpose == "Another purpose."
    assert prompts.problem is None


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"a: [", b"\x00" * 100])
def test_whatever_is_written_there_the_last_good_book_stays(path, prompts, content):
    good = prompts.book()
    path.write_bytes(content)
    assert prompts.book() == good
    assert prompts.problem is not None
    assert isinstance(prompts.text, str)


def test_a_file_that_is_gone_and_comes_back(path, prompts):
    good, text = prompts.book(), path.read_bytes()
    path.unlink()
    assert prompts.book() == good
    assert "cannot be read (No such file or directory)" in (prompts.problem or "")
    path.write_bytes(text)
    assert prompts.problem is None


@pytest.mark.parametrize("content", [None, b"a: [", b"\xff"])
def test_without_any_good_book_the_reason_is_raised(tmp_path, content):
    path = tmp_path / "prompts.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PromptError, match=r"prompts\.yaml"):
        PromptFile(path).book()


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(path, prompts):
    path.write_bytes(b"\xef\xbb\xbf" + OTHER.replace("\n", "\r\n").encode())
    assert prompts.book() == parse_book(OTHER)


# saving


def test_what_is_saved_is_in_the_file_and_in_use(path, prompts):
    saved = prompts.save(OTHER, prompts.text_hash)
    assert (path.read_text(), prompts.book()) == (OTHER, saved)
    assert saved["market"].purpose == "Another purpose."


def test_a_save_over_the_change_of_another_is_refused_and_leaves_it(path, prompts):
    seen = prompts.text_hash
    PromptFile(path).save(OTHER, seen)
    with pytest.raises(PromptError, match="someone else has changed the prompts"):
        prompts.save(book_text(PLAIN), seen)
    assert path.read_text() == OTHER


def test_what_is_no_book_is_not_saved(path, prompts):
    before = path.read_bytes()
    with pytest.raises(PromptError, match="markt"):
        prompts.save(OTHER.replace("market:", "markt:", 1), prompts.text_hash)
    with pytest.raises(PromptError, match="figures is listed but not used"):
        prompts.save_prompt(replace(PLAIN["market"], instructions="Say something."), prompts.text_hash)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("role", ["market", "repair", "coach"])
def test_one_saved_prompt_leaves_every_other_line_with_its_comments(path, prompts, role):
    text = HEAD + book_text(PLAIN).replace("\nrepair:", "\n# mends\n\nrepair:  # the mender\n").replace(
        "\ncoach:", "\n# last\ncoach:"
    )
    path.write_text(text + "\n# the end\n")
    prompt = replace(PLAIN[role], instructions="New words:\n" + PLAIN[role].instructions, temperature=0.5)
    assert prompts.save_prompt(prompt, prompts.text_hash)[role] == prompt
    after = path.read_text()
    assert [line for line in ("# mends", "# last", "# the end") if f"\n{line}\n" not in after] == []
    assert after.startswith(HEAD)
    others = {name: p for name, p in prompts.book().prompts.items() if name != role}
    assert others == {name: p for name, p in PLAIN.prompts.items() if name != role}
    prompts.save_prompt(PLAIN[role], prompts.text_hash)
    assert prompts.book() == PLAIN


def test_one_prompt_is_not_saved_into_a_broken_file(path, prompts):
    prompts.book()
    path.write_text("a: [")
    with pytest.raises(PromptError, match="no YAML"):
        prompts.save_prompt(PLAIN["market"], prompts.text_hash)
    assert path.read_text() == "a: ["


def test_mode_and_link_of_the_file_stay(path, prompts, tmp_path):
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    linked = PromptFile(link)
    linked.save(OTHER, linked.text_hash)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert prompts.book()["market"].purpose == "Another purpose."


def test_of_many_who_save_at_once_over_the_same_text_one_succeeds_and_readers_see_whole_books(path, prompts):
    seen = prompts.text_hash
    ends: list[str] = []

    def save(i: int) -> None:
        mine = PromptFile(path)
        try:
            mine.save(changed("market", purpose=f"Number {i}."), seen)
            ends.append("saved")
        except PromptError as error:
            ends.append(str(error)[:12])

    def read() -> None:
        for _ in range(30):
            prompts.book()
            ends.extend([] if prompts.problem is None else [prompts.problem])

    threads = [threading.Thread(target=save, args=(i,)) for i in range(6)] + [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["saved", *["someone else"] * 5]
    assert prompts.book()["market"].purpose.startswith("Number ")


def test_a_key_in_the_file_is_never_in_a_book_and_is_not_repeated(path, prompts, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "plum-tree-meadow")
    good = prompts.book()
    for key in ("sk-proj-abcdefghijklmnop", "plum-tree-meadow"):
        text = OTHER.replace("Another purpose.", f"Another {key}.")
        path.write_text(text)
        line = text[: text.index(key)].count("\n") + 1
        assert prompts.book() == good
        assert prompts.problem is not None
        assert prompts.problem.startswith(f"prompts.yaml: line {line} holds a key")
        assert key not in prompts.problem


def test_a_key_cannot_be_saved(path, prompts):
    before = path.read_text()
    prompt = replace(prompts.book()["market"], purpose="sk-proj-abcdefghijklmnop")
    with pytest.raises(PromptError, match="holds a key"):
        prompts.save_prompt(prompt, expected_hash=prompts.text_hash)
    assert path.read_text() == before
