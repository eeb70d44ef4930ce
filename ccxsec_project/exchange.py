"""What the dashboard tells of the exchange with other clusters, by the last look at the server."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone

from bulk.models import ExchangeServer
from bulk.operations import standing
from bulk.operations.standing import Standing, Unconfirmed
from ccxsec_project.attention import Attention

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
        said = f"The SFTP server {server} shows another host key: nothing is sent to it."
        yield Attention("critical", "Host key", said, "Compare, then decide", page)
    elif server.trouble:
        said = f"The SFTP server {server} can't be used. {server.trouble}"
        yield Attention("soon", "Exchange", said, "Look at the server", page)


def _stale(state: Standing, page: str) -> Iterator[Attention]:
    services = [row.seen.service for row in state.exports if row.is_stale]
    if services:
        said = f"The certificates of {' and '.join(services)} have changed since the last export."
        yield Attention("soon", "Exchange", said, "Export again", f"{page}#exchange")


def _unconfirmed(state: Standing, page: str) -> Iterator[Attention]:
    for one in state.unconfirmed[:NAMED]:
        yield Attention(
            "plain" if one.pinned is None else "critical",
            "Cluster" if one.pinned is None else "Other keys",
            _said(one),
            "Compare its fingerprints",
            f"{page}#cluster-{one.cluster_id}",
        )


def _said(one: Unconfirmed) -> str:
    if one.pinned is None:
        return f"The cluster {one.name} exports to the SFTP server; nobody has confirmed it."
    return (
        f"The exports of the cluster {one.name} are signed by other keys than the confirmed ones."
    )
