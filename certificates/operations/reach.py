"""How a node is reached, and whose host key it must show; where its services keep their files."""

import json
import shlex
from dataclasses import dataclass

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.jobs import enqueue
from certificates.models import Action, Deployment, Event, Job, Node, Reach, Secret, Service
from certificates.operations.consequences import intend
from certificates.operations.endpoint import refuse_place
from certificates.operations.ssh_login import (
    ACCOUNT,
    checked_host,
    checked_port,
    checked_secret,
    checked_user,
)
from certificates.reach.node import offered_host_key
from certificates.reach.ssh import HostKey
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name as checked_host_name
from certificates.x509.visible import visible

MAXIMUM_LIMIT = 150  # seconds; the worker gives a job 300, in which the store is written, too


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a service lives on its node; "" and None leave something to its default.

    Args:
        folder: absolute; not for this server, where CCXSEC_STORE says it.
        restart_command: a program with its arguments; no shell reads it.
        restart_limit: seconds.
        probe_port: where its certificate can be seen; None: nowhere.
    """

    folder: str = ""
    owner: str = ""
    group: str = ""
    restart_command: str = ""
    restart_limit: int = 60
    probe_host: str = ""
    probe_port: int | None = None
    probe_name: str = ""

    @classmethod
    def of(cls, row: Deployment) -> "Place":
        return cls(**{name: getattr(row, name) for name in cls.__slots__})


@transaction.atomic
def save_reach(
    node: Node,
    *,
    reach: str,
    ssh_host: str = "",
    ssh_port: int = 22,
    ssh_user: str = "",
    password: str = "",
    private_key: str = "",
    passphrase: str = "",
    actor: Actor,
) -> list[Job]:
    """Say how a node is reached. The jobs that write what it should hold already.

    Args:
        password, private_key: "" keeps what is there, a password for the same host and port only;
            one takes the place of the other. The private key is kept without `passphrase`, sealed
            like everything secret.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: reach.local, reach.unknown, reach.user, reach.secret, reach.key, port, san.syntax,
            address.syntax.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    if node.is_local:
        wrong = say("{node} is this server, which needs no connection.", node=node)
        raise Refused("reach.local", wrong, say("Choose another node."))
    if reach not in Reach.values:
        raise Refused(
            "reach.unknown",
            say("{reach} is no way to a node.", reach=repr(reach)),
            say("Choose ssh or by-hand."),
        )
    row = Node.objects.select_for_update().get(pk=node.pk)
    moved = (ssh_host, ssh_port) != (row.ssh_host, row.ssh_port)
    row.reach, row.ssh_port, row.ssh_user = reach, checked_port(ssh_port), ssh_user.strip()
    row.ssh_host = checked_host(ssh_host)
    _keep_secret(row, password, private_key, passphrase, moved=moved)
    if moved:
        row.host_key = row.host_key_alarm = ""  # another server
    row.save()
    Event.objects.record(
        str(actor),
        Action.NODE_REACH,
        row,
        reach=reach,
        address=f"{row.ssh_address} port {row.ssh_port}",
        user=row.ssh_user,
        new_secret=bool(password or private_key),
    )
    node.refresh_from_db()
    return _catch_up(node, actor) if node.host_key else []


def contact(node: Node, *, actor: Actor) -> HostKey:
    """Ask the node's SSH server for its host key. Nothing is said about this product.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: node.unreachable, node.no-answer.
    """
    actor.require(Permission.CONFIGURE)
    if node.is_local or not node.is_reached:
        wrong = say("{node} is not reached over SSH.", node=node)
        raise Refused("node.unreachable", wrong, say("Set up SSH for it first."))
    return offered_host_key(node)


def pin_host_key(node: Node, *, fingerprint: str, actor: Actor) -> list[Job]:
    """Pin the key that the operator has compared; the jobs that follow.

    Args:
        fingerprint: "SHA256:…", as the operator was shown it. It must be the one that the server
            shows still.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: node.unreachable, node.no-answer, host-key.other.
    """
    offered = contact(node, actor=actor)
    if offered.fingerprint.rstrip("=") != fingerprint.strip().rstrip("="):
        wrong = say(
            "{node} shows the host key {offered}, not {expected}.",
            node=node,
            offered=offered.fingerprint,
            expected=visible(fingerprint)[:80],
        )
        raise Refused("host-key.other", wrong, say("Compare it with the server's own once more."))
    with transaction.atomic():
        Event.objects.hold()
        Node.objects.filter(pk=node.pk).update(host_key=offered.line, host_key_alarm="")
        Event.objects.record(str(actor), Action.NODE_PIN, node, fingerprint=offered.fingerprint)
    node.refresh_from_db()
    return _catch_up(node, actor)


