"""`./ccxsec up`: set up what is missing, then run the product until it is stopped."""

import contextlib
import errno
import os
import secrets
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from ccxsec_project.supervisor import Supervisor
from certificates import host, probe, web_server
from certificates.access import command_line
from certificates.local_files import PRIVATE, create_once, replace
from certificates.management.operator_command import Stopped, database_trouble
from certificates.models import Certificate, Node, Purpose, Secret
from certificates.operations import install
from certificates.operations.backup.restore import mark_file, unfinished
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.operations.install import grant_new_permissions, known_permissions
from certificates.operations.restart import observe_restarts
from certificates.refusal import Refused
from certificates.secrets import KeyRing, SealError, key_ring
from certificates.store import local_store
from certificates.web_server import AlreadyRunningError, Running

FIRST_ANSWER = 30.0  # seconds until the web server must answer


class Command(BaseCommand):
    help = "Set up what is missing, then run the web server and the background worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--setup-only", action="store_true", help="Set up what is missing, and end."
        )

    def handle(self, *_: Any, setup_only: bool, **__: Any) -> None:
        # A reload that is asked for while this is being set up must not end it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        where = Running(pid=os.getpid(), host=_probe_host(), port=settings.CCXSEC_PORT)
        with plainly(), contextlib.ExitStack() as held:
            listener = None if setup_only else held.enter_context(listen())
            held.enter_context(web_server.announced(where))
            made = self.set_up()
            if listener is None:
                self.stdout.write("\n".join([*made, "Set up. Run ./ccxsec up to start."]))
                return
            Supervisor(listener, names=served_names()).run(lambda: self.welcome(where, made))
        self.stdout.write("Stopped.")

    def set_up(self) -> list[str]:
        """Everything that a first start needs; a later one finds it there. What it made."""
        refuse_half_restored()
        is_new = not connection.introspection.table_names()
        make_master_key(is_new_database=is_new)
        known = None if is_new else known_permissions()
        call_command("migrate", verbosity=0, interactive=False)
        if known is not None:
            grant_new_permissions(known)
        keep_private()
        open_seals()
        if is_new and set_old_anchor_aside():
            self.stdout.write(
                "There is no database, though this folder was in use: a new one is made."
            )
        now, actor = timezone.now(), command_line()
        name = settings.CCXSEC_HOST_NAME or host.host_name()
        addresses = settings.CCXSEC_ADDRESSES or host.addresses()
        made = install(host_name=name, addresses=addresses, actor=actor, now=now)
        for sentence in deploy_what_is_out_of_date(actor=actor, now=now):
            self.stdout.write(sentence)
        if not local_store(settings.CCXSEC_STORE / web_server.SERVICE).generation():
            raise Refused("store.empty", "There is no certificate to serve.", "See the line above.")
        collect_static_files()
        self.make_administrator()
        return [f"Made: {what}" for what in made]

    def make_administrator(self) -> None:
        """The first superuser. Last of all, and told at once: the password is shown only here."""
        users = get_user_model().objects
        if users.filter(is_superuser=True, is_active=True).exists():
            return
        name, password = settings.CCXSEC_ADMIN_USER, settings.CCXSEC_ADMIN_PASSWORD
        shown = "the password in CCXSEC_ADMIN_PASSWORD"
        if password:
            check_password(password)
        else:
            password = secrets.token_urlsafe(15)
            shown = f"the password {password} (shown only now: keep it)"
        with transaction.atomic():
            users.create_superuser(name, "", password)
            self.stdout.write(f"Made: administrator. Sign in as {name} with {shown}")
            self.stdout.flush()

    def welcome(self, where: Running, made: list[str]) -> None:
        """Called once the children run: wait until a handshake succeeds, then say where it is."""
        fingerprint = wait_for_handshake(where)
        with contextlib.suppress(probe.ProbeError):
            observe_restarts(now=timezone.now())
        node = Node.objects.local()
        lines = [*made, "", f"ccxsec runs:  https://{node}:{where.port}/"]
        lines += [f"         or:  https://{_bracketed(a)}:{where.port}/" for a in node.addresses]
        first = get_user_model().objects.filter(is_superuser=True, is_active=True).first()
        lines += [f"Sign in as {first}, or as any user with staff status (docs/users.md)."]
        served = Certificate.objects.active().for_purpose(Purpose.TOMCAT).filter(node=node).first()
        lines += [
            "",
            "Its certificate has the SHA-256 fingerprint",
            f"  {_colons(fingerprint)}",
            "To trust it: ./ccxsec cert export tomcat > tomcat.pem, then add tomcat.pem to the",
            "trusted certificates of your browser or system (docs/trust.md).",
        ]
        if served and served.fingerprint != fingerprint:
            lines.append("A newer one is in the store: ./ccxsec restart run")
        self.stdout.write("\n".join([*lines, "", "Ctrl-C stops it."]))
        self.stdout.flush()


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What an operator can mend is one line and exit status 1; bugs keep their trace."""
    try:
        yield
    except (Refused, SealError) as error:
        raise Stopped(str(error)) from error
    except AlreadyRunningError:
        wrong = (
            f"ccxsec already runs on the data folder {settings.CCXSEC_DATA}. Stop that one first."
        )
        raise Stopped(wrong) from None
    except DatabaseError as error:
        raise Stopped(database_trouble(error)) from error
    except KeyboardInterrupt:
        raise Stopped("Stopped before it was set up. Start it again to go on.") from None
    except OSError as error:
        wrong = f"{error.filename or settings.CCXSEC_DATA} can't be used: {error.strerror}."
        raise Stopped(f"{wrong} Mend it, or name another folder in CCXSEC_DATA.") from error


def listen() -> socket.socket:
    """The listening socket, before anything else: a taken port is said at once."""
    address, port = settings.CCXSEC_BIND, settings.CCXSEC_PORT
    everywhere = not address and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if everywhere:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((address, port))
    except OSError as error:
        if web_server.running():
            raise AlreadyRunningError from None
        if error.errno == errno.EADDRINUSE:
            wrong = f"Port {port} is taken by another program. Stop it, or set CCXSEC_PORT."
        else:
            wrong = f"{address} port {port} can't be used: {error.strerror}. Set CCXSEC_BIND."
        raise Stopped(wrong) from None
    # A connection counts from its first byte on: an idle one costs no thread.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)
    listener.listen(256)
    return listener


def refuse_half_restored() -> None:
    """A restore that was interrupted is neither an installation nor none (docs/backup.md)."""
    if unfinished():
        wrong = f"A restore was interrupted here ({mark_file()})."
        cure = "Repeat it: ./ccxsec backup restore FILE. To start anew instead, remove that file."
        raise Refused("backup.unfinished", wrong, cure)


def make_master_key(*, is_new_database: bool) -> None:
    """A new database gets one; without it an existing one stays closed (DESIGN rule 4)."""
    if is_new_database and not settings.CCXSEC_MASTER_KEYS:
        ring = KeyRing({}).with_new_key
        create_once(Path(settings.CCXSEC_MASTER_KEY_FILE), lambda: ring().to_text().encode())
    key_ring()


def keep_private() -> None:
    """The database holds sessions and password hashes: nobody else may read its files."""
    if connection.vendor == "sqlite":
        database = Path(str(settings.DATABASES["default"]["NAME"]))
        for path in database.parent.glob(f"{database.name}*"):
            path.chmod(PRIVATE)


def open_seals() -> None:
    """Does this master key open this database? Raises `SealError` with what to do."""
    secret = Secret.objects.filter(name="audit").first()
    if secret:
        secret.unseal()


def check_password(password: str) -> None:
    """Raises `Stopped` for one that is too easy to guess."""
    try:
        validate_password(password)
    except ValidationError as error:
        wrong = f"CCXSEC_ADMIN_PASSWORD is refused: {' '.join(error.messages)}"
        raise Stopped(wrong) from None


def served_names() -> list[str]:
    """By what names browsers may call it: as set, and as the local node is called by now."""
    node = Node.objects.local()
    names = [node.host_name, *map(_bracketed, node.addresses)]
    return list(dict.fromkeys([*settings.ALLOWED_HOSTS, *names]))


def set_old_anchor_aside() -> bool:
    """The anchor file of a database that is gone must not accuse the new one. False: none."""
    path = Path(settings.CCXSEC_AUDIT_ANCHOR)
    found = path.is_file()
    if found:
        path.rename(path.with_name(f"{path.name}.{timezone.now():%Y%m%d%H%M%S}"))
    return found


def collect_static_files() -> None:
    """Hashed and compressed copies for the web server; only when a source has changed."""
    state = "\n".join(
        f"{path} {Path(storage.path(path)).stat().st_mtime_ns}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    stamp = Path(settings.STATIC_ROOT) / ".sources"
    if stamp.is_file() and stamp.read_text() == state:
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    replace(stamp, state.encode())


def wait_for_handshake(where: Running) -> str:
    """Fingerprint that the web server shows. Raises `Refused` when it stays silent."""
    deadline = time.monotonic() + FIRST_ANSWER
    while True:
        try:
            return probe.served_fingerprint(where.host, where.port)
        except probe.ProbeError as error:
            if time.monotonic() > deadline:
                wrong = f"The web server gives no answer: {error}."
                raise Refused("web.silent", wrong, "Look at the lines above.") from error
        time.sleep(0.05)


def _probe_host() -> str:
    anywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
    return anywhere.get(settings.CCXSEC_BIND) or str(settings.CCXSEC_BIND)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _colons(fingerprint: str) -> str:
    return ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper()
