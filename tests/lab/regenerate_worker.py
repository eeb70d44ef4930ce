"""The product in a process of its own, to be killed and raced: that end, and the tests' end.

`serve` runs there and calls the functions that it is asked to, with JSON in and out, a line each.
Regenerating runs in children that are forked from it, so that Django starts only once; what they
say comes out of the same pipe. Started with `naive`, the children write without any care: a
harness that finds nothing wrong with them is worth nothing.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from ccxsec_project.management.commands.up import make_master_key
from certificates import anchor, jobs
from certificates.access import Actor
from certificates.models import Certificate, Deployment, Event, Node, PrivateKey, Purpose, Service
from certificates.operations import generate, save_node, verify_audit
from certificates.operations.deploy import store_of
from certificates.operations.generate import Generated, suggestions
from certificates.secrets import SealError, place, unseal
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import alternative_names
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from tests.product import ROOT

MAIN = "import django; django.setup(); from tests.lab.regenerate_worker import serve; serve()"
ACTOR = Actor("lab")
# Each is named, as a developer's `.env` must not lead elsewhere.
FILES = {"CCXSEC_DATA": "", "CCXSEC_STORE": "store", "CCXSEC_AUDIT_ANCHOR": "audit.anchor"}
FILES |= {"CCXSEC_MASTER_KEY_FILE": "master.keys"}
# The C functions after which something outside of the process may look different.
EFFECTS = {"open", "write", "flush", "fchmod", "mkdir", "rename", "symlink", "unlink", "rmdir"}
EFFECTS |= {"execute", "executemany", "commit", "fetchone"}  # INSERT … RETURNING ends when fetched
PATIENCE = 120  # seconds after which a server that has not answered ends itself
_sound: set[tuple[int, bytes]] = set()  # certificates whose sealed key was opened and compared


class Worker:
    """The tests' end. In a `with` block; all its processes are gone afterwards."""

    def __init__(self, data: Path, *words: str, **settings: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
        url = f"sqlite:///{data / 'ccxsec.sqlite3'}"
        own = {"DJANGO_SETTINGS_MODULE": "ccxsec_project.settings", "CCXSEC_MASTER_KEYS": ""}
        own |= {name: str(data / file) for name, file in FILES.items()}
        self.said: list[str] = []  # fingerprints of what it has said to be generated
        self.log = data.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, *words],
                cwd=ROOT,
                env=kept | {"DATABASE_URL": url} | own | settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have the process call `function`, whose result comes as a line."""
        command = [f"{function.__module__}:{function.__name__}", *arguments]
        self.process.stdin.write(json.dumps(command).encode() + b"\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def hear(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        assert line, self.log.read_text()
        heard = json.loads(line)
        if isinstance(heard, dict) and "fingerprint" in heard:
            self.said.append(heard["fingerprint"])
        return heard

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.tell(function, *arguments)
        return self.hear()

    def hear_until(self, step: str) -> dict[str, Any]:
        """The next line of a child that names `step`; "signal": the server tells how it ended."""
        while True:
            heard = self.hear()
            if step in (heard.get("step"), *heard):
                return dict(heard)
            assert "signal" not in heard, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL for the server and its child; the pipe ends when both are gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        heard = map(json.loads, self.process.communicate()[0].splitlines())
        self.said += [line["fingerprint"] for line in heard if "fingerprint" in (line or ())]


# --- The process ---------------------------------------------------------------------------------
def say(value: Any) -> None:
    """One write: a line is never torn, also when its writer is killed."""
    os.write(sys.stdout.fileno(), json.dumps(value).encode() + b"\n")


def serve() -> None:
    """Answer commands until the pipe is closed."""
    for line in sys.stdin:
        signal.alarm(PATIENCE)
        function, *arguments = json.loads(line)
        answer = resolve_name(function)(*arguments)
        connections.close_all()  # a child must not inherit one
        signal.alarm(0)
        say(answer)


def install(key: str = KeyChoice.EC_P256) -> None:
    """What a first `./ccxsec up` sets up, as far as certificates need it, with a quick key."""
    make_master_key(is_new_database=True)
    call_command("migrate", verbosity=0, interactive=False)
    name, addresses = "ccx1.example.com", ["192.0.2.10"]
    save_node(Node(is_local=True), host_name=name, addresses=addresses, actor=ACTOR)
    for purpose in Purpose.own():
        deploy(replace_certificate("", purpose, key))


def fingerprints() -> list[str]:
    return list(Certificate.objects.values_list("fingerprint", flat=True))


def active_fingerprint() -> str:
    return str(Node.objects.local().certificates.active().get(purpose="tomcat").fingerprint)


def replace_certificate(
    seen: str, purpose: Purpose = Purpose.TOMCAT, key: str = KeyChoice.EC_P256
) -> Generated:
    node, now = Node.objects.local(), timezone.now()
    return generate(node, purpose, key=key, replacing=seen, actor=ACTOR, now=now)


def deploy(done: Generated) -> None:
    jobs.run(done.job.pk if done.job else 0)


def run_until_killed(point: int = 0) -> dict[str, int]:
    """Regenerate in a child; says its number and steps, and answers by which signal it ended.

    Args:
        point: the child kills itself at that many effects (`EFFECTS`); 0: it waits to be killed.
    """
    regenerate = regenerate_naively if "naive" in sys.argv else regenerate_as_the_product
    server, child = os.getpid(), os.fork()
    if child:
        return {"signal": os.WTERMSIG(os.waitpid(child, 0)[1])}
    try:
        effects = kill_at(point)
        while os.getppid() == server:
            say({"step": "begin", "pid": os.getpid()})
            regenerate()
            say({"step": "deployed", "effects": effects()})
    except Exception:  # noqa: BLE001 - the process ends here; its log tells why
        traceback.print_exc()
    finally:
        os._exit(1)


def kill_at(point: int) -> Callable[[], int]:
    """SIGKILL right after an effect; returns what tells how many there were."""
    seen = 0

    def watch(_frame: Any, event: str, function: Any) -> None:
        nonlocal seen
        if event == "c_return" and function.__name__ in EFFECTS and _is_outside(function):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)

    if point:
        sys.setprofile(watch)
    return lambda: seen


def _is_outside(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, sqlite3.Cursor):
        return not owner.connection.in_transaction  # else nobody sees it before the commit
    module = function.__module__ or type(owner).__module__
    return module in ("posix", "io", "_io") or isinstance(owner, sqlite3.Connection)


def regenerate_as_the_product() -> None:
    done = replace_certificate(active_fingerprint())
    say({"step": "generated", "fingerprint": done.certificate.fingerprint})
    deploy(done)


def regenerate_naively() -> None:
    """Each row in a transaction of its own, then the files over the old ones, one by one."""
    node = Node.objects.local()
    for active in node.certificates.active().for_purpose(Purpose.TOMCAT):
        active.supersede()  # before: the database itself refuses a second active one
    subject, names = suggestions(node)
    key, now = new_key(KeyChoice.EC_P256), timezone.now()
    alternatives = alternative_names(names)
    der = self_signed(key, subject=subject.to_x509(), names=alternatives, days=30, now=now)
    certificate = Certificate.objects.create_own(node, Purpose.TOMCAT, read_facts(der), "naive")
    PrivateKey.objects.seal(certificate, key)
    say({"step": "generated", "fingerprint": certificate.fingerprint})
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder = store_of(Service.TOMCAT).current
    (folder / "cert.pem").write_bytes(certificate.pem)
    (folder / "key.pem").write_bytes(pem)


# --- What must hold ------------------------------------------------------------------------------
def violations(settled: bool = False) -> list[str]:
    """What is wrong now.

    Args:
        settled: after a recovery, when also the store must be what the database intends.
    """
    stores = _store_violations(settled=settled)
    return [*_key_violations(), *stores, *_audit_violations(whole=settled)]


def _key_violations() -> Iterator[str]:
    for row in Certificate.objects.own().select_related("private_key"):
        if not hasattr(row, "private_key"):
            yield f"key.missing: certificate {row.pk} ({row.state})"
            continue
        sealed = bytes(row.private_key.sealed)
        if (row.pk, sealed) in _sound:
            continue
        try:
            key: Any = load_der_private_key(unseal(sealed, place(row.private_key, "sealed")), None)
        except SealError as error:
            yield f"key.sealed: {error}"
            continue
        if key.public_key() != x509.load_der_x509_certificate(bytes(row.der)).public_key():
            yield f"key.other: certificate {row.pk}"
        _sound.add((row.pk, sealed))


def _store_violations(*, settled: bool) -> Iterator[str]:
    for deployment in Deployment.objects.select_related("node"):
        service = Service(deployment.service)
        own = deployment.node.certificates.active().filter(purpose=service.value)
        active = [row.fingerprint for row in own]
        if len(active) != 1:
            yield f"active.count: {len(active)} for {service}"
        try:
            folder = store_of(service).current
            shown = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
            key: Any = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        except FileNotFoundError as error:
            yield f"store.missing: {error.filename}"
        except ValueError as error:
            yield f"store.torn: {service}: {error}"
        else:
            if key.public_key() != shown.public_key():
                yield f"store.torn: {service} has the key of another certificate"
            if settled and [shown.fingerprint(hashes.SHA256()).hex()] != active:
                yield f"store.other: {service}"
        if settled and not deployment.is_in_force:
            yield f"store.outdated: {service}"


def _audit_violations(*, whole: bool) -> Iterator[str]:
    anchored = anchor.read()
    if (
        anchored
        and not Event.objects.filter(sequence=anchored.sequence, code=anchored.code).exists()
    ):
        yield f"anchor.ahead: {anchored.sequence}"
    if whole and verify_audit().problem:
        yield f"audit.broken: {verify_audit().problem}"