@transaction.atomic
def keep_host_key(node: Node, *, actor: Actor) -> None:
    """The pinned key stays the right one; the alarm is over.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: host-key.no-alarm.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    row = Node.objects.select_for_update().get(pk=node.pk)
    if not row.host_key_alarm:
        wrong = say("{node} has shown no other host key.", node=node)
        raise Refused("host-key.no-alarm", wrong, say("There is nothing to decide."))
    Event.objects.record(str(actor), Action.NODE_PIN, row, kept=True, refused=row.host_key_alarm)
    Node.objects.filter(pk=node.pk).update(host_key_alarm="")
    node.refresh_from_db()


@transaction.atomic
def save_place(node: Node, service: Service, place: Place, *, actor: Actor) -> Job | None:
    """Say where a service's files are and how it is restarted; the job that moves them.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: place.folder, place.account, place.command, place.limit, port, san.syntax,
            probe.address, probe.host.
    """
    actor.require(Permission.CONFIGURE)
    row = Deployment.objects.lock(node, service)
    before = Place.of(row)
    _check_place(node, place)
    for name in Place.__slots__:
        setattr(row, name, getattr(place, name))
    row.probe_host = checked_host(place.probe_host)
    row.save()
    after = Place.of(row)
    changed = [name for name in Place.__slots__ if getattr(before, name) != getattr(after, name)]
    if not changed:
        return None
    said = {name: str(getattr(after, name) or "") for name in changed}
    Event.objects.record(str(actor), Action.PLACE_CHANGE, row, **said)
    on_disk = {"folder", "owner", "group"} & set(changed)
    has_one = node.certificates.active().own().filter(purpose=service.value).exists()
    return intend(row, actor) if on_disk and has_one else None


def _check_place(node: Node, place: Place) -> None:
    parts = place.folder.split("/")
    if place.folder and node.is_local:
        wrong = say("The folder of this server's store is set by CCXSEC_STORE.")
        raise Refused("place.folder", wrong, say("Leave it empty here."))
    if place.folder and (parts[0] or len(parts) < 3 or {"", ".", ".."} & set(parts[1:])):  # noqa: PLR2004 - / and a name
        wrong = say(
            "{folder} is no folder below another one.", folder=repr(visible(place.folder)[:100])
        )
        raise Refused("place.folder", wrong, say("Write it like /etc/ccxsec/tomcat."))
    if visible(place.folder) != place.folder:
        wrong = say("The folder contains invisible characters.")
        raise Refused("place.folder", wrong, say("Type it again instead of pasting it."))
    _check_accounts(place)
    _check_command(place.restart_command)
    if not 1 <= place.restart_limit <= MAXIMUM_LIMIT:
        wrong = say("A restart can't be given {seconds} seconds.", seconds=place.restart_limit)
        raise Refused("place.limit", wrong, say("Choose 1 to {most}.", most=MAXIMUM_LIMIT))
    if place.probe_port is not None:
        checked_port(place.probe_port)
        if place.probe_host:
            refuse_place(checked_host(place.probe_host), place.probe_port)
    if place.probe_name:
        checked_host_name(place.probe_name)


def _is_number(text: str) -> bool:
    """Of a user or group; the last one means "nobody" to the kernel."""
    return text.isascii() and len(text) <= 10 and int(text) < 2**32 - 1  # noqa: PLR2004 - digits


def _check_accounts(place: Place) -> None:
    cure = say("Write a name such as tomcat, or a number.")
    if not _is_account(place.owner):
        raise Refused("place.account", say("{name} is no owner.", name=_shown(place.owner)), cure)
    if not _is_account(place.group):
        raise Refused("place.account", say("{name} is no group.", name=_shown(place.group)), cure)


def _is_account(name: str) -> bool:
    """None is said: it is left as it is."""
    return not name or bool(_is_number(name) if name.isdecimal() else ACCOUNT.fullmatch(name))


def _shown(name: str) -> str:
    return repr(visible(name)[:60])


def _check_command(text: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError as error:
        wrong = say("The restart command can't be taken apart: {error}.", error=error)
        raise Refused("place.command", wrong, say("Close its quotation marks.")) from None
    if visible(text) != text or (text and not words):
        wrong = say("The restart command contains invisible characters, or nothing else.")
        raise Refused("place.command", wrong, say("Type it again instead of pasting it."))
    if words and not words[0].startswith("/"):
        wrong = say("{program} is no full path of a program.", program=repr(words[0][:60]))
        raise Refused(
            "place.command", wrong, say("Write it like /usr/bin/systemctl restart tomcat10.")
        )


def _keep_secret(
    row: Node, password: str, private_key: str, passphrase: str, *, moved: bool
) -> None:
    if row.reach != Reach.SSH:
        if moved and not _has_secret(row, moved=True):
            Secret.objects.filter(name=row.ssh_secret).delete()  # not for whoever is there later
        return
    checked_user(row.ssh_user)
    typed = checked_secret(password, private_key, passphrase)
    if typed:
        Secret.objects.keep(row.ssh_secret, json.dumps(typed.as_dict()).encode())
    elif not _has_secret(row, moved=moved):
        wrong = say("There is no password and no private key for {row} yet.", row=row)
        raise Refused("reach.secret", wrong, say("Give one of them."))


def _has_secret(row: Node, *, moved: bool) -> bool:
    """Whether what is kept may be used: a password is said to the server it was entered for.

    A private key goes along to another one, as a sign-in with it does not betray it.
    """
    kept = json.loads(Secret.objects.plain(row.ssh_secret) or b"{}")
    return bool(kept.get("private_key") or (kept.get("password") and not moved))


@transaction.atomic
def _catch_up(node: Node, actor: Actor) -> list[Job]:
    """Write what the node should hold by now; what it could not be given before."""
    due = node.deployments.exclude(generation=0)
    jobs = []
    for row in due.select_related("node"):
        target = str(row)
        jobs.append(
            enqueue(
                "deploy",
                target,
                once=target,
                started_by=str(actor),
                node=node.pk,
                service=row.service,
            )
        )
    return jobs
