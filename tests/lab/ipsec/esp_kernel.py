"""A kernel with ESP: the laboratory inside User-Mode Linux, where the machine's own has none.

Its root file system is the machine's own, read-only, so that every program and this checkout are
there; what is written is in its memory. It is driven over its serial line: the name of a function
and its arguments go in, its result comes out, in JSON, a line each.
"""

import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol

from tests.lab.ipsec import fewer_registers
from tests.lab.ipsec.product import Laboratory, laboratory
from tests.parts import needs
from tests.product import ROOT

MEMORY = "1024M"
LINE = 4000  # bytes that the serial line takes at once
PATIENCE = 60  # seconds until an answer must be there
# Everything is loaded at the start, and the kernel asks for nothing later: its look for a cipher
# would take seconds, and a peer that waits meanwhile would give up.
MODULES = (
    "af_packet", "xfrm_user", "esp4", "esp4_offload", "esp6", "veth", "authenc", "echainiv",
    "seqiv", "hmac", "sha512_generic", "cbc", "ecb", "des_generic", "blowfish_generic", "gcm",
    "ghash-generic", "ctr", "chacha20poly1305", "chacha_generic", "poly1305_generic",
    "jitterentropy_rng", "drbg",
)  # fmt: skip
# PID 1. The modules of this kernel are below a root of their own, as /lib is the machine's.
INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TMPDIR=/run
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run
mkdir -p /run/modules/lib /run/netns /run/lock
ln -s /usr/lib/uml/modules /run/modules/lib/modules
modprobe -d /run/modules -a {modules}
echo > /proc/sys/kernel/modprobe
{mount}ip link set lo up
stty -F /dev/ttyS0 raw -echo
cd {root}
{python} -B -m tests.lab.ipsec.esp_kernel {installed} < /dev/ttyS0 > /dev/ttyS0
echo o > /proc/sysrq-trigger; sleep 10
"""


class Scene(Protocol):
    """What is played in a laboratory: values of JSON in and out."""

    __module__: str
    __qualname__: str

    def __call__(self, lab: Laboratory, *arguments: Any) -> Any: ...


class EspKernel:
    """The tests' end of the serial line."""

    def __init__(self, process: "subprocess.Popen[bytes]", console: Path) -> None:
        self._process, self._console = process, console

    def play(self, scene: Scene, *arguments: Any) -> Any:
        """Play a scene there; its failure fails here, with its trace."""
        line = json.dumps([f"{scene.__module__}:{scene.__qualname__}", *arguments]).encode()
        assert len(line) < LINE, "the serial line would lose it"
        self._process.stdin.write(line + b"\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return self.hear()

    def hear(self) -> Any:
        """The next answer."""
        line, deadline = b"", time.monotonic() + PATIENCE
        output = self._process.stdout.fileno()  # type: ignore[union-attr]
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([output], [], [], deadline - time.monotonic())
            part = os.read(output, 65536) if readable else b""
            assert part, self._console.read_text(errors="replace")
            line += part
        answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer["result"]


@contextmanager
def esp_kernel(installed: Path) -> Iterator[EspKernel]:
    """Start it, with a laboratory of two products on copies of an installation.

    Args:
        installed: a data folder. It is copied: a file system in memory is not seen there.
    """
    linux = needs("linux.uml", "user-mode-linux")
    needs("modprobe", "kmod")
    folder = Path(tempfile.mkdtemp(prefix="ccxsec-uml-"))
    init, console = folder / "init", folder / "console"
    copied = shutil.copytree(installed, folder / "installed", symlinks=True)
    start, environment, mount = [linux], list[str](), ""
    if fewer_registers.are_many():
        start = [sys.executable, "-m", fewer_registers.__name__, linux]
        environment = [*fewer_registers.WITHOUT_AVX]
        mount = f"mount --bind {fewer_registers.wrap('ip', folder)} {needs('ip', 'iproute2')}\n"
    words = {"root": ROOT, "python": sys.executable, "installed": copied}
    quoted = {key: shlex.quote(str(word)) for key, word in words.items()}
    init.write_text(INIT.format(modules=" ".join(MODULES), mount=mount, **quoted))
    init.chmod(0o700)
    root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}"]
    lines = ["con=null", "con0=null,fd:2", "ssl=null", "ssl0=fd:0,fd:1", "quiet"]
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(folder)
    with console.open("wb") as output:
        process = subprocess.Popen(
            [*start, f"mem={MEMORY}", f"uml_dir={folder}/uml/", *root, *lines, *environment],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=os.environ | {"TMPDIR": in_memory},
            start_new_session=True,
        )
    kernel = EspKernel(process, console)
    try:
        kernel.hear()  # what is said before it listens would be lost
        yield kernel
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def serve(installed: Path) -> None:
    """Inside: play what is asked for, until the line is closed."""
    with laboratory(installed) as lab:
        _say({"result": "ready"})
        for line in sys.stdin:
            signal.alarm(PATIENCE)
            function, *arguments = json.loads(line)
            answer = _answer(lab, resolve_name(function), arguments)
            signal.alarm(0)
            _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _answer(lab: Laboratory, scene: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
    try:
        return {"result": scene(lab, *arguments)}
    except Exception:  # noqa: BLE001 - it is told, and fails at the other end
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
