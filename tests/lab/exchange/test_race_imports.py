"""Imports and other changes of the same trust store at once, on both databases (BK-4)."""

from collections.abc import Callable

import pytest

from tests.lab.exchange import racing_imports as scenes
from tests.lab.racing import WON, Act, race
from tests.lab.violations import violations
from tests.lab.worker import Worker

pytestmark = pytest.mark.spec("BK-4")
ROUNDS = 3


@pytest.fixture(scope="module")
def prepared(worker: Worker) -> Worker:
    """An installation with a second node, and a cluster that it believes."""
    worker.ask(scenes.set_up)
    return worker


@pytest.fixture
def run(prepared: Worker, database: str) -> Callable[[list[Act]], list[str]]:
    kind = "threads" if database == "sqlite" else "processes"

    def at_once(acts: list[Act]) -> list[str]:
        ended = prepared.ask(race, kind, acts, [0.01 * number for number in range(len(acts))])
        assert prepared.ask(violations) == [], ended
        assert prepared.ask(scenes.half_imported) == [], ended
        return [outcome for outcome, _ in ended]

    return at_once


@pytest.mark.parametrize(
    ("scene", "allowed"),
    [
        pytest.param(scenes.same_plan, {WON}, id="same plan"),
        pytest.param(scenes.two_plans, {WON}, id="two plans"),
        pytest.param(scenes.import_and_delete, {WON, "certificate.unknown"}, id="delete"),
        pytest.param(scenes.import_and_upload, {WON}, id="upload"),
        pytest.param(scenes.import_and_forget, {WON, "run.failed"}, id="forget"),
        pytest.param(scenes.import_and_regenerate, {WON}, id="regenerate"),
    ],
)
def test_an_import_beside_another_change_is_whole(
    scene: Callable[[], list[Act]],
    allowed: set[str],
    prepared: Worker,
    run: Callable[[list[Act]], list[str]],
) -> None:
    for _ in range(ROUNDS):
        outcomes = run(prepared.ask(scene))

        assert WON in outcomes
        assert {*outcomes} <= allowed
