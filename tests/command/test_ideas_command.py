"""Ideas from the command line: words, files, and what is no idea."""

import zlib
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.model_queries import ModelQueries
from tests.command.conftest import Cli

ARTICLE = "# On pullbacks\n\nIn calm up-trends the first dip below a short average is bought back within days.\n"


def pdf(*pages: str) -> bytes:
    """A PDF with a page for each text; an empty one draws a box, as a scan does."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for text in pages:
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else "0 0 400 400 re f"
        packed = zlib.compress(drawn.encode())
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed))
        content = len(objects)
        fonts = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {fonts} /Contents {content} 0 R >>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def kept(settings: Settings) -> dict[str, str]:
    """Text by title of all ideas in the ledger."""
    database = Database(settings.database_path, read_only=True)
    try:
        return {idea.title: idea.text for idea, _ in ModelQueries(database).ideas()}
    finally:
        database.close()


def test_words_become_an_idea_and_the_list_shows_weight_and_expiry(cli: Cli) -> None:
    added = cli("ideas", "add", "Buy what fell on low volume.", "--weight", "2.5", "--expires", "30", "--json").answer
    assert added["added"] is True
    (row,) = cli("ideas", "list", "--json").answer["ideas"]
    assert (row["title"], row["weight"], row["runs"]) == ("Buy what fell on low volume.", 2.5, 0)
    assert row["expires"] == added["expires"]
    assert "2.5" in cli("ideas", "list").out


def test_the_same_again_adds_nothing_and_another_weight_changes_it(cli: Cli) -> None:
    first = cli("ideas", "add", "Wait two bars.", "--json").answer
    again = cli("ideas", "add", "Wait two bars.", "--json").answer
    assert (again["idea_id"], again["added"]) == (first["idea_id"], False)
    cli("ideas", "add", "Wait two bars.", "--weight", "3")
    assert [idea["weight"] for idea in cli("ideas", "list", "--json").answer["ideas"]] == [3.0]


def test_a_markdown_file_is_kept_whole_and_titled_by_its_first_line(cli: Cli, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "article.md"
    file.write_text(ARTICLE)
    cli("ideas", "add", file)
    assert kept(settings) == {"On pullbacks": ARTICLE.strip()}


def test_the_text_of_a_pdf_is_read_page_after_page(cli: Cli, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "paper.pdf"
    file.write_bytes(pdf("Momentum fades after a month.", "Costs eat what is traded daily."))
    cli("ideas", "add", file, "--title", "A paper")
    assert kept(settings) == {"A paper": "Momentum fades after a month.\n\nCosts eat what is traded daily."}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("scan.pdf", pdf("", "", ""), "next to no text"),
        ("none.pdf", pdf(), "next to no text"),
        ("torn.pdf", pdf("Whole once.")[:60], "cannot be read as PDF"),
        ("words.md", b"\xff\xfe\x00w", "no UTF-8 text"),
        ("empty.txt", b"  \n", "is empty"),
        ("sheet.xlsx", b"PK", "no file of .txt"),
    ],
)
def test_a_file_without_usable_text_is_refused_in_a_sentence(
    cli: Cli, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    said = cli("ideas", "add", file).refusal
    assert name in said
    assert told in said
    assert cli("ideas", "list", "--json").answer["ideas"] == []


def test_of_a_file_that_is_no_pdf_nothing_is_said_but_the_refusal(process, tmp_path: Path) -> None:
    (tmp_path / "fake.pdf").write_text("plain words")
    said = process("ideas", "add", tmp_path / "fake.pdf")
    assert "cannot be read as PDF" in said.refusal


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("missing.pdf",), "there is no file missing.pdf"),
        ((".",), ". is a folder; name a file in it"),
        (("An idea.", "--weight", "0"), "weight is 0"),
        (("An idea.", "--expires", "-1"), "--expires is -1 days"),
        (("   ",), "the idea is empty"),
    ],
)
def test_what_is_no_idea_is_refused(cli: Cli, words: tuple[str, ...], told: str) -> None:
    assert told in cli("ideas", "add", *words).refusal


def test_a_key_in_a_pasted_text_never_reaches_the_ledger(cli: Cli, settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-secret-0123")
    cli("ideas", "add", "As planted-secret-0123 said: sk-abcdefghijklmnopqrst buys dips.")
    ((title, text),) = kept(settings).items()
    assert "planted-secret" not in title + text
    assert "sk-abc" not in title + text


def test_what_nobody_sees_is_taken_out_before_keys_are_looked_for(cli: Cli, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_bytes(
        "Buy\x1b[31m \u202esllef\u202c\u2066 what\x07\r\n\tnaïve 漲\u200d sk-abcdef\u200eghijklmnop".encode()
    )
    cli("ideas", "add", tmp_path / "odd.txt", "--title", "Odd\u202e \x9bone\x00")
    assert kept(settings) == {"Odd one": "Buy[31m sllef what\n\tnaïve 漲\u200d [key]"}


def test_an_idea_that_has_expired_is_listed_only_when_asked_for(cli: Cli) -> None:
    cli("ideas", "add", "Gone in a blink.", "--expires", "1e-9")
    assert "no ideas" in cli("ideas", "list").out
    assert [idea["title"] for idea in cli("ideas", "list", "--all", "--json").answer["ideas"]] == ["Gone in a blink."]
