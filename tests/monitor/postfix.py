"""Debian's postfix with a configuration, a queue and a mailbox of its own, on loopback."""

import os
import shutil
import signal
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.monitor.mail_server import make_certificate
from tests.parts import needs
from tests.product import free_port

DOMAIN = "box.example"
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
inet_interfaces = loopback-only
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
alias_maps =
mydestination =
myhostname = mail.{domain}
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ ops@{domain}=box/ second@{domain}=second/ }}
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
default_transport = error:no outside
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/server.pem
smtpd_recipient_restrictions = reject_unauth_destination
message_size_limit = 20000000
"""
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(folder: Path) -> Iterator[int]:
    """Yields its port; what arrives lies in `folder/mail`, and `folder/ca.pem` is its CA."""
    program = needs("postfix", "postfix")
    if os.geteuid() != 0:
        pytest.skip("postfix starts as root only")
    folder.chmod(0o755)
    port = free_port()
    for name in ("etc", "queue", "data", "mail"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", 65534, 65534)
    make_certificate(folder)
    (folder / "etc" / "main.cf").write_text(MAIN.format(folder=folder, domain=DOMAIN))
    (folder / "etc" / "master.cf").write_text(SERVICES.format(port=port))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, "-c", str(folder / "etc"), "start-fg"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for_greeting(port, folder)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _wait_for_greeting(port: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    log = folder / "log"
    raise AssertionError(log.read_text() if log.exists() else (folder / "output").read_text())
