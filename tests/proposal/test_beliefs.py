"""Lessons that later runs contradict fade; ideas come as often as they weigh."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.model_records import Belief, Idea
from engine.proposal.beliefs import has_faded, idea_text, sample_ideas, shown, weight


def belief(name: str, text: str = "", *, for_: int = 0, against: int = 0, **more) -> Belief:
    runs = [tuple(f"{name}{side}{i}" for i in range(n)) for side, n in (("+", for_), ("-", against))]
    return Belief(name, "lesson", text, runs_for=runs[0], runs_against=runs[1], **more)


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_run_for_it_raises_the_weight_and_one_against_lowers_it(for_, against):
    now = weight(belief("a", for_=for_, against=against))
    assert weight(belief("a", for_=for_ + 1, against=against)) > now > weight(belief("a", for_=for_, against=against + 1))
    assert 0 < now < 1


def test_what_later_runs_contradict_disappears_unless_it_is_pinned():
    assert not has_faded(belief("new", against=3))
    assert has_faded(belief("old", for_=1, against=6))
    assert not has_faded(belief("kept", for_=1, against=6, is_pinned=True))
    listed = [belief("old", for_=1, against=6), belief("kept", for_=1, against=6, is_pinned=True), belief("muted", is_muted=True)]
    assert [b.belief_id for b in shown(listed, "", 5)] == ["kept"]


def test_of_equal_weight_the_one_that_fits_the_theme_comes_first():
    listed = [belief("a", "Breakouts fail without volume."), belief("b", "Mondays are slow after weekends.")]
    assert [b.belief_id for b in shown(listed, "trade slow mondays", 1)] == ["b"]
    assert [b.belief_id for b in shown(listed, "volume breakouts", 1)] == ["a"]


def test_ideas_come_as_often_as_they_weigh_and_never_twice_at_once():
    ideas = [Idea("a", "A", "", 8.0), Idea("b", "B", "", 1.0), Idea("c", "C", "", 1.0)]
    drawn = [sample_ideas(ideas, np.random.default_rng(seed), 1)[0].idea_id for seed in range(500)]
    assert 0.7 < Counter(drawn)["a"] / 500 < 0.9
    both = sample_ideas(ideas, np.random.default_rng(1), 3)
    assert len({idea.idea_id for idea in both}) == 3
    assert sample_ideas([], np.random.default_rng(1)) == []


def test_an_article_is_shown_by_its_beginning():
    told = idea_text(Idea("a", "On volume", "word " * 2_000))
    assert told.startswith("On volume: word word")
    assert told.endswith("…")
    assert len(told) < 1_600
