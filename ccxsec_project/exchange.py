"""What the dashboard tells of the exchange with other clusters, by the last look at the server."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone

from bulk.models import ExchangeServer
from bulk.operations import standing
from bulk.operations.standing import Standing, Unconfirmed
from ccxsec_project.attention import Attention
from certificates.sentence import say

NAMED = 5  # clusters of one kind


def attention_of_exchange() -> list[Attention]:
    """What stops the exchange, and what an operator should do next (BK-1 to BK-5)."""
    server = ExchangeServer.objects.current()
    if not server.is_set:
        return []
    page = reverse("admin:bulk")
    found = list(_of_server(server, page))
    if server.seen_at:
        state = standing(now=timezone.now())
        found += [*_stale(state, page), *_unconfirmed(state, page)]
    return found


def _of_server(server: ExchangeServer, page: str) -> Iterator[Attention]:
    if server.host_key_alarm:
        said = say(
            "The SFTP server {server} shows another host key: nothing is sent to it.", server=server
        )
        yield Attention("critical", say("Host key"), said, say("Compare, then decide"), page)
    elif server.trouble:
        said = say(
            "The SFTP server {server} can't be used. {trouble}",
            server=server,
            trouble=server.trouble,
        )
        yield Attention("soon", say("Exchange"), said, say("Look at the server"), page)


def _stale(state: Standing, page: str) -> Iterator[Attention]:
    services = [row.seen.service for row in state.exports if row.is_stale]
    if services:
        said = say(
            "The certificates of {services} have changed since the last export.",
            services=" and ".join(services),
        )
        yield Attention("soon", say("Exchange"), said, say("Export again"), f"{page}#exchange")


def _unconfirmed(state: Standing, page: str) -> Iterator[Attention]:
    for one in state.unconfirmed[:NAMED]:
        yield Attention(
            "plain" if one.pinned is None else "critical",
            say("Cluster") if one.pinned is None else say("Other keys"),
            _said(one),
            say("Compare its fingerprints"),
            f"{page}#cluster-{one.cluster_id}",
        )


def _said(one: Unconfirmed) -> str:
    if one.pinned is None:
        return say(
            "The cluster {name} exports to the SFTP server; nobody has confirmed it.", name=one.name
        )
    return say(
        "The exports of the cluster {name} are signed by other keys than the confirmed ones.",
        name=one.name,
    )
