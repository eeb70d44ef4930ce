"""A foreign peer: Libreswan on a host of the laboratory, in the place of its charon."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.ipsec.faults import FITTING, ONE_PORT, OTHER
from tests.lab.ipsec.hosts import Host
from tests.lab.ipsec.product import Laboratory
from tests.lab.ipsec.scenes import (
    KEY,
    LOG,
    NAME,
    between,
    clear,
    kernel_algorithms,
    settled,
    watch,
)
from tests.product import ROOT

UNPACKED = ROOT / ".tools" / "libreswan" / "tree"  # by .ci/fetch-libreswan
PROGRAMS = UNPACKED / "usr/libexec/ipsec"
LIBRARIES = UNPACKED / "usr/lib/x86_64-linux-gnu"
# pluto looks for its helpers where its package would have put them: in a file system of its own
# over that folder, as the one below it can't be written.
AT_HOME = (
    "mount -t tmpfs tmpfs /usr/libexec && mkdir /usr/libexec/ipsec &&"
    ' mount --bind "$0" /usr/libexec/ipsec && exec "$@"'
)
# What an operator has in /etc/ipsec.conf. The script that would set routes is not installed here.
MAIN = """\
config setup
    protostack=xfrm
    ikev1-policy=accept

conn %default
    leftupdown=%disabled

"""


@contextmanager
def libreswan(host: Host, exported: str, secret: str) -> Iterator[Path]:
    """Run pluto with a configuration that was exported for it; yields its log.

    Args:
        secret: a line of ipsec.secrets.
    """
    host.end_charon()
    folder = Path(tempfile.mkdtemp(prefix="pluto-", dir=host.folder))
    (folder / "nss").mkdir()
    (folder / "ipsec.conf").write_text(MAIN + exported)
    (folder / "ipsec.secrets").write_text(secret)
    (folder / "ipsec.secrets").chmod(0o600)
    database = ["-N", "-d", f"sql:{folder / 'nss'}", "--empty-password"]
    host.run(*_command("usr/bin/certutil", *database))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            host.command(*_command("usr/libexec/ipsec/pluto", *_pluto_words(folder))),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 30
        while b": added IKEv" not in log.read_bytes():  # it loads its configuration by itself
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, log.read_text()[-LOG:]
            time.sleep(0.05)
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        for what in ("policy", "state"):  # its exceptions for IPv6's neighbours stay behind
            host.run("ip", "xfrm", what, "flush")


def _command(program: str, *words: str) -> list[str]:
    """A program of the unpacked packages, with their libraries."""
    at_home = ["sh", "-c", AT_HOME, str(PROGRAMS), "env", f"LD_LIBRARY_PATH={LIBRARIES}"]
    return [*at_home, str(UNPACKED / program), *words]


def _pluto_words(folder: Path) -> list[str]:
    files = {
        "--config": "ipsec.conf",
        "--secretsfile": "ipsec.secrets",
        "--nssdir": "nss",
        "--ipsecdir": "",
        "--rundir": "",
    }
    named = [word for option, file in files.items() for word in (option, str(folder / file))]
    return ["--nofork", "--stderrlog", "--no-dnssec", "--use-xfrm", *named]


def meet_libreswan(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """The second host runs Libreswan, with what the first exports for it."""
    clear(lab)
    first, second = lab.first, lab.second.host
    first.product.do("add", between(first.host, second, ONE_PORT | fields), KEY, False)
    exported = first.product.do("export", "libreswan")
    secret = f'{second.ipv4} {first.host.ipv4} : PSK "{KEY}"\n'
    with libreswan(second, exported, secret) as log:
        first.product.do("enable", NAME)
        standing = settled(first)
        seen = {
            "standings": [standing],
            "ike": first.host.associations(),
            "kernel": kernel_algorithms(first.host),
            "wire": watch(lab, FITTING, OTHER),
            "log": log.read_text(errors="replace")[-LOG:],
        }
    clear(lab)
    return seen
