"""The product on a host of the laboratory: its own database, its own IKE daemon."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.ipsec.hosts import Host, two_hosts
from tests.lab.worker import Worker


class Product(Worker):
    """In a `with` block; asked for functions as every `Worker` is."""

    def __init__(self, host: Host, installed: Path, **settings: str) -> None:
        self.host = host
        self.data = host.folder / "data"
        shutil.copytree(installed, self.data, symlinks=True)
        super().__init__(self.data, CCXSEC_IPSEC_SOCKET=str(host.vici), **settings)

    def command(self) -> list[str]:
        return self.host.command(*super().command())

    def do(self, verb: str, *arguments: Any) -> Any:
        """Have it do what `operating` names so, or another module: "module.verb".

        By name, as the product's models are loaded in its own process alone.
        """
        module, _, name = verb.rpartition(".")
        self.order(f"tests.lab.ipsec.{module or 'operating'}:{name}", *arguments)
        return self.hear()


@dataclass(frozen=True, slots=True)
class Peer:
    """A host, and the product that rules its daemon."""

    host: Host
    product: Product


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Two peers; policies are made at the first, and exported for the second."""

    first: Peer
    second: Peer

    @property
    def peers(self) -> tuple[Peer, Peer]:
        return self.first, self.second


@contextmanager
def laboratory(installed: Path, **settings: str) -> Iterator[Laboratory]:
    """Two hosts with a product each, on copies of one installation."""
    with two_hosts() as hosts, ExitStack() as running:
        products = [running.enter_context(Product(host, installed, **settings)) for host in hosts]
        yield Laboratory(*map(Peer, hosts, products))
