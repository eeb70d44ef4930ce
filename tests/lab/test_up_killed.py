"""`./ccxsec up` brings back whatever dies below it (MN-4)."""

import time

import psutil

from tests.product import Product, left_behind

ENQUEUE = """
from django.db import transaction
from certificates import jobs
from certificates.models import Node
node = Node.objects.local().pk
with transaction.atomic():
    row = jobs.enqueue("deploy", "x", started_by="t", node=node, service="tomcat")
print("state", jobs.wait(row.pk, seconds=100).state)
"""


# Three leaders, and below them: one of the web server's workers; the cluster's guard, and what it
# guards (one of its workers, monitor and pusher). The last one listens to the IKE daemon.
PLACES = ["0", "0.0", "1", "1.0", "1.0.0", "1.0.2", "1.0.3", "2"]
LEADERS = ("gunicorn", "qcluster", "ipsec_listen")


def process_at(product: Product, place: str) -> psutil.Process:
    """The process at a place of the tree below the supervisor."""
    assert product.process
    found = psutil.Process(product.process.pid)
    deadline = time.monotonic() + 30
    for number in map(int, place.split(".")):
        while True:
            children = sorted(found.children(), key=_by_leader_and_age)
            if len(children) > number:
                found = children[number]
                break
            assert time.monotonic() < deadline, f"nothing at {place}"
            time.sleep(0.1)
    return found


def _by_leader_and_age(child: psutil.Process) -> tuple[int, float]:
    words = child.cmdline()
    return next((i for i, name in enumerate(LEADERS) if name in words), 0), child.create_time()


def test_every_process_may_be_killed_and_a_queued_job_still_runs(product: Product) -> None:
    product.settings["CCXSEC_HEARTBEAT_LIMIT"] = "6"
    product.start()
    for place in PLACES:
        process_at(product, place).kill()
        done = product.run("shell", "-v", "0", "-c", ENQUEUE)
        assert "state done" in done.stdout, f"after {place}: {done.stdout}{done.stderr}"
        assert product.served_fingerprint()

    assert product.stop() == 0
    assert left_behind(product) == []
