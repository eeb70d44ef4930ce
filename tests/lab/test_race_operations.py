"""Several administrators at once: where they conflict one wins, and the others are told."""

from collections.abc import Callable

import pytest

from certificates.tasks import upkeep
from tests.lab import scenes
from tests.lab.racing import WON, Act, race
from tests.lab.violations import violations
from tests.lab.worker import Worker
from tests.thorough import rounds

MOST_SECONDS = 8.0  # that anybody waits; SQLite would give up after 20
ROUNDS = 2
# Within a few milliseconds two transactions would take their locks crosswise.
CLOSE_ROUNDS = rounds(5, 15)
DELAYS = (0.0, 0.03, 0.08)  # seconds by which the second one comes later
Scene = Callable[[], list[Act]]
Race = Callable[..., list[str]]


@pytest.fixture
def run(worker: Worker, database: str) -> Race:
    """Runs acts at once; what must hold holds afterwards, and nobody has waited for long."""
    kind = "threads" if database == "sqlite" else "processes"

    def call(*acts: Act, delays: tuple[float, ...] = ()) -> list[str]:
        ended = worker.ask(race, kind, acts, delays or [0.0] * len(acts))
        assert worker.ask(violations) == [], ended
        worker.ask(upkeep)
        assert worker.ask(violations, True) == [], ended
        assert max(seconds for _, seconds in ended) < MOST_SECONDS
        return [outcome for outcome, _ in ended]

    return call


@pytest.mark.spec("CM-6", "CM-16", "CM-23")
@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (scenes.twenty_requests, "state.changed"),
        (scenes.requests_for_both_nodes, "state.changed"),
        (scenes.same_answer, "state.changed"),
        (scenes.different_answers, "state.changed"),
        (scenes.roll_backs, "state.changed"),
        (scenes.deletions, "certificate.unknown"),
        (scenes.overlapping_deletions, "certificate.unknown"),
        (scenes.copies, "state.changed"),
        (scenes.cancellations, "request.closed"),
        (scenes.reopenings, "request.open"),
    ],
)
def test_one_of_several_wins(scene: Scene, told: str, worker: Worker, run: Race) -> None:
    for _ in range(ROUNDS):
        outcomes = run(*worker.ask(scene))

        assert sorted(outcomes) == sorted([told] * (len(outcomes) - 1) + [WON])


@pytest.mark.spec("CM-6", "CM-16", "CM-23")
@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (scenes.install_or_roll_back, {"state.changed"}),
        (scenes.install_or_cancel, {"state.changed", "request.closed"}),
        (scenes.install_or_supersede, {"state.changed"}),
        (scenes.install_or_regenerate, {"state.changed"}),
        (scenes.install_or_delete_its_issuer, {"state.changed"}),
        (scenes.install_or_delete_with_its_request, {"state.changed"}),
        (scenes.delete_or_supersede, {"state.changed"}),
        (scenes.reopen_or_request, {"state.changed", "confirm.pending"}),
        (scenes.roll_back_or_regenerate, {"state.changed"}),
    ],
)
def test_of_two_that_exclude_each_other_the_later_one_is_told(
    scene: Scene, told: set[str], worker: Worker, run: Race
) -> None:
    first, second = worker.ask(scene)
    in_turn = [*run(first), *run(second)]
    second, first = reversed(worker.ask(scene))
    in_other_turn = [*run(second), *run(first)]
    at_once = [run(*worker.ask(scene), delays=(0.0, delay)) for delay in DELAYS]

    assert in_turn[0] == in_other_turn[0] == WON
    for outcomes in (in_turn, in_other_turn, *at_once):
        assert outcomes.count(WON) == 1, outcomes
        assert {*outcomes} - {WON} <= told


@pytest.mark.parametrize(
    "scene",
    [
        scenes.imports_of_the_same,
        scenes.import_and_delete,
        scenes.changes_of_both_services,
    ],
)
def test_changes_that_do_not_conflict_are_all_done(scene: Scene, worker: Worker, run: Race) -> None:
    for _ in range(ROUNDS):
        outcomes = run(*worker.ask(scene))

        assert set(outcomes) == {WON}


@pytest.mark.spec("CM-7", "CM-10")
@pytest.mark.parametrize(
    "scene",
    [
        scenes.change_and_acknowledge,
        scenes.change_and_acknowledge_the_backup,
        scenes.change_and_rename_another_node,
    ],
)
def test_a_change_and_what_closes_its_notices_do_not_wait_for_each_other(
    scene: Scene, worker: Worker, database: str, run: Race
) -> None:
    for step in range(CLOSE_ROUNDS if database == "postgresql" else ROUNDS):
        outcomes = run(*worker.ask(scene), delays=(0.0, 0.002 * step))

        # A notice that the change has renewed was not the one that was acknowledged.
        assert WON in outcomes
        assert set(outcomes) <= {WON, "restart.closed"}
