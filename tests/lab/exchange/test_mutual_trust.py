"""Three clusters from empty to mutual trust, as their clients see it (BK-2, BK-3, BK-4)."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.exchange import acts, installing
from tests.lab.exchange.clusters import Cluster, Exchange, publish
from tests.lab.exchange.directory import whole
from tests.lab.exchange.tls import openssl_trusts, openssl_verifies, python_trusts
from tests.lab.tls_servers import serving
from tests.ssh_server import SshServer

pytestmark = pytest.mark.spec("BK-2", "BK-3", "BK-4")

HOSTS = {"vienna": "ccx1.vienna.example", "oslo": "ccx1.oslo.example", "rome": "ccx1.rome.example"}
SECOND = "ccx2.oslo.example"  # a second node of one of them, on another server
PAIRS = [(here, there) for here in HOSTS for there in HOSTS if here != there]
Client = Callable[[int, str, Path], bool]


@pytest.fixture(scope="module")
def three(lab: Exchange, sftp_server: SshServer) -> Exchange:
    """Vienna's tomcat is certified by a subordinate CA; Oslo has two nodes; Rome's is its own."""
    lab.add(HOSTS)
    lab.clusters["vienna"].ask(installing.have_tomcat_certified)
    reach = {"ssh_port": str(sftp_server.port), "ssh_user": sftp_server.user}
    reach |= {"private_key": sftp_server.key, "fingerprint": sftp_server.fingerprint}
    folder = str(sftp_server.home / "second")
    lab.clusters["oslo"].ask(installing.add_subscriber, SECOND, reach, folder)
    for cluster in lab.clusters.values():
        lab.connect(cluster, password=cluster.name == "rome")
    return lab


@pytest.fixture(scope="module")
def before(three: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trust stores as they were deployed before anything was imported."""
    kept = tmp_path_factory.mktemp("before")
    for name, cluster in three.clusters.items():
        for service in ("tomcat", "ipsec"):
            shutil.copy(cluster.store(service) / "trust.pem", kept / f"{name}.{service}.pem")
    return kept


@pytest.fixture(scope="module")
def trusting(three: Exchange, before: Path) -> Exchange:
    """Everything that operators do, on three pages, and what the pages say meanwhile."""
    clusters = [*three.clusters.values()]
    publish(*clusters)
    for cluster in clusters:
        cluster.do("survey")
        told = cluster.ask(acts.page)
        assert told["may_import"], told
        others = {other.identity["id"] for other in clusters if other is not cluster}
        assert set(told["unconfirmed"]) == others
        assert len(cluster.look()["refused"]) == 4  # two exports of each of two others
        for other in clusters:
            if other is not cluster:
                assert cluster.confirm(other) == ""
        found = cluster.look()
        assert not found["refused"]
        cluster.import_()
    return three


@pytest.fixture(scope="module")
def served(
    trusting: Exchange, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """By host name the port of a server that shows what that node's store holds."""
    with ExitStack() as stack:
        ports = {}
        for name, host_name in [*HOSTS.items(), ("oslo", SECOND)]:
            cluster = trusting.clusters[name]
            store = cluster.store("tomcat", SECOND if host_name == SECOND else "")
            chain, key = ((store / file).read_bytes() for file in ("fullchain.pem", "key.pem"))
            folder = tmp_path_factory.mktemp(name)
            ports[host_name] = stack.enter_context(serving(chain, key, folder))
        yield ports


@pytest.mark.parametrize("trusts", [python_trusts, openssl_trusts])
@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_client_that_trusts_one_cluster_reaches_the_other(
    here: str, there: str, trusts: Client, trusting: Exchange, before: Path, served: dict[str, int]
) -> None:
    trust = trusting.clusters[here].store("tomcat") / "trust.pem"
    for host_name in [HOSTS[there], *([SECOND] if there == "oslo" else [])]:
        port = served[host_name]

        assert not trusts(port, host_name, before / f"{here}.tomcat.pem")
        assert trusts(port, host_name, trust)


@pytest.mark.parametrize("trusts", [python_trusts, openssl_trusts])
@pytest.mark.parametrize("there", ["vienna", "rome"])
def test_the_subscriber_trusts_what_its_publisher_has_imported(
    there: str, trusts: Client, trusting: Exchange, served: dict[str, int]
) -> None:
    trust = trusting.clusters["oslo"].store("tomcat", SECOND) / "trust.pem"

    assert trusts(served[HOSTS[there]], HOSTS[there], trust)


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_the_peers_of_ipsec_trust_each_other(
    here: str, there: str, trusting: Exchange, before: Path
) -> None:
    chain = trusting.clusters[there].store("ipsec") / "fullchain.pem"
    trust = trusting.clusters[here].store("ipsec") / "trust.pem"

    assert not openssl_verifies(chain, before / f"{here}.ipsec.pem")
    assert openssl_verifies(chain, trust)


def test_each_certificate_tells_where_it_came_from(trusting: Exchange) -> None:
    held = trusting.clusters["rome"].ask(acts.trusted, "tomcat-trust")

    sources = {tuple(row["from"]) for row in held}
    assert sources == {(HOSTS["vienna"],), (HOSTS["oslo"],)}


def test_a_second_import_has_nothing_to_do(trusting: Exchange) -> None:
    oslo: Cluster = trusting.clusters["oslo"]

    found = oslo.look()

    assert {item["verdict"] for item in found["items"]} <= {"present", "covered"}
    assert "Nothing was to be changed" in oslo.import_()


def test_what_a_ca_has_signed_is_trusted_through_the_ca(trusting: Exchange) -> None:
    found = trusting.clusters["rome"].look()["items"]

    of_vienna = {item["verdict"]: item for item in found if item["cluster_name"] == HOSTS["vienna"]}
    assert of_vienna["covered"]["name"] == HOSTS["vienna"]
    names = {row["name"] for row in trusting.clusters["rome"].ask(acts.trusted, "tomcat-trust")}
    assert HOSTS["vienna"] not in names


def test_the_directory_holds_whole_exports_and_nothing_else(trusting: Exchange) -> None:
    assert len(whole(trusting.files)) == 7
