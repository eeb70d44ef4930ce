"""The lock of the whole cluster, on both databases: one holder, and free when that one dies."""

import time

from certificates.locks import cluster_lock
from tests.lab.conftest import Start
from tests.lab.worker import Worker, say


def hold(name: str) -> None:
    """Until killed."""
    with cluster_lock(name, patience=0) as held:
        say({"step": "held" if held else "taken"})
        time.sleep(60)


def take(name: str, patience: float) -> bool:
    with cluster_lock(name, patience=patience) as held:
        return held


def test_one_holds_it_and_its_death_frees_it(worker: Worker, start: Start) -> None:
    with start() as holder:
        holder.tell(hold, "store a")
        holder.hear_until("held")
        while_held = worker.ask(take, "store a", 0.2)
        another = worker.ask(take, "store b", 0)
    after_its_death = worker.ask(take, "store a", 10)

    assert (while_held, another, after_its_death) == (False, True, True)


def test_it_is_free_again_afterwards(worker: Worker) -> None:
    assert [worker.ask(take, "store a", 0) for _ in range(3)] == [True, True, True]
