"""The window of Bulk Certificate Management: the SFTP server is tried, then saved (BK-1)."""

import json
from datetime import datetime, timedelta

from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from bulk.models import SERVER_SECRET, TYPED_SECRET, ExchangeServer
from bulk.operations.server import kept_secret, visit
from certificates.access import Actor, Permission
from certificates.jobs import enqueue
from certificates.models import Action, Event, Secret
from certificates.operations.examination import passed, warned
from certificates.operations.ssh_login import (
    SshSecret,
    checked_host,
    checked_port,
    checked_secret,
    checked_user,
)
from certificates.reach.ssh import SshError, fingerprint_of, offered_host_key
from certificates.refusal import Finding, Refused
from certificates.sentence import say
from certificates.x509.visible import visible

LITTLE = 16 * 1024 * 1024  # bytes; less than that is free: a warning
TYPED_KEPT = timedelta(minutes=15)
_PATIENCE, _LIMIT = 10.0, 45.0  # seconds; somebody waits for the page
_LONGEST_DIRECTORY, _LONGEST_NAME = 400, 100


class UnknownHostKey(Refused):
    """Nobody has compared the server's host key yet; `offered` is its fingerprint."""

    def __init__(self, code: str, sentence: str, cure: str, *, offered: str) -> None:
        super().__init__(code, sentence, cure)
        self.offered = offered


def save_server(
    *,
    host: str,
    port: int = 22,
    user: str,
    directory: str,
    password: str = "",
    private_key: str = "",
    passphrase: str = "",
    host_key: str = "",
    cluster_name: str = "",
    actor: Actor,
) -> list[Finding]:
    """Connect, check everything that an exchange needs, and only then save it.

    Args:
        password, private_key: "" keeps what is there, for the same host, port and user only.
        host_key: "SHA256:…" of the key that the operator has compared; "" for the pinned one.
        cluster_name: as other clusters are told; "" is the publisher's host name.

    Returns:
        What was checked.

    Raises:
        PermissionDenied: `actor` may not configure the exchange.
        UnknownHostKey: confirm.host-key. What was typed is kept sealed for a while.
        Refused: host-key.other, reach.*, port, san.syntax, address.syntax, exchange.directory,
            exchange.host, name.control, and those of `bulk.transfer`. Nothing was changed.
    """
    actor.require(Permission.CONFIGURE_BULK)
    before = ExchangeServer.objects.current()
    wanted = ExchangeServer(
        pk=before.pk,
        host=checked_host(host),
        port=checked_port(port),
        user=checked_user(user),
        directory=checked_directory(directory),
        cluster_name=_checked_name(cluster_name),
    )
    if not wanted.host:
        wrong = say("No server is given.")
        raise Refused("exchange.host", wrong, say("Enter its IP address or host name."))
    typed = checked_secret(password, private_key, passphrase)
    secret = _secret(wanted, before, typed, host_key)
    wanted.host_key = _host_key(wanted, before, secret, host_key)
    checks = _look(wanted, secret)
    _write(wanted, before, secret, actor)
    return checks


def check_server(*, actor: Actor) -> list[Finding]:
    """Check the saved server again; nothing is changed there but a probe file, for a moment.

    Raises:
        PermissionDenied: `actor` may not run the exchange.
        Refused: those of `visit`.
    """
    actor.require(Permission.RUN_BULK)
    return _look(ExchangeServer.objects.current(), kept_secret())


def pin_host_key(*, fingerprint: str, actor: Actor) -> bool:
    """Pin another key of the same server, which the operator has compared.

    A password that is kept is not said to a server with another key: it is to be given again. A
    private key is kept, as a sign-in with it does not betray it.

    Args:
        fingerprint: "SHA256:…"; it must be the one that the server shows still.

    Returns:
        Whether the password is to be given again (`save_server`).

    Raises:
        PermissionDenied: `actor` may not configure the exchange.
        Refused: exchange.unset, host-key.other, sftp.unreachable.
    """
    actor.require(Permission.CONFIGURE_BULK)
    server = ExchangeServer.objects.current()
    if not server.is_set:
        raise Refused(
            "exchange.unset", say("No SFTP server is set yet."), say("Save its values first.")
        )
    line = _offered(server, fingerprint)
    with transaction.atomic():
        Event.objects.hold()
        row = ExchangeServer.objects.lock()
        if (row.host, row.port) != (server.host, server.port):
            wrong = say("Another server was set meanwhile.")
            raise Refused("state.changed", wrong, say("Look at it again, then decide."))
        row.host_key, row.host_key_alarm = line, ""
        row.save(update_fields=["host_key", "host_key_alarm"])
        is_asked = not _is_key(server.host_key, fingerprint) and bool(kept_secret().password)
        if is_asked:
            Secret.objects.filter(name=SERVER_SECRET).delete()
        Event.objects.record(str(actor), Action.EXCHANGE_PIN, row, fingerprint=fingerprint_of(line))
    return is_asked


