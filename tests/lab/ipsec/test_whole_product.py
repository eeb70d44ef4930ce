"""The whole product on a host, as `./ccxsec up` runs it: nobody clicks (IP-7)."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.lab.ipsec.definitions import MODERN
from tests.lab.ipsec.faults import FITTING, ONE_PORT, OTHER
from tests.lab.ipsec.hosts import Host
from tests.lab.ipsec.product import Laboratory
from tests.lab.ipsec.scenes import KEY, NAME, await_that, between, clear, follow, watch
from tests.product import Product

pytestmark = pytest.mark.spec("IP-7")


@pytest.fixture(scope="module")
def running(lab: Laboratory) -> Iterator[Product]:
    """Web server, worker and listener on the first host, and a policy that both hosts have."""
    host, data = lab.first.host, lab.first.product.data
    settings = {"CCXSEC_IPSEC_SOCKET": str(host.vici)}
    product = Product(data, settings=settings, place=tuple(host.command()))
    clear(lab)
    product.start()
    # The listener tells of what it has met; a restart before that is none to it.
    await_that(lambda: "ipsec.listener" in product.log.read_text(), host)
    follow(lab, between(host, lab.second.host, ONE_PORT | MODERN), KEY)
    try:
        yield product
    finally:
        product.stop()


def child(host: Host) -> str:
    """The name of the policy in the daemon, which stands for its definition; "" for none."""
    names = [name for one in host.connections() for name in one["children"]]
    return names[0] if names else ""


@pytest.mark.usefixtures("running")
def test_what_is_saved_is_in_the_daemon_within_5_seconds(lab: Laboratory) -> None:
    host = lab.first.host
    former, begun = child(host), time.monotonic()
    assert former.startswith(f"{NAME}@")

    lab.first.product.do("save", NAME, {"esp": "AES-128-GCM"})

    await_that(lambda: child(host) not in {"", former}, host)
    assert time.monotonic() - begun < 5


def test_a_killed_daemon_is_given_its_policies_when_it_is_back(
    lab: Laboratory, running: Product
) -> None:
    host, loaded = lab.first.host, child(lab.first.host)
    host.end_charon(signal.SIGKILL)
    assert running.run("ipsec", "status").returncode == 1
    wire = watch(lab, FITTING | {"seconds": 0.5}, OTHER)
    assert wire["clear ports"] == [9]  # the kernel holds it still

    host.start_charon()
    begun = time.monotonic()

    await_that(lambda: child(host) == loaded, host)
    assert time.monotonic() - begun < 10
    await_that(lambda: "daemon" in lab.first.product.do("history", NAME), host)
    assert watch(lab, FITTING | {"seconds": 0.5}, OTHER)["clear ports"] == [9]
