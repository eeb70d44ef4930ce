"""A connection to SQLite is used again only while a new one would be one to the same file."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, connections

from ccxsec_project.sqlite.base import DatabaseWrapper
from tests.databases import on_postgresql

pytestmark = [
    pytest.mark.skipif(on_postgresql(), reason="SQLite's own"),
    pytest.mark.django_db,
]


def made(path: Path, word: str) -> Path:
    """A database with this word in it."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE words (word TEXT)")
        database.execute("INSERT INTO words VALUES (?)", [word])
    database.close()
    return path


@pytest.fixture
def product(tmp_path: Path) -> Iterator[DatabaseWrapper]:
    name = str(made(tmp_path / "words.sqlite3", "first"))
    wrapper = DatabaseWrapper(connections["default"].settings_dict | {"NAME": name})
    yield wrapper
    wrapper.close()


def word(product: DatabaseWrapper) -> str:
    """As the next request reads it."""
    product.close_if_unusable_or_obsolete()
    with product.cursor() as cursor:
        cursor.execute("SELECT word FROM words")
        return str(cursor.fetchone()[0])


def test_it_is_used_again(product: DatabaseWrapper) -> None:
    assert word(product) == "first"
    opened = product.connection

    assert word(product) == "first"
    assert product.connection is opened


def test_another_file_at_its_place_is_read(product: DatabaseWrapper, tmp_path: Path) -> None:
    assert word(product) == "first"

    made(tmp_path / "other", "second").replace(product.settings_dict["NAME"])

    assert word(product) == "second"


def test_a_file_that_is_gone_is_not_read_on(product: DatabaseWrapper, tmp_path: Path) -> None:
    path = Path(product.settings_dict["NAME"])
    assert word(product) == "first"

    shutil.move(path, tmp_path / "away")
    with pytest.raises(OperationalError, match="no such table"):
        word(product)

    path.unlink()
    shutil.move(tmp_path / "away", path)
    assert word(product) == "first"


def test_rights_that_changed_are_asked_anew(product: DatabaseWrapper) -> None:
    assert word(product) == "first"
    opened = product.connection

    path = Path(product.settings_dict["NAME"])
    path.chmod(path.stat().st_mode ^ 0o040)

    assert word(product) == "first"
    assert product.connection is not opened


def test_after_an_error_a_new_one_is_made(product: DatabaseWrapper) -> None:
    assert word(product) == "first"
    opened = product.connection
    with product.cursor() as cursor, pytest.raises(DatabaseError):
        cursor.execute("SELECT nothing FROM nowhere")

    assert word(product) == "first"
    assert product.connection is not opened