@transaction.atomic
def keep_host_key(*, actor: Actor) -> None:
    """The pinned key stays the right one; the alarm is over.

    Raises:
        PermissionDenied: `actor` may not configure the exchange.
        Refused: host-key.no-alarm.
    """
    actor.require(Permission.CONFIGURE_BULK)
    Event.objects.hold()
    row = ExchangeServer.objects.lock()
    if not row.host_key_alarm:
        wrong = say("{row} has shown no other host key.", row=row)
        raise Refused("host-key.no-alarm", wrong, say("There is nothing to decide."))
    Event.objects.record(
        str(actor), Action.EXCHANGE_PIN, row, kept=True, refused=row.host_key_alarm
    )
    row.host_key_alarm = ""
    row.save(update_fields=["host_key_alarm"])


def checked_directory(text: str) -> str:
    """A folder on the server; "." is the one in which the user begins.

    Raises:
        Refused: exchange.directory.
    """
    text = text.strip()
    if not text:
        wrong = say("No directory is given.")
        raise Refused("exchange.directory", wrong, say('Enter one, or "." for the user\'s own.'))
    if visible(text) != text or len(text) > _LONGEST_DIRECTORY:
        wrong = say("The directory contains invisible characters, or is longer than 400.")
        raise Refused("exchange.directory", wrong, say("Type it again instead of pasting it."))
    return text.rstrip("/") or "/"


def _checked_name(text: str) -> str:
    text = text.strip()
    if visible(text) != text or len(text) > _LONGEST_NAME:
        wrong = say("The cluster's name contains invisible characters, or is longer than 100.")
        raise Refused("name.control", wrong, say("Type it again instead of pasting it."))
    return text


def _is_same(one: ExchangeServer, other: ExchangeServer) -> bool:
    return (one.host, one.port) == (other.host, other.port)


def _secret(
    wanted: ExchangeServer, before: ExchangeServer, typed: SshSecret, host_key: str
) -> SshSecret:
    """What was typed, now or just before; else what is kept, which goes to no other server.

    A server with another host key is another one, as long as nobody proves to know its password.
    """
    if typed:
        return typed
    waiting = json.loads(Secret.objects.plain(TYPED_SECRET) or b"{}")
    if waiting.get("for") == _address(wanted):
        begun = datetime.fromisoformat(waiting["at"])
        if timezone.now() - begun < TYPED_KEPT:
            return SshSecret(waiting["password"], waiting["private_key"])
    kept = kept_secret()
    is_other = before.host_key and host_key and not _is_key(before.host_key, host_key)
    if kept and _address(wanted) == _address(before) and not (kept.password and is_other):
        return kept
    wrong = say("There is no password and no private key for {wanted} yet.", wanted=wanted)
    raise Refused("reach.secret", wrong, say("Give one of them."))


def _is_key(line: str, fingerprint: str) -> bool:
    return fingerprint_of(line) == fingerprint.strip().rstrip("=")


def _address(server: ExchangeServer) -> list[str | int]:
    return [server.host, server.port, server.user]


def _host_key(wanted: ExchangeServer, before: ExchangeServer, secret: SshSecret, given: str) -> str:
    """The key that the server must show: the pinned one, or the one that was compared now."""
    if given:
        return _offered(wanted, given)
    if before.host_key and _is_same(wanted, before):
        wanted.host_key_alarm = before.host_key_alarm
        return before.host_key
    offered = fingerprint_of(_offered(wanted))
    waiting = {"for": _address(wanted), "at": timezone.now().isoformat(), **secret.as_dict()}
    with transaction.atomic():
        Event.objects.hold()
        Secret.objects.keep(TYPED_SECRET, json.dumps(waiting).encode())
    wrong = say(
        "{host} port {port} shows the host key {offered}, which is not pinned.",
        host=wanted.host,
        port=wanted.port,
        offered=offered,
    )
    cure = say(
        "Compare it with the server's own (ssh-keygen -lf), then confirm it. Nothing was saved."
    )
    raise UnknownHostKey("confirm.host-key", wrong, cure, offered=offered)


