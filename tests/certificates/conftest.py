"""A CA, and a request that waits for its answer."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Certificate, Node, Purpose, SigningRequest
from certificates.operations.examination import WARNINGS, Examination
from certificates.operations.request import request_certificate
from certificates.operations.upload import Installed, examine, install_upload
from certificates.x509.policy import KeyChoice
from tests.certificates import authorities
from tests.certificates.authority import Authority


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "Other")


Ask = Callable[..., SigningRequest]


@pytest.fixture
def ask(node: Node, actor: Actor) -> Ask:
    """Make a request for tomcat of the local node, quickly."""

    def call(
        purpose: Purpose = Purpose.TOMCAT, at: Node = node, **choices: object
    ) -> SigningRequest:
        made: dict[str, object] = {"key": KeyChoice.RSA_2048, "actor": actor, "now": timezone.now()}
        return request_certificate(at, purpose, **(made | choices)).request  # type: ignore[arg-type]

    return call


@pytest.fixture
def request_(ask: Ask) -> SigningRequest:
    return ask()


Put = Callable[..., Installed]


@pytest.fixture
def put(node: Node, actor: Actor) -> Put:
    """Examine a file and install it, as an operator does who confirms what there is."""

    def call(data: bytes, purpose: Purpose | str = Purpose.TOMCAT, at: Node = node) -> Installed:
        now = timezone.now()
        shown = examine(at, purpose, data, now=now).shown
        return install_upload(
            at, purpose, data, shown=shown, confirmed=[WARNINGS], actor=actor, now=now
        )

    return call


def outcomes(examined: Examination) -> dict[str, str]:
    """The worst outcome of each check, by its id."""
    order = ["pass", "warn", "fail"]
    worst: dict[str, str] = {}
    for check in examined.checks:
        before = worst.get(check.code, "pass")
        worst[check.code] = max(before, check.outcome.value, key=order.index)
    return worst


def active(node: Node, purpose: Purpose = Purpose.TOMCAT) -> Certificate:
    return node.certificates.active().for_purpose(purpose).get()


@pytest.fixture(scope="module")
def top() -> authorities.Authority:
    """A root whose subordinate has signed a server's certificate, for the tests of paths."""
    return authorities.root("Lab Root")


@pytest.fixture(scope="module")
def sub(top: authorities.Authority) -> authorities.Authority:
    return top.issue_ca("Lab Sub")


@pytest.fixture(scope="module")
def leaf(sub: authorities.Authority) -> bytes:
    return sub.issue_leaf("ccx1.example.com", authorities.host_names("ccx1.example.com"))
