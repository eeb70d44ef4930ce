"""Several installations that exchange through one directory of a real OpenSSH server."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.lab.exchange import acts, installing
from tests.lab.worker import Worker
from tests.ssh_server import SshServer


class Cluster:
    """One installation: its data folder, and a process that does what an operator asks."""

    def __init__(self, name: str, data: Path) -> None:
        self.name, self.data = name, data
        self.worker = Worker(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.kill()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self.worker.ask(function, *arguments)

    def run(self, kind: str, *words: str) -> acts.Ended:
        """A run to its end, whatever that is."""
        return dict(self.ask(acts.run, kind, *words))

    def do(self, kind: str, *words: str) -> str:
        """A run that succeeds; its last sentence."""
        ended = self.run(kind, *words)
        assert ended["state"] == "done", ended
        return str(ended["said"][-1])

    def look(self) -> dict[str, Any]:
        """What an import would change."""
        self.do("look")
        return dict(self.ask(acts.plan))

    def import_(self, *, remove: bool = False) -> str:
        """Do what was looked at, and put it in force."""
        ended = self.ask(acts.import_, remove)
        assert ended["state"] == "done", ended
        return str(ended["said"][-1])

    def store(self, service: str, node: str = "") -> Path:
        """The folder of the version in force; "": on this server."""
        folder = Path(self.ask(acts.stores, service)[node]) if node else self._local(service)
        return folder / "current"

    def _local(self, service: str) -> Path:
        return self.data / "store" / service

    @property
    def identity(self) -> dict[str, Any]:
        return dict(self.ask(acts.identity))

    def held(self, purpose: str = "tomcat-trust") -> set[str]:
        """Fingerprints in the trust stores of all nodes."""
        return {row["fingerprint"] for row in self.ask(acts.trusted, purpose)}

    def confirm(self, other: "Cluster", service: str = "ipsec") -> str:
        """Believe another one, whose fingerprint was read from its own page."""
        shown = other.identity
        return str(self.ask(acts.confirm, shown["id"], shown["keys"][service]))

    def start_again(self) -> None:
        self.worker.kill()
        self.worker = Worker(self.data)


class Exchange:
    """The server's directory, and those who exchange through it. Everything can be put back."""

    def __init__(self, server: SshServer, folder: Path, migrated: Path) -> None:
        self.server, self.folder, self.migrated = server, folder, migrated
        self.directory = server.home / folder.name
        self.directory.mkdir()
        shutil.chown(self.directory, server.user)
        self.clusters: dict[str, Cluster] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        shutil.rmtree(self.directory)

    def add(self, host_names: dict[str, str]) -> list[Cluster]:
        """New installations, of which nobody has heard yet; all are set up at once."""
        for name, host_name in host_names.items():
            data = self.folder / name
            shutil.copytree(self.migrated, data, symlinks=True)
            cluster = self._stack.enter_context(Cluster(name, data))
            self.clusters[name] = cluster
            cluster.worker.tell(installing.install, host_name)
        added = [self.clusters[name] for name in host_names]
        for cluster in added:
            cluster.worker.hear()
        return added

    def connect(self, cluster: Cluster, *, port: int = 0, password: bool = False) -> None:
        """Save the window: once to see the host key, once more to confirm it."""
        where = [port or self.server.port, self.server.user]
        secret = (
            {"password": self.server.password} if password else {"private_key": self.server.key}
        )
        what = [*where, secret, str(self.directory)]
        assert cluster.ask(acts.save, *what, "") == "confirm.host-key"
        assert cluster.ask(acts.save, *what, self.server.fingerprint) == ""

    @property
    def files(self) -> dict[str, bytes]:
        """What is in the directory, by name."""
        return {path.name: path.read_bytes() for path in sorted(self.directory.iterdir())}

    def put(self, name: str, content: bytes) -> None:
        """A file, as anybody may write who has the server's password."""
        (self.directory / name).write_bytes(content)
        shutil.chown(self.directory / name, self.server.user)

    def empty(self) -> None:
        for path in self.directory.iterdir():
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def keep(self, name: str) -> None:
        """Remember how everything is."""
        kept = self.folder / f"kept {name}"
        for cluster in self.clusters.values():
            shutil.copytree(cluster.data, kept / cluster.name, symlinks=True)
        shutil.copytree(self.directory, kept / "directory")

    def put_back(self, name: str) -> None:
        """Everything as it was: a worker has no file open between two answers."""
        kept = self.folder / f"kept {name}"
        for cluster in self.clusters.values():
            shutil.rmtree(cluster.data)
            shutil.copytree(kept / cluster.name, cluster.data, symlinks=True)
        self.empty()
        for path in sorted((kept / "directory").iterdir()):
            self.put(path.name, path.read_bytes())


@contextmanager
def exchange(server: SshServer, folder: Path, migrated: Path) -> Iterator[Exchange]:
    """Whoever takes part is added inside the block, and is gone after it."""
    with Exchange(server, folder, migrated) as one:
        yield one


def trust_each_other(*clusters: Cluster) -> None:
    """From empty to mutual trust: export, consolidate, confirm, look, import."""
    publish(*clusters)
    for cluster in clusters:
        cluster.do("survey")
        for other in clusters:
            if other is not cluster:
                assert cluster.confirm(other) == ""
        cluster.look()
        cluster.import_()


def publish(*clusters: Cluster) -> None:
    """Everybody exports, and the first one consolidates."""
    for cluster in clusters:
        cluster.do("export", "all")
    clusters[0].do("consolidate")
