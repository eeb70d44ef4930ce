"""Several administrators change IPsec policies at once: one wins, and the others are told."""

from collections.abc import Callable

import pytest

from tests.lab import policy_races as scenes
from tests.lab.racing import WON, Act, race
from tests.lab.worker import Worker

pytestmark = pytest.mark.spec("IP-2")
ROUNDS = 3
CLOSE = 0.004  # seconds by which the second one comes later, more each round
Scene = Callable[[], list[Act]]
Race = Callable[[Scene, float], list[str]]


@pytest.fixture
def run(worker: Worker, database: str) -> Race:
    """The outcomes, in the order of the acts; what must hold holds afterwards."""
    kind = "threads" if database == "sqlite" else "processes"

    def call(scene: Scene, delay: float) -> list[str]:
        acts = worker.ask(scene)
        ended = worker.ask(race, kind, acts, [delay * number for number in range(len(acts))])
        assert worker.ask(scenes.policy_violations) == [], ended
        return [outcome for outcome, _ in ended]

    return call


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (scenes.same_revision, "policy.changed"),
        (scenes.same_name, "policy.taken"),
        (scenes.same_traffic, "policy.duplicate"),
        (scenes.two_hashes_in_one_pair, "policy.pair"),
        (scenes.two_keys_in_one_pair, "policy.pair"),
        (scenes.change_and_have_the_pair_follow, "policy.changed"),
    ],
)
def test_one_wins(scene: Scene, told: str, run: Race) -> None:
    for number in range(ROUNDS):
        outcomes = run(scene, CLOSE * number)

        losers = [outcome for outcome in outcomes if outcome != WON]
        if scene is scenes.change_and_have_the_pair_follow and not losers:
            continue  # the change came first, and the pair followed with what it holds
        assert losers == [told] * (len(outcomes) - 1), outcomes


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (scenes.change_and_delete, "policy.gone"),
        (scenes.enable_and_upgrade, "upgrade.in-progress"),
    ],
)
def test_who_comes_too_late_is_told(scene: Scene, told: str, run: Race) -> None:
    for number in range(ROUNDS):
        outcomes = run(scene, CLOSE * number)

        assert outcomes[1] == WON
        assert outcomes[0] in {WON, told}


@pytest.mark.spec("IP-7")
def test_a_trial_ends_in_one_way(worker: Worker, run: Race) -> None:
    for number in range(ROUNDS):
        before = len(worker.ask(scenes.told_of_trials))
        outcomes = run(scenes.confirm_and_way_back, CLOSE * number)

        ended = worker.ask(scenes.told_of_trials)[before:]
        assert ended in (["policy:confirm"], ["policy:way-back"])
        assert sorted(outcomes) in ([WON, "policy.no-trial"], ["nothing", WON], [
            "policy.no-trial", WON])  # fmt: skip
