"""What answers at the daemon's socket may be anything: it is told, and nobody waits for ever."""

import threading
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from certificates.access import Actor
from ipsec import strongswan
from ipsec.listener import Listener
from ipsec.operations import apply, standings, state
from ipsec.standing import Word
from ipsec.strongswan import DaemonError
from tests.ipsec.conftest import Add
from tests.ipsec.hostile_daemon import REPLIES, listening

pytestmark = [pytest.mark.spec("IP-7"), pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("name", REPLIES)
def test_what_is_no_daemon_is_told_in_time(
    name: str,
    add: Add,
    actor: Actor,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (strongswan, state):
        monkeypatch.setattr(module, "PATIENCE", 0.3)
    policy = add("web", enabled=True)
    path = tmp_path / "odd.vici"
    settings.CCXSEC_IPSEC_SOCKET = str(path)
    begun = time.monotonic()
    with listening(path, REPLIES[name]):
        standing = standings([policy])[policy.pk]
        with pytest.raises(DaemonError):
            apply(actor=actor)
        with pytest.raises(DaemonError):
            Listener(threading.Event())._session()

    assert standing.word is Word.NOT_IN_FORCE
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("what", ["file", "folder", "too long"])
def test_a_socket_that_is_none_is_told(
    what: str, add: Add, settings: Settings, tmp_path: Path
) -> None:
    policy = add("web", enabled=True)
    path = tmp_path / ("x" * 200 if what == "too long" else what)
    if what == "file":
        path.write_text("x")
    elif what == "folder":
        path.mkdir()
    settings.CCXSEC_IPSEC_SOCKET = str(path)

    assert standings([policy])[policy.pk].word is Word.NOT_IN_FORCE
