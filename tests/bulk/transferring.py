"""A real OpenSSH server with an exchange directory, and the way into it."""

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bulk.exchange.names import export_name, part_name
from bulk.transfer import Folder, opened
from certificates.reach.ssh import Target
from tests.ssh_server import SshServer, ssh_server

OURS = "0b54a1c6-8f2e-4d63-9a51-6d0c1c1f7a01"
THEIRS = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
NAME = export_name("tomcat", OURS, 1)
PART = part_name(OURS, "0123456789abcdef")


def never() -> bool:
    return False


def host_key_of(server: SshServer) -> str:
    """As it is pinned: type and key."""
    return " ".join((server.base / "host_key.pub").read_text().split()[:2])


@dataclass
class Exchange:
    """`directory`: on the server, owned by who signs in."""

    server: SshServer
    directory: Path

    @property
    def target(self) -> Target:
        server = self.server
        return Target(
            "127.0.0.1", server.port, server.user, host_key_of(server), private_key=server.key
        )

    def opened(
        self,
        port: int = 0,
        *,
        directory: str = "",
        stop: Callable[[], bool] = never,
        patience: float = 20.0,
        limit: float = 120.0,
    ) -> AbstractContextManager[Folder]:
        """The folder; `port`: of a line to the server."""
        target = dataclasses.replace(self.target, port=port) if port else self.target
        path = directory or str(self.directory)
        return opened(target, path, stop=stop, patience=patience, limit=limit)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())

    def give(self, path: Path) -> Path:
        """To the user of the server."""
        if os.geteuid() == 0:
            shutil.chown(path, self.server.user)
        return path

    def empty(self) -> None:
        for path in self.directory.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def exchange(*, extra: str = "") -> Iterator[Exchange]:
    with ssh_server(extra=extra) as server:
        place = Exchange(server, server.home / "exchange")
        place.directory.mkdir()
        place.give(place.directory)
        yield place


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Until it is true; the seconds are for a machine that is busy."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
