"""What else may lie in the directory stops nobody: it is told, and left alone (BK-5)."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bulk.exchange.limits import EXPORT_PACKED
from bulk.exchange.names import consolidated_name, export_name, lock_name
from tests.lab.exchange import acts
from tests.lab.exchange.clusters import Cluster, Exchange, publish

pytestmark = pytest.mark.spec("BK-5")
SOMEBODY = "5a0b7f0e-7a3c-4f58-9a57-0d8a6f6b1f10"
NAME = export_name("tomcat", SOMEBODY, 1)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(EXPORT_PACKED + 1)


def secret(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)


def no_archive(path: Path) -> None:
    path.write_bytes(b"not an archive")


@pytest.mark.parametrize("make", [huge, secret, no_archive])
def test_an_export_that_cant_be_read_is_told_and_stops_no_other(
    make: Callable[[Path], None], vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    make(pair.directory / NAME)

    publish(vienna, oslo)
    plan = oslo.look()

    told = [row for row in oslo.ask(acts.page)["rows"] if row[0] == NAME]
    assert [row[1] for row in told] == ["unreadable"]
    assert told[0][2]
    assert [item["verdict"] for item in plan["items"]] == ["present", "present"]
    assert (pair.directory / NAME).exists()


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_not_followed(
    kind: str, vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    path = pair.directory / NAME
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    else:
        os.mkfifo(path)

    publish(vienna, oslo)

    assert NAME not in {row[0] for row in oslo.ask(acts.page)["rows"]}
    assert path.is_symlink() or path.exists()


@pytest.mark.parametrize("make", [huge, secret, no_archive])
def test_a_consolidated_file_that_cant_be_read_is_told_and_made_anew(
    make: Callable[[Path], None], vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    make(pair.directory / consolidated_name(1000))

    vienna.do("survey")
    told = vienna.ask(acts.page)
    vienna.do("consolidate")
    after = vienna.ask(acts.page)

    assert not told["may_import"]
    assert "can't be used" in told["missing"][0]
    assert after["may_import"]
    assert vienna.look()["refused"] == []


@pytest.mark.parametrize("name", [lock_name(10**12 - 1), consolidated_name(10**12 - 1)])
def test_a_number_that_nothing_comes_after_is_told(
    name: str, vienna: Cluster, pair: Exchange
) -> None:
    pair.put(name, b'{"owner":"x","cluster_id":"x","lifetime":     0}')

    ended = vienna.run("consolidate")

    assert ended["state"] == "failed", ended
    assert "the highest that there is" in ended["said"][-1]
