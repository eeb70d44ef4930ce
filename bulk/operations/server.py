"""The SFTP server is reached as it is set; a host key that changed stops everything (BK-5)."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction

from bulk.models import SERVER_SECRET, ExchangeServer
from bulk.transfer import Folder, HostKeyChanged, opened
from certificates.models import Action, Event, Secret
from certificates.operations.ssh_login import SshSecret
from certificates.reach.ssh import Target
from certificates.refusal import Refused
from certificates.sentence import say

logger = logging.getLogger(__name__)
PATIENCE = 20.0  # seconds without progress
LIMIT = 270.0  # seconds for one visit; the worker gives a job 300


@contextmanager
def visit(
    server: ExchangeServer,
    *,
    secret: SshSecret | None = None,
    stop: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
    limit: float = LIMIT,
) -> Iterator[Folder]:
    """The directory on the SFTP server, for as long as the block lasts.

    Args:
        secret: None: the one that is kept.
        stop: asked now and then; True ends the visit with `Cancelled`.
        patience, limit: seconds without progress, and in all.

    Raises:
        Refused: exchange.unset, exchange.host-key, reach.secret, and those of `bulk.transfer`.
        Cancelled: `stop` said so.
    """
    refuse_unready(server)
    used = secret or kept_secret()
    if not used:
        wrong = say(
            "The password of {server} is to be given again, as its host key is another now.",
            server=server,
        )
        raise Refused("reach.secret", wrong, say("Enter it and press Save."))
    try:
        with opened(
            target_of(server, used),
            server.directory,
            cluster_id=str(server.cluster_id),
            stop=stop,
            patience=patience,
            limit=limit,
        ) as folder:
            yield folder
    except HostKeyChanged as changed:
        _raise_alarm(server, changed)
        raise


def refuse_unready(server: ExchangeServer) -> None:
    """Raises `Refused` exchange.unset, exchange.host-key."""
    if not server.is_set:
        wrong = say("No SFTP server is set yet.")
        raise Refused(
            "exchange.unset",
            wrong,
            say("Enter its values under Bulk Certificate Management, or with ./ccxsec bulk set."),
        )
    if server.host_key_alarm:
        wrong = say(
            "{server} has shown another host key ({offered}) than the pinned one.",
            server=server,
            offered=server.host_key_alarm,
        )
        cure = say(
            "Nothing is sent to it until somebody decides, under Bulk Certificate Management."
        )
        raise Refused("exchange.host-key", wrong, cure)


def target_of(server: ExchangeServer, secret: SshSecret) -> Target:
    """Where to, as whom, and whose host key it must be."""
    return Target(server.host, server.port, server.user, server.host_key, **secret.as_dict())


def kept_secret() -> SshSecret:
    """The password or key that is kept; an empty one where there is none."""
    kept = json.loads(Secret.objects.plain(SERVER_SECRET) or b"{}")
    return SshSecret(kept.get("password", ""), kept.get("private_key", ""))


def _raise_alarm(server: ExchangeServer, changed: HostKeyChanged) -> None:
    """Keep it, so that everything stops until an operator decides."""
    offered = changed.offered
    logger.critical("%s shows another host key, %s: nothing is sent", server, offered)
    with transaction.atomic():
        Event.objects.hold()
        alarmed = ExchangeServer.objects.filter(
            pk=server.pk, host=server.host, port=server.port, host_key_alarm=""
        ).update(host_key_alarm=offered)
        if alarmed:
            Event.objects.record("product", Action.EXCHANGE_HOST_KEY, server, offered=offered)
