"""Compose: everything of a channel that was not sent yet becomes one message (MO-2)."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from certificates.expiry.digest import Digest, Found, digest_of
from certificates.models import Channel, Delivery, Message, Node, Notification
from certificates.models.notification import LEASE
from certificates.operations.monitoring.sources import SOURCES
from certificates.refusal import Refused
from certificates.x509.names import host_name as checked_host_name

_LONGEST_HOST = 40  # a Message-ID is never folded


def base_address() -> str:
    """Where operators reach the product, with a slash at its end."""
    if settings.CCXSEC_BASE_URL:
        return f"{settings.CCXSEC_BASE_URL.rstrip('/')}/"
    return f"https://{host_name()}:{settings.CCXSEC_PORT}/"


def host_name() -> str:
    """Of the local node, as it may stand in a header; "localhost" where its name may not."""
    node = Node.objects.filter(is_local=True).first()
    try:
        return checked_host_name(node.host_name) if node else "localhost"
    except Refused:
        return "localhost"


def new_identifier() -> str:
    """A Message-ID (RFC 5322, 3.6.4)."""
    host = host_name()
    return f"<{uuid.uuid4().hex}@{host if len(host) <= _LONGEST_HOST else 'ccxsec'}>"


def claim(
    channel: Channel, *, sender: str, recipients: Sequence[str], token: str, now: datetime
) -> Message | None:
    """A message for every notice that no message carries yet; None: there is no such notice.

    It is written down with its identifier and its recipients before anything is sent; `token`
    holds it.
    """
    with transaction.atomic():
        unsent = Notification.objects.unsent(channel)
        if not unsent.exists():
            return None
        message = Message.objects.create(
            channel=channel.value,
            identifier=new_identifier(),
            at=now.replace(microsecond=0),
            sender=sender,
            base=base_address(),
            token=token,
            leased_until=now + LEASE,
        )
        if not unsent.update(message=message):
            transaction.set_rollback(True)
            return None
        Delivery.objects.bulk_create(
            Delivery(message=message, address=address, changed_at=now) for address in recipients
        )
    return message


def digest_for(message: Message) -> Digest:
    """What a message says; the same whenever it is asked for."""
    return digest_of(findings_of(message), at=message.at, base=message.base)


def findings_of(message: Message) -> Iterator[Found]:
    """Each certificate once, also where notices of several periods have piled up."""
    pages = {source.name: source.page for source in SOURCES}
    rows = message.notifications.order_by("not_after", "source", "source_key", "-period_start")
    before = ""
    for row in rows.iterator(chunk_size=2000):
        if row.watched != before:
            before = row.watched
            page = pages.get(row.source)
            yield row.found(f"{message.base}{page(row.source_key)}" if page else "")
