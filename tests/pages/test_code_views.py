"""A run's code as text: which line failed, and what differs from another run's."""

from engine.records import Failure
from pages.code_views import code_diff, marked


def test_the_failing_line_is_marked_and_no_other() -> None:
    source = "a = 1\nb = a.nothing\n"
    lines = marked(source, Failure("error", "no attribute", 2)).splitlines()
    assert lines[0] == "a = 1"
    assert lines[1].startswith("b = a.nothing  # <<< error")
    assert marked(source, Failure("timeout", "endless")) == source.rstrip("\n")


def test_a_diff_names_both_runs_and_holds_the_lines_that_differ() -> None:
    diff = code_diff("a = 1\nb = 2", "a = 1\nb = 3", ("run 1", "run 2")).splitlines()
    assert diff[:2] == ["--- run 1", "+++ run 2"]
    assert [line for line in diff[2:] if line[0] in "+-"] == ["-b = 2", "+b = 3"]


def test_equal_code_has_no_diff() -> None:
    assert code_diff("a = 1", "a = 1", ("run 1", "run 2")) == ""
