"""The tables of a policy's page, and of what others have loaded, as CSV and JSON."""

from collections.abc import Iterable

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from certificates.access import Permission
from certificates.admin.export import PageTable
from certificates.tables import CHUNK, Table, columns
from ipsec.associations import Loaded
from ipsec.models import Negotiation, Policy
from ipsec.operations import listen


def _history(request: HttpRequest, pk: int) -> Iterable[Negotiation]:
    return get_object_or_404(Policy, pk=pk).negotiations.iterator(chunk_size=CHUNK)


def _others(request: HttpRequest) -> Iterable[Loaded]:
    """What the IKE daemon of this server holds now, as the list asks it, too."""
    rows = [one for one in listen().connections.values() if not one.is_ours]
    return sorted(rows, key=lambda one: one.name)


TABLES = (
    PageTable(
        "ipsec/policy/<int:pk>/history",
        Table(
            "negotiations",
            columns("at", "last_at", "times", "kind", "sentence", "cure", "field"),
        ),
        Permission.VIEW_POLICIES,
        _history,
    ),
    PageTable(
        "ipsec/policy/others",
        Table(
            "other-connections", columns("name", "version", "local_addresses", "remote_addresses")
        ),
        Permission.VIEW_POLICIES,
        _others,
    ),
)
