"""What the laboratory shares: one installation, of which each test gets a copy."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.changes import install
from tests.lab.postgres import copy_of, throw_away_postgres
from tests.lab.worker import Worker
from tests.product import Product

Start = Callable[[], Worker]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation on SQLite; nobody writes to it any more."""
    return _installed(tmp_path_factory.mktemp("installed") / "data")


def _installed(data: Path, **settings: str) -> Path:
    with Worker(data, **settings) as worker:
        worker.ask(install)
    return data


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on PostgreSQL; nobody writes to it."""
    with throw_away_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def installed_on_postgres(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The data folder of an installation on PostgreSQL, and the URL of its database."""
    url = copy_of(postgres)
    return _installed(tmp_path_factory.mktemp("postgres") / "data", DATABASE_URL=url), url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def start(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Start:
    """Starts a worker on an installation of the module's own, on each of the two databases."""
    data = tmp_path_factory.mktemp("own") / "data"
    if database == "sqlite":
        shutil.copytree(request.getfixturevalue("installed"), data, symlinks=True)
        return lambda: Worker(data)
    original, url = request.getfixturevalue("installed_on_postgres")
    shutil.copytree(original, data, symlinks=True)
    copy = copy_of(url)
    return lambda: Worker(data, DATABASE_URL=copy)


@pytest.fixture(scope="module")
def worker(start: Start) -> Iterator[Worker]:
    with start() as running:
        yield running


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path / "data")
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
