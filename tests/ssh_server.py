"""A real OpenSSH server on loopback: a user of its own, password and key, ended by process id."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts import needs
from tests.product import free_port

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {base}/host_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
AuthorizedKeysFile {base}/client_key.pub
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
{extra}
"""
PREFIX = "ccxsec"


@dataclass
class SshServer:
    """Where it listens, and as whom one signs in. `home`: a folder of that user."""

    base: Path
    user: str
    password: str = field(repr=False)
    home: Path = field(default_factory=Path)
    extra: str = ""
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def key(self) -> str:
        """The client's private key, as ssh-keygen writes it."""
        return (self.base / "client_key").read_text()

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        command = ["ssh-keygen", "-l", "-E", "sha256", "-f", str(self.base / "host_key.pub")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]

    @property
    def log(self) -> str:
        return (self.base / "log").read_text()

    def make_key(self, name: str, kind: str = "ed25519") -> None:
        (self.base / name).unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(self.base / name)]
        subprocess.run(command, check=True)

    def start(self) -> None:
        config = CONFIG.format(port=self.port, base=self.base, extra=self.extra)
        (self.base / "sshd_config").write_text(config)
        with (self.base / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [needs("sshd", "openssh-server"), "-D", "-e", "-f", self.base / "sshd_config"],
                stderr=log,
            )
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1) as probe,
            ):
                if probe.recv(4) == b"SSH-":
                    return
            time.sleep(0.01)
        raise AssertionError(self.log)

    def stop(self) -> None:
        """With its open sessions, which would outlive it."""
        if self.process is None:
            return
        for pid in [*self._sessions(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    def _sessions(self) -> list[int]:
        assert self.process
        found: list[int] = []
        todo = [self.process.pid]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                children = [int(child) for child in text.split()]
                found += children
                todo += children
        return found


@contextmanager
def ssh_server(*, extra: str = "", user: str = "") -> Iterator[SshServer]:
    """A server that runs inside the block, with a folder of its own that others may pass.

    Pytest closes its folders to other users whenever a session begins.

    Args:
        user: who signs in; "": one that is made for it (root only), else whoever runs the tests.
    """
    needs("sshd", "openssh-server")
    needs("ssh-keygen", "openssh-client")
    is_root = os.geteuid() == 0
    made = "" if user or not is_root else f"{PREFIX}{secrets.token_hex(4)}"
    name = user or made or pwd.getpwuid(os.geteuid()).pw_name
    base = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-ssh-"))
    base.chmod(0o711)
    server = SshServer(base, name, secrets.token_urlsafe(12), base / "home", extra)
    server.home.mkdir()
    server.make_key("host_key")
    server.make_key("client_key")
    if is_root:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    if made:
        home = str(server.home)
        subprocess.run(["useradd", "-r", "-M", "-d", home, "-s", "/bin/sh", made], check=True)
        pair = f"{made}:{server.password}"
        subprocess.run(["chpasswd"], input=pair, text=True, check=True)
        shutil.chown(server.home, made)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if made:
            subprocess.run(["userdel", "-f", made], check=True, capture_output=True)
        shutil.rmtree(base, ignore_errors=True)
