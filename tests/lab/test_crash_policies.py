"""Killed between any two orders to the daemon, an apply has let nothing out, and the next heals."""

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ipsec.charon import Charon
from tests.ipsec.conftest import daemon
from tests.lab.policy_crash import apply_until_killed, begin, differences, in_the_clear
from tests.lab.worker import Worker

__all__ = ["daemon"]
pytestmark = pytest.mark.spec("IP-7")


@pytest.fixture
def at_charon(installed: Path, daemon: Charon, tmp_path: Path) -> Iterator[Worker]:
    """A worker on the daemon's server."""
    data = tmp_path / "data"
    shutil.copytree(installed, data, symlinks=True)
    with daemon.entered(), Worker(data, CCXSEC_IPSEC_SOCKET=str(daemon.socket)) as running:
        yield running


def test_an_apply_that_is_killed_lets_nothing_out_and_the_next_one_heals(at_charon: Worker) -> None:
    worker = at_charon
    worker.ask(begin)
    assert worker.ask(in_the_clear) == []
    assert worker.ask(differences) != []
    worker.tell(apply_until_killed, 0)
    messages = worker.hear_until("sent")["sent"]
    assert worker.hear()["signal"] == 0
    assert worker.ask(differences) == []
    sys.stdout.write(f"{messages} messages\n")
    assert messages > 20

    for point in range(1, messages + 1):
        worker.ask(begin)
        assert worker.ask(apply_until_killed, point) == {"signal": signal.SIGKILL}, point
        assert worker.ask(in_the_clear) == [], point
        worker.tell(apply_until_killed, 0)
        worker.hear_until("sent")
        worker.hear()
        assert worker.ask(differences) == [], point