def _offered(server: ExchangeServer, fingerprint: str = "") -> str:
    """The host key that the server shows now, as one line.

    Args:
        fingerprint: that it must have; "" for any.
    """
    try:
        offered = offered_host_key(server.host, server.port)
    except SshError as error:
        wrong = say(
            "{host} port {port} gave no answer: {error}.",
            host=server.host,
            port=server.port,
            error=error,
        )
        cure = say("Look whether the address is right, and an SSH server listens there.")
        raise Refused("sftp.unreachable", wrong, cure) from error
    if fingerprint and offered.fingerprint.rstrip("=") != fingerprint.strip().rstrip("="):
        shown = visible(fingerprint)[:80]
        wrong = say(
            "{host} shows the host key {fingerprint}, not {shown}.",
            host=server.host,
            fingerprint=offered.fingerprint,
            shown=shown,
        )
        raise Refused("host-key.other", wrong, say("Compare it with the server's own once more."))
    return offered.line


def _look(server: ExchangeServer, secret: SshSecret) -> list[Finding]:
    """Every check of a server, in the order in which they can be made."""
    with visit(server, secret=secret, patience=_PATIENCE, limit=_LIMIT) as folder:
        by = say("private key") if secret.private_key else say("password")
        count = len(folder.entries())
        folder.check_writable()
        free = folder.free_space()
    return [
        passed(
            "sftp.unreachable",
            say("{host} port {port} answers.", host=server.host, port=server.port),
        ),
        passed(
            "sftp.host-key-changed",
            say("Its host key is {fingerprint}.", fingerprint=fingerprint_of(server.host_key)),
        ),
        passed("sftp.login", say("{user} may sign in with the {by}.", user=server.user, by=by)),
        passed(
            "sftp.folder-missing",
            say(
                "{directory} is there; it holds {count} files.",
                directory=server.directory,
                count=f"{count:,}",
            ),
        ),
        passed("sftp.folder-denied", say("A file was written there, and removed again.")),
        _space(free),
    ]


def _space(free: int | None) -> Finding:
    if free is None:
        return passed("sftp.full", say("The server does not tell how much space is free."))
    if free < LITTLE:
        return warned(
            "sftp.full",
            say("Only {size} are free.", size=filesizeformat(free)),
            say("Make room there."),
        )
    return passed("sftp.full", say("{size} are free.", size=filesizeformat(free)))


@transaction.atomic
def _write(wanted: ExchangeServer, before: ExchangeServer, secret: SshSecret, actor: Actor) -> None:
    """What was tried is what is saved, unless somebody saved something else meanwhile."""
    Event.objects.hold()
    row = ExchangeServer.objects.lock()
    if before.saved_at != row.saved_at:
        wrong = say("{row} was saved by somebody else while yours was tried.", row=row)
        raise Refused(
            "state.changed", wrong, say("Look at it again, then save yours if it is right.")
        )
    moved = [row.host, row.port, row.directory] != [wanted.host, wanted.port, wanted.directory]
    for name in ("host", "port", "user", "directory", "host_key", "cluster_name"):
        setattr(row, name, getattr(wanted, name))
    row.host_key_alarm, row.trouble, row.saved_at = "", "", timezone.now()
    if moved:
        row.seen, row.seen_at = {}, None
    row.save()
    Secret.objects.keep(SERVER_SECRET, json.dumps(secret.as_dict()).encode())
    Secret.objects.filter(name=TYPED_SECRET).delete()
    Event.objects.record(
        str(actor),
        Action.EXCHANGE_SERVER,
        row,
        directory=row.directory,
        cluster_name=row.cluster_name,
        host_key=fingerprint_of(row.host_key),
    )
    enqueue("bulk-survey", str(row), once="bulk-survey", started_by=str(actor))
