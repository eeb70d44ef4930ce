"""What the tests of the exchange share: a server, an empty database, and pairs of clusters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.exchange.clusters import Cluster, Exchange, exchange, trust_each_other
from tests.lab.exchange.installing import migrate
from tests.lab.worker import Worker
from tests.ssh_server import SshServer, ssh_server


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[SshServer]:
    with ssh_server() as running:
        yield running


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty database on SQLite; nobody writes to it any more."""
    data = tmp_path_factory.mktemp("migrated") / "data"
    with Worker(data) as worker:
        worker.ask(migrate)
    return data


@pytest.fixture(scope="module")
def lab(
    sftp_server: SshServer, migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exchange]:
    """Nobody takes part yet."""
    with exchange(sftp_server, tmp_path_factory.mktemp("exchange"), migrated) as one:
        yield one


@pytest.fixture(scope="session")
def pair(
    sftp_server: SshServer, migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exchange]:
    """Two clusters that trust each other, kept as "trusting"."""
    with exchange(sftp_server, tmp_path_factory.mktemp("pair"), migrated) as one:
        clusters = one.add({name: f"ccx1.{name}.example" for name in ("vienna", "oslo")})
        for cluster in clusters:
            one.connect(cluster)
        trust_each_other(*clusters)
        one.keep("trusting")
        yield one


@pytest.fixture
def vienna(pair: Exchange) -> Cluster:
    """One of the two; both are put back to mutual trust."""
    pair.put_back("trusting")
    return pair.clusters["vienna"]


@pytest.fixture
def oslo(vienna: Cluster, pair: Exchange) -> Cluster:
    return pair.clusters["oslo"]
