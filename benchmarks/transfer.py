"""Files to and from an SFTP server, against OpenSSH's own `sftp` with the same bytes.

Both begin at the connection and go to the same sshd on loopback, in turns; the clock of `sftp`
holds the start of its process. `put -f` syncs like ours. A published file was read back and
compared before it got its name: it stands beside `put -f` and then `get` in one connection.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.report import Cell, Table
from benchmarks.timing import Times
from bulk.transfer import flow
from bulk.transfer.directory import Directory
from bulk.transfer.guardian import Guardian
from bulk.transfer.pipeline import Session
from certificates.reach import ssh
from tests.bulk.transferring import NAME, OURS, PART, Exchange, exchange, host_key_of, never

SIZES = {"a file of 100 MB": 100_000_000, "an archive of 8 MB": 8_000_000}
ROUNDS = 5
TARGET, MEMORY_TARGET = 1.5, 150  # times `sftp`; MiB
_PIECE = 2**20


@dataclass
class Bench:
    """`folder`: on this side."""

    place: Exchange
    folder: Path
    times: dict[str, Times] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def measure(self, what: str, work: Callable[[], object]) -> None:
        self.times.setdefault(what, Times()).measure(work)

    def sftp(self, *lines: str) -> None:
        """One connection of OpenSSH's own client."""
        server, base = self.place.server, self.place.server.base
        known = self.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{server.port} {host_key_of(server)}\n")
        options = ["-o", f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes"]
        to = ["-P", str(server.port), "-i", str(base / "client_key"), f"{server.user}@127.0.0.1"]
        command = ["sftp", "-q", "-F", os.devnull, "-b", "-", *options, *to]
        batch = "\n".join([f"cd {self.place.directory}", f"lcd {self.folder}", *lines, ""])
        subprocess.run(command, input=batch, text=True, check=True, capture_output=True)

    def write(self) -> None:
        """Written and synced, and no more."""
        guardian = Guardian(never, patience=60, limit=600)
        reached = ssh.connected(self.place.target, guard=guardian.watch)
        with guardian.on_duty(), reached as connection, self.source.open("rb") as source:
            session = Session(connection.subsystem("sftp"), guardian)
            directory = Directory(session, guardian, "", str(self.place.directory), OURS)
            with directory.new_file(PART) as handle:
                flow.put(session, handle, source.read, lambda _: None)
                directory.sync(handle)

    def publish(self) -> None:
        with self.place.opened(limit=600) as folder, self.source.open("rb") as source:
            folder.publish(NAME, source, part=PART)

    def read(self) -> None:
        with self.place.opened(limit=600) as folder, (self.folder / "read").open("wb") as target:
            folder.read(NAME, target, most=2**31)

    def clear(self) -> None:
        """What one leaves must not be written to the disk in the time of the next."""
        self.place.empty()
        os.sync()

    def round(self) -> None:
        """Everything once; what came back is what went."""
        self.measure("put", partial(self.sftp, "put -f source put"))
        self.measure("get", partial(self.sftp, "get put get"))
        self.clear()
        self.measure("both", partial(self.sftp, "put -f source put", "get put get"))
        self.clear()
        self.measure("write", self.write)
        self.clear()
        self.measure("publish", self.publish)
        self.measure("read", self.read)
        self.clear()
        subprocess.run(["cmp", self.source, self.folder / "read"], check=True)


def measure(_options: Namespace) -> list[Table]:
    """A table of times for each size, and the peak of this process's memory."""
    if not has_sftp():
        return [Table("Transfer was not measured: sftp or sshd is missing", ("work",), [])]
    rows: list[tuple[Cell, ...]] = []
    with exchange() as place:
        for what, size in SIZES.items():
            rows += _measured(place, what, size)
    columns = ("file", "work", "ms, median", "ms, least", "times sftp", "target")
    memory = Table(
        "Memory of the process that transferred, with Django",
        ("peak, MiB", "target"),
        [(peak_mib(), MEMORY_TARGET)],
    )
    return [Table(f"Transfer over SFTP, {ROUNDS} rounds in turns", columns, rows), memory]


def _measured(place: Exchange, what: str, size: int) -> list[tuple[Cell, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(place, Path(folder))
        _fill(bench.source, size)
        for number in range(ROUNDS):
            print(f"transfer: {what}, round {number + 1} of {ROUNDS} ...", file=sys.stderr)
            bench.round()
    compared = [
        ("sftp: put -f", "put", ""),
        ("write and sync", "write", "put"),
        ("sftp: put -f, then get", "both", ""),
        ("publish: write, sync, read back, name", "publish", "both"),
        ("sftp: get", "get", ""),
        ("read", "read", "get"),
    ]
    return [
        (
            what,
            shown,
            bench.times[name].median,
            bench.times[name].least,
            bench.times[name].median / bench.times[reference].median if reference else None,
            TARGET if reference else None,
        )
        for shown, name, reference in compared
    ]


def _fill(path: Path, size: int) -> None:
    """Bytes that no compression makes fewer."""
    chance = random.Random(size)
    with path.open("wb") as file:
        for begin in range(0, size, _PIECE):
            file.write(chance.randbytes(min(_PIECE, size - begin)))


def has_sftp() -> bool:
    """Whether OpenSSH's client and server are here."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    return all(shutil.which(program, path=path) for program in ("sftp", "sshd"))


def peak_mib() -> float:
    """As the kernel counts it, since the process began."""
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kib) / 1024
