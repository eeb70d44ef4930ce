"""Several at once: one wins, the others are told, and nothing is half done (CM-8)."""

import time
from typing import Any
from unittest.mock import patch

import pytest

from certificates import jobs
from certificates.models import PrivateKey
from certificates.models.private_key import PrivateKeyQuerySet
from certificates.operations import add_master_key, retire_master_key, rotation_state
from certificates.operations.rotate import start_rewrap
from certificates.refusal import Refused
from tests.lab.changes import ACTOR, active_fingerprint, fingerprints, regenerate
from tests.lab.conftest import Start
from tests.lab.killing import run_until_killed
from tests.lab.racing import WON, race
from tests.lab.violations import violations
from tests.lab.worker import Worker, say

ROUNDS = 8
ROTATIONS = 15  # with a regeneration between two of them at least


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize("kind", ["threads", "processes"])
@pytest.mark.parametrize("contenders", [2, 8])
def test_one_of_several_regenerations_at_once_wins(
    worker: Worker, kind: str, contenders: int
) -> None:
    before = len(worker.ask(fingerprints))
    for _ in range(ROUNDS):
        act = ("regenerate", [worker.ask(active_fingerprint)])
        ended = worker.ask(race, kind, [act] * contenders, [0.0] * contenders)

        outcomes = sorted(outcome for outcome, _ in ended)
        assert outcomes == ["state.changed"] * (contenders - 1) + [WON]
        assert worker.ask(violations, True) == []
    assert len(worker.ask(fingerprints)) == before + ROUNDS


def test_rotating_the_master_key_while_keys_are_sealed_loses_none(
    worker: Worker, start: Start
) -> None:
    with start() as sealing:
        sealing.tell(run_until_killed)
        ended = []
        for _ in range(ROTATIONS):
            sealing.hear_until("done")
            ended.append(worker.ask(rotate)["ended"])
    assert worker.ask(violations) == []
    rotation = worker.ask(rewrap)
    for number in rotation["retirable"]:
        assert worker.ask(retire, number) == "retired"

    assert {state for state, _ in ended} == {"done"}
    assert len(rotation["retirable"]) == ROTATIONS
    assert set(sealing.said) <= set(worker.ask(fingerprints))
    with start() as later:  # knows the remaining master key only
        assert later.ask(violations) == []


def test_a_master_key_that_is_needed_is_not_retired(worker: Worker) -> None:
    first = worker.ask(current_master_key)
    job = worker.ask(add)
    second = worker.ask(current_master_key)

    assert worker.ask(retire, first) == "master-key.needed"
    worker.ask(run_rewrap, job)
    assert worker.ask(retire, second) == "master-key.needed"
    assert worker.ask(retire, first) == "retired"
    assert worker.ask(violations) == []


def test_a_master_key_is_not_retired_under_a_key_that_is_being_sealed(
    worker: Worker, start: Start
) -> None:
    first = worker.ask(current_master_key)
    with start() as sealing:
        sealing.tell(regenerate_slowly)
        sealing.hear_until("sealed")
        worker.ask(rotate)
        worker.ask(retire, first)
        sealing.hear_until("generated")
    assert set(sealing.said) <= set(worker.ask(fingerprints))
    assert worker.ask(violations) == []


# --- Run in the worker ---------------------------------------------------------------------------
def add() -> int:
    return add_master_key(actor=ACTOR).pk


def current_master_key() -> int:
    return rotation_state().current


def rotate() -> dict[str, Any]:
    return run_rewrap(add())


def rewrap() -> dict[str, Any]:
    return run_rewrap(start_rewrap(actor=ACTOR).pk)


def retire(number: int) -> str:
    try:
        retire_master_key(number, actor=ACTOR)
    except Refused as refused:
        return refused.code
    return "retired"


def run_rewrap(job_id: int) -> dict[str, Any]:
    done = jobs.run(job_id)
    assert done
    return {"retirable": rotation_state().retirable, "ended": [done.state, done.messages[-1]]}


def regenerate_slowly() -> None:
    """Two seconds pass between the sealing and the commit."""
    at_once = PrivateKeyQuerySet.seal

    def seal(*arguments: Any) -> PrivateKey:
        sealed = at_once(*arguments)
        say({"step": "sealed"})
        time.sleep(2)
        return sealed

    with patch.object(PrivateKeyQuerySet, "seal", seal):
        regenerate()
