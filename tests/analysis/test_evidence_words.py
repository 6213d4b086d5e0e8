"""The words of the statistics are those of the document, which says of each what, how and by whom."""

from pathlib import Path

import pytest

from engine.analysis.evidence_words import STATISTICS, Statistic

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)
def test_the_document_says_of_each_statistic_what_the_app_says(statistic: Statistic) -> None:
    for text in (statistic.label, statistic.sentence, statistic.reading, statistic.formula, statistic.source):
        assert text in DOCUMENT
