"""A node's files and commands, whichever way it is reached; every trouble is a sentence."""

import errno
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from certificates.models import Action, Event, Node, Secret
from certificates.reach import ssh
from certificates.reach.command import Ended, run_here
from certificates.reach.files import ClosedFolderError, Files, LocalFiles, UnknownOwnerError
from certificates.refusal import Refused
from certificates.sentence import say

logger = logging.getLogger(__name__)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def files_of(node: Node) -> Iterator[Files]:
    """The node's files, for as long as the block lasts.

    Raises:
        Refused: node.unreachable, node.unpinned, node.host-key, node.login, node.no-answer; and for
            what happens inside the block store.full, store.busy, store.unwritable, store.owner.
    """
    with _told(node):
        if node.is_local:
            yield LocalFiles()
        else:
            with _connected(node) as connection, connection.files() as files:
                yield files


def run_on(node: Node, words: Sequence[str], *, limit: float) -> Ended:
    """Run a command on the node, without a shell of ours.

    Args:
        limit: seconds.

    Raises:
        Refused: as for `files_of`.
    """
    if node.is_local:
        return run_here(words, limit=limit)
    with _told(node), _connected(node) as connection:
        return connection.run(words, limit=limit)


def offered_host_key(node: Node) -> ssh.HostKey:
    """The key that the node's SSH server shows now. Raises `Refused` node.no-answer."""
    with _told(node):
        return ssh.offered_host_key(node.ssh_address, node.ssh_port)


@contextmanager
def _connected(node: Node) -> Iterator[ssh.Connection]:
    with ssh.connected(_target(node)) as connection:
        yield connection


def _target(node: Node) -> ssh.Target:
    if not node.is_reached:
        wrong = say(
            "{node} is not reached from here: nothing is written to it, or restarted there.",
            node=node,
        )
        raise Refused(
            "node.unreachable", wrong, say("Set up SSH for it under Nodes, or do it there.")
        )
    if node.host_key_alarm:
        wrong = say(
            "{node} has shown another host key ({host_key_alarm}) than the pinned one.",
            node=node,
            host_key_alarm=node.host_key_alarm,
        )
        raise Refused(
            "node.host-key",
            wrong,
            say("Nothing is sent to it until somebody decides, under Nodes."),
        )
    if not node.host_key:
        wrong = say("The host key of {node} is not pinned yet.", node=node)
        raise Refused(
            "node.unpinned", wrong, say("Compare its fingerprint and pin it, under Nodes.")
        )
    secret = json.loads(Secret.objects.plain(node.ssh_secret) or b"{}")
    return ssh.Target(
        node.ssh_address,
        node.ssh_port,
        node.ssh_user,
        node.host_key,
        password=secret.get("password", ""),
        private_key=secret.get("private_key", ""),
    )


@contextmanager
def _told(node: Node) -> Iterator[None]:
    """What the adapters raise, as the refusal that an operator can act on."""
    try:
        yield
    except ssh.HostKeyChangedError as changed:
        _raise_alarm(node, changed.offered)
        wrong = say(
            "{node} shows the host key {fingerprint}, not the pinned one.",
            node=node,
            fingerprint=changed.offered.fingerprint,
        )
        cure = say("Nothing was sent. Find out why before anything else, then decide under Nodes.")
        raise Refused("node.host-key", wrong, cure) from changed
    except ssh.LoginRefusedError as refused:
        cure = say("Give its user and password or key anew, under Nodes.")
        raise Refused(
            "node.login", say("{node}: {refused}.", node=node, refused=refused), cure
        ) from refused
    except ssh.SshError as error:
        wrong = say("{node} gave no answer, {error}.", node=node, error=error)
        raise Refused("node.no-answer", wrong, say("It is tried again by itself.")) from error
    except ClosedFolderError as error:
        wrong = say(
            "{error} on {node} is closed to other users: nobody but its owner gets to the store.",
            error=error,
            node=node,
        )
        cure = say(
            "Put the store elsewhere, such as /etc/ccxsec (here: CCXSEC_STORE), or open the way."
        )
        raise Refused("store.closed", wrong, cure) from error
    except UnknownOwnerError as error:
        wrong = say("{node} knows no user or group {error}.", node=node, error=repr(str(error)))
        raise Refused("store.owner", wrong, say("Correct it in the node's service.")) from error
    except OSError as error:
        raise _refusal(node, error) from error


def _refusal(node: Node, error: OSError) -> Refused:
    where = say("The store on {node}", node=node)
    if error.filename:
        where = say("{file} on {node}", file=error.filename, node=node)
    if error.errno in _FULL:
        cure = say("Free space there; the former version is still in force.")
        return Refused(
            "store.full", say("{where} can't be written: its disk is full.", where=where), cure
        )
    if error.errno == errno.EBUSY:
        wrong = say("{where} can't be written: {strerror}.", where=where, strerror=error.strerror)
        return Refused("store.busy", wrong, say("It is tried again by itself."))
    if error.errno == errno.EPERM:
        wrong = say(
            "{where} can't be given to another user or group by the user that writes it.",
            where=where,
        )
        cure = say("Write as root, or leave owner and group of the service empty.")
        return Refused("store.owner", wrong, cure)
    why = error.strerror or error
    wrong = say("{where} can't be written or read: {why}.", where=where, why=why)
    return Refused("store.unwritable", wrong, say("Mend its rights or its disk."))


def _raise_alarm(node: Node, offered: ssh.HostKey) -> None:
    """Keep it, so that everything stops until an operator decides."""
    logger.critical("%s shows another host key, %s: nothing is sent", node, offered.fingerprint)
    with transaction.atomic():
        Event.objects.hold()
        changed = Node.objects.filter(pk=node.pk, host_key_alarm="").update(
            host_key_alarm=offered.fingerprint
        )
        if changed:
            Event.objects.record("product", Action.NODE_HOST_KEY, node, offered=offered.fingerprint)
