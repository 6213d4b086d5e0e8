"""Repeating runs: equal for what was honestly recorded, and the place named for what was not."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from engine.errors import UnknownRun
from engine.market.catalog import Catalog
from engine.records import StopConditions
from engine.research import service as service_module
from engine.research.evaluation import Evaluator
from engine.research.repeat import Repeat, repeat_run
from engine.research.service import ResearchService
from engine.settings import Settings
from engine.store.snapshot import open_reader
from engine.strategy.sandbox import SandboxPool
from tests.patience import LONG_S
from tests.research import small
from tests.research.small import CHOICES, Scripted, save, small_panel, store_with

Again = Callable[..., dict[int, Repeat]]


class Alternating:
    """Says one thing after another, for ever."""

    def __init__(self, *sources: str) -> None:
        self._sources, self._next = sources, 0

    def draw(self, rng: object) -> object:
        self._next += 1
        return Scripted(self._sources[(self._next - 1) % len(self._sources)]).draw(rng)  # type: ignore[arg-type]


PLAN = (small.CROSS, small.NO_SYNTAX, small.ALWAYS_FAILS, small.SOMETIMES_FAILS, small.fails_on_validation(), small.NEVER_TRADES)


@pytest.fixture(scope="module")
def finished_store(market_store: Path, lent_pool: SandboxPool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign: 1 trades, 2 is refused, 3 fails for all sets, 4 for some, 5 on validation, 6 never trades."""
    settings = store_with(market_store, tmp_path_factory.mktemp("finished") / "store")
    plan = Alternating(*PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_module, "make_proposer", lambda spec, panel: plan)
        patch.setattr(service_module, "SandboxPool", lambda slots, limits: lent_pool)
        service = ResearchService(settings)
        service.launch(service.draft("small", dataclasses.replace(CHOICES, stop=StopConditions(runs=6))))
        assert service.wait(LONG_S)
        service.close()
    return settings.store_dir


@pytest.fixture
def settings(finished_store: Path, tmp_path: Path) -> Settings:
    """The test's own copy of that store."""
    return Settings(store_dir=Path(shutil.copytree(finished_store, tmp_path / "store")))


@pytest.fixture
def again(evaluator: Evaluator, settings: Settings) -> Again:
    """Repeat all runs of the store: by number."""

    def repeat(store_dir: Path = settings.store_dir) -> dict[int, Repeat]:
        of = Settings(store_dir=store_dir)
        with open_reader(of) as queries:
            runs = [queries.run(run_id) for run_id in queries.run_ids()]
            return {run.number: repeat_run(run.run_id, queries, Catalog(of.bars_dir), evaluator) for run in runs}

    return repeat


@pytest.fixture
def tamper(settings: Settings) -> Callable[[str], None]:
    """Run SQL on the ledger, as someone would who wants another number in it."""

    def run(sql: str) -> None:
        with duckdb.connect(str(settings.database_path)) as connection:
            connection.execute(sql)

    return run


RUN_1 = "run_id = (SELECT run_id FROM runs WHERE number = 1)"


def test_all_that_was_recorded_is_equal_when_computed_again(again):
    repeats = again()
    assert {number: r.difference for number, r in repeats.items()} == dict.fromkeys(range(1, 7))
    assert repeats[1].compared > 500
    assert repeats[2].compared == 1


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (f"UPDATE scenarios SET sharpe = sharpe + 1e-9 WHERE scenario = 3 AND {RUN_1}", "train scenario, 3, sharpe: stored "),
        (f"UPDATE scenarios SET objective = 9 WHERE scenario = 2 AND {RUN_1}", "train scenario, 2, objective: stored 9.0"),
        (f"UPDATE scenarios SET sortino = NULL WHERE scenario = 0 AND {RUN_1}", "train scenario, 0, sortino: stored nan"),
        (f"UPDATE scenarios SET failure = 'error: x' WHERE scenario = 0 AND {RUN_1}", "kinds of failure: stored ['error'"),
        ("UPDATE runs SET validation_total_return = 1.5 WHERE number = 1", "validation, best set, total_return: stored 1.5"),
        ("UPDATE runs SET train_win_rate = 1.0 WHERE number = 1", "train, best set, win_rate: stored 1.0"),
        ("UPDATE runs SET objective = 4.0 WHERE number = 1", "run, 0, objective: stored 4.0"),
        ("UPDATE runs SET best_scenario = (best_scenario + 1) % 6 WHERE number = 1", "the best scenario: stored "),
        ("UPDATE runs SET params = '{\"n\": 99}' WHERE number = 1", "the best parameters: stored {'n': 99}"),
        (
            f"UPDATE run_assets SET pnl = 7 WHERE \"window\" = 'train' AND symbol = 'SYN003USD' AND {RUN_1}",
            "train assets, SYN003USD, pnl: stored 7.0",
        ),
        (
            f"UPDATE run_returns SET returns = (SELECT r.returns FROM run_returns r JOIN runs USING (run_id) WHERE number > 1"
            f" AND r.\"window\" = 'validation' ORDER BY number LIMIT 1) WHERE \"window\" = 'validation' AND {RUN_1}",
            "validation day, 2023-",
        ),
    ],
)
def test_a_figure_that_was_tampered_with_is_named(tamper, again, sql, named):
    tamper(sql)
    repeats = again()
    assert not repeats[1].is_equal
    assert repeats[1].difference.startswith(named), repeats[1].difference
    assert all(repeats[number].is_equal for number in range(2, 7))


def test_code_that_was_tampered_with_is_named(tamper, again):
    tamper("UPDATE strategies SET source = source || '# better' WHERE source LIKE '%crossed_above%'")
    assert again()[1].difference == "the stored code does not have the stored hash"


def test_a_refusal_that_would_not_happen_again_is_named(tamper, again):
    tamper("UPDATE runs SET failure_message = 'nothing was wrong' WHERE number = 2")
    assert again()[2].difference.startswith("the draft's refusal: stored 'syntax: nothing was wrong (line 4)'")


def test_bars_that_have_changed_are_a_difference(again, settings):
    save(small_panel(seed=2), settings.store_dir, replace=True)
    changed = again()
    assert "no longer that of run" in changed[1].difference
    assert changed[2].is_equal, "a refusal needs no bars"


def test_bars_that_are_gone_are_a_difference(again, settings):
    Catalog(settings.bars_dir).remove("small")
    assert "no dataset 'small'" in again()[1].difference


def test_a_run_that_is_not_there_is_refused(settings, evaluator):
    with open_reader(settings) as queries, pytest.raises(UnknownRun, match="no run"):
        repeat_run("ghost", queries, Catalog(settings.bars_dir), evaluator)


def test_a_store_can_be_repeated_from_where_it_was_copied_to(again, settings, tmp_path: Path):
    moved = again(settings.store_dir.rename(tmp_path / "moved"))
    assert all(r.is_equal for r in moved.values())
