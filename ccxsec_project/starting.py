"""What every role does before it serves: take its port, look whether it may, say what is wrong."""

import contextlib
import errno
import http
import http.client
import pwd
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from certificates import probe, web_server
from certificates.local_files import INSTALLATION, locked, make_folder, replace
from certificates.management.operator_command import Stopped, database_trouble
from certificates.models import Node, Secret
from certificates.operations.backup.restore import mark_file, unfinished
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.store import local_store
from certificates.web_server import AlreadyRunningError, Running

FIRST_ANSWER = 60.0  # seconds until the web server must answer


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What an operator can mend is one line and exit status 1; bugs keep their trace."""
    try:
        _refuse_folder_of_another()
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


def _refuse_folder_of_another() -> None:
    """What root would write while it serves, the user whose installation it is could not read."""
    user, data = INSTALLATION.user, INSTALLATION.data
    if user is None:
        return
    try:
        name = pwd.getpwuid(user[0]).pw_name
    except KeyError:  # a user of another machine, or of the one around a container
        return
    wrong = f"The data folder {data} belongs to {name}, and this is root."
    cure = f"Run this as {name} (runuser -u {name} -- ./ccxsec ...), or by its units"
    own = f"if it is to be root's: chown -R root: {data}"
    raise Stopped(f"{wrong} {cure} (systemctl restart ccxsec-setup); {own}.")


def listen() -> socket.socket:
    """The listening socket, before anything else: a taken port is said at once."""
    address, port = settings.CCXSEC_BIND, settings.CCXSEC_PORT
    if is_behind_socket():
        return _listen_at_path(Path(address))
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


def is_behind_socket() -> bool:
    """Whether `CCXSEC_BIND` is a path: of a socket for the proxy on this machine, without TLS."""
    return str(settings.CCXSEC_BIND).startswith("/")


def _listen_at_path(path: Path) -> socket.socket:
    """Whoever may write to the socket is believed about addresses: its group, and nobody else."""
    if not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        wrong = f"CCXSEC_BIND is the path {path}, where only a proxy can ask."
        raise Stopped(f"{wrong} Set CCXSEC_BEHIND_PROXY=true, or name an address.")
    if web_server.running():
        raise AlreadyRunningError
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    listener.bind(str(beside))
    beside.chmod(0o660)
    listener.listen(256)
    beside.rename(path)  # what a former process has left is replaced
    return listener


def refuse_what_is_not_set_up(*, needs_store: bool) -> None:
    """A role sets nothing up: several of them begin at once, on several machines.

    Raises:
        Refused: setup.missing, setup.migrations, store.missing, backup.unfinished.
        SealError: the master key does not open this database.
    """
    refuse_half_restored()
    cure = "Run ./ccxsec up --setup-only on the server whose certificates these are."
    if not connection.introspection.table_names():
        raise Refused("setup.missing", "The database is empty.", cure)
    if waiting_migrations():
        wrong = "The database was made by another version: migrations wait."
        raise Refused("setup.migrations", wrong, cure)
    open_seals()
    store = settings.CCXSEC_STORE / web_server.SERVICE
    if needs_store and not local_store(store).generation():
        wrong = f"The store of the local node is not here: {store} holds no certificate."
        raise Refused("store.missing", wrong, f"{cure} Worker and TLS run there (docs/scaling.md).")


def waiting_migrations() -> bool:
    """Whether the database lacks a migration of this version."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def refuse_half_restored() -> None:
    """A restore that was interrupted is neither an installation nor none (docs/backup.md)."""
    if unfinished():
        wrong = f"A restore was interrupted here ({mark_file()})."
        cure = "Repeat it: ./ccxsec backup restore FILE. To start anew instead, remove that file."
        raise Refused("backup.unfinished", wrong, cure)


def open_seals() -> None:
    """Does this master key open this database? Raises `SealError` with what to do."""
    secret = Secret.objects.filter(name="audit").first()
    if secret:
        secret.unseal()


def served_names() -> list[str]:
    """By what names browsers may call it: as set, and as the local node is called by now."""
    node = Node.objects.local()
    names = [node.host_name, *map(bracketed, node.addresses)]
    return list(dict.fromkeys([*settings.ALLOWED_HOSTS, *names]))


def collect_static_files() -> None:
    """Hashed and compressed copies for the web server; only when a source has changed."""
    folder = Path(settings.STATIC_ROOT)
    make_folder(folder)
    with locked(folder / ".lock"):
        _collect_static_files(folder / ".sources")


def _collect_static_files(stamp: Path) -> None:
    state = "\n".join(
        f"{path} {Path(storage.path(path)).stat().st_mtime_ns}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
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


def wait_for_answer(path: Path) -> None:
    """The same behind a socket, where there is no handshake. Raises `Refused`."""
    deadline = time.monotonic() + FIRST_ANSWER
    while not _answers(path):
        if time.monotonic() > deadline:
            wrong = "The web server gives no answer."
            raise Refused("web.silent", wrong, "Look at the lines above.")
        time.sleep(0.05)


def _answers(path: Path) -> bool:
    with contextlib.closing(http.client.HTTPConnection("localhost", timeout=5)) as asking:
        asking.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        asking.sock.settimeout(5)
        try:
            asking.sock.connect(str(path))
            asking.request("GET", "/healthz")
            return asking.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def probe_host() -> str:
    """Where this machine itself reaches what it serves: with a socket, the proxy's port."""
    if is_behind_socket():
        return "127.0.0.1"
    anywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
    return anywhere.get(settings.CCXSEC_BIND) or str(settings.CCXSEC_BIND)


def bracketed(address: str) -> str:
    """As it stands in a URL."""
    return f"[{address}]" if ":" in address else address
