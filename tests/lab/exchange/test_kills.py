"""The worker is killed at random points: nothing is half, and the job is taken up (BK-5)."""

import os
import random
import sys
import time

import pytest

from bulk.exchange.names import LockName, read_name
from tests.lab.exchange import acts, killing
from tests.lab.exchange.clusters import Cluster, Exchange
from tests.lab.exchange.directory import kept, leftovers, whole
from tests.lab.exchange.forging import forged, many, signers_of
from tests.lab.exchange.installing import deploy_all
from tests.lab.violations import violations
from tests.thorough import rounds

pytestmark = pytest.mark.spec("BK-5")

KILLS = rounds(10, 200)  # of each kind of run
LAST = 4  # effects
NEW = 30  # certificates that an import brings


def points(effects: int) -> list[int]:
    """Where to kill: at once, at random, and where all is done but the job has not ended yet."""
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(10**9)))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    anywhere = random.Random(seed).sample(range(1, effects), min(KILLS, effects - 1))
    return [1, *anywhere, *range(max(1, effects - LAST), effects)]


@pytest.mark.parametrize("kind", ["export", "consolidate", "look"])
def test_a_killed_run_leaves_whole_files_and_is_taken_up(
    kind: str, vienna: Cluster, pair: Exchange
) -> None:
    words = ["all"] if kind == "export" else []
    vienna.do(kind, *words)  # what was seen once is not read again
    effects = vienna.ask(killing.effects_of, vienna.ask(acts.ask, kind, *words))
    content = vienna.ask(acts.content)
    killed = 0
    for point in points(effects):
        before, job = pair.files, vienna.ask(acts.ask, kind, *words)

        killed += vienna.ask(killing.killed_after, job, point)

        whole(pair.files)
        kept(before, pair.files)
        ended = vienna.ask(killing.take_up, job)
        assert ended["state"] == "done", (point, ended)
        assert leftovers(pair.files) == [] or kind == "look"
        assert kind == "look" or vienna.ask(acts.content) == content
    assert killed > KILLS / 2
    assert vienna.ask(violations, True) == []


def test_a_killed_import_is_done_as_a_whole_or_not_at_all(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    """It removes what Oslo has no longer, and adds what it has now."""
    name, content = forged(oslo.identity["id"], signers_of(oslo), many(NEW))
    pair.put(name, content)
    vienna.do("consolidate")
    before = vienna.held()
    plan = vienna.look()
    assert {item["verdict"] for item in plan["items"]} == {"new", "gone", "present"}
    pair.keep("planned")
    effects = vienna.ask(killing.effects_of, vienna.ask(acts.ask_import, True))
    after = vienna.held()
    assert len(after) == NEW
    killed = set()
    for point in points(effects):
        pair.put_back("planned")
        job = vienna.ask(acts.ask_import, True)

        vienna.ask(killing.killed_after, job, point)

        held, is_imported = vienna.held(), vienna.ask(acts.plan)["imported"]
        assert held == (after if is_imported else before), point
        killed.add(is_imported)
        ended = vienna.ask(killing.take_up, job)
        assert ended["state"] == "done", (point, ended)
        assert vienna.held() == after
        vienna.ask(deploy_all)
        assert vienna.ask(violations, True) == []
    assert False in killed


def test_the_lock_of_a_dead_consolidation_ends_by_the_servers_clock(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    effects = vienna.ask(killing.effects_of, vienna.ask(acts.ask, "consolidate"))
    for point in range(effects // 2, effects, 3):
        job = vienna.ask(acts.ask, "consolidate")
        vienna.ask(killing.killed_after, job, point)
        ended = oslo.run("consolidate")
        if ended["state"] == "failed":
            break
    assert "ccx1.vienna.example works on the exports; its lock ends at" in ended["said"][-1]
    lock = max(name for name in pair.files if isinstance(read_name(name), LockName))
    long_ago = time.time() - 600
    os.utime(pair.directory / lock, (long_ago, long_ago))

    assert "Consolidated 4 exports of 2 clusters" in oslo.do("consolidate")
    assert vienna.ask(killing.take_up, job)["state"] == "done"
