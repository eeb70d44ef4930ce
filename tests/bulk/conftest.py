"""What the tests of the exchange share: a real SFTP server, and this installation saved to it."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from bulk.transfer import Folder
from certificates.access import Actor
from certificates.models import Node
from tests.bulk.exchanging import Exchanging, Foreign
from tests.bulk.transferring import Exchange
from tests.bulk.transferring import exchange as running


@pytest.fixture
def threads_read_along(transactional_db: None) -> Iterator[None]:
    """A run's threads share the tests' database in memory, where a reader stops a writer at once.

    A database in a file, as the product has it, lets both go on.
    """

    def read_along(connection: BaseDatabaseWrapper, **_: object) -> None:
        if connection.vendor == "sqlite":
            connection.cursor().execute("PRAGMA read_uncommitted = 1")

    connection_created.connect(read_along)
    read_along(connection)
    yield
    connection_created.disconnect(read_along)


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[Exchange]:
    """One server for all; what changes it (its host key, its rights) has one of its own."""
    with running() as place:
        yield place


@pytest.fixture
def unsaved(
    threads_read_along: None, node: Node, actor: Actor, sftp_server: Exchange
) -> Exchanging:
    """An empty directory, and an installation that does not know of it."""
    sftp_server.empty()
    return Exchanging(sftp_server, actor)


@pytest.fixture
def exchanging(unsaved: Exchanging) -> Exchanging:
    """The same, and the installation is saved against it."""
    unsaved.save()
    return unsaved


@pytest.fixture
def south() -> Foreign:
    """Another cluster, which has not exported yet."""
    return Foreign("South", "ccx1.south.example.com")


@pytest.fixture
def place(sftp_server: Exchange) -> Exchange:
    """The server with an empty directory."""
    sftp_server.empty()
    return sftp_server


@pytest.fixture
def folder(place: Exchange) -> Iterator[Folder]:
    """A connection to it."""
    with place.opened() as found:
        yield found
