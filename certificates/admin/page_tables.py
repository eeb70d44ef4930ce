"""The tables of pages that are no lists, as CSV and JSON (docs/tables.md)."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from certificates.access import Permission
from certificates.admin.export import PageTable
from certificates.admin.find_list import COUNTED
from certificates.forms.trust_stores import StoresForm
from certificates.models import (
    BackupSettings,
    Certificate,
    Endpoint,
    Event,
    Message,
    Observed,
    RestartNotice,
    SigningRequest,
    SilenceRule,
)
from certificates.operations.backup.folder import BackupFile, backups_in
from certificates.operations.backup.schedule import folder_of
from certificates.operations.compare_trust import Compared
from certificates.operations.verdict import verdicts
from certificates.tables import CHUNK, Table, columns

_EVENT = columns("sequence", "at", "actor", "action", "object_text", "detail")


def _restarts(request: HttpRequest) -> Iterable[RestartNotice]:
    rows = RestartNotice.objects.select_related("node").order_by("-opened_at", "-pk")
    return rows.iterator(chunk_size=CHUNK)


def _backups(request: HttpRequest) -> Iterable[BackupFile]:
    try:
        return backups_in(folder_of(BackupSettings.objects.current()), most=COUNTED)
    except OSError:  # which the page itself tells
        return []


def _endpoints(request: HttpRequest) -> Iterable[Any]:
    rows = list(Endpoint.objects.in_order())
    return zip(rows, verdicts(rows), strict=True)


def _observed(request: HttpRequest) -> Iterable[Observed]:
    rows = Observed.objects.watched().select_related("endpoint__node").defer("der")
    return rows.order_by("not_after", "pk").iterator(chunk_size=CHUNK)


def _compared(request: HttpRequest) -> Iterable[Compared]:
    form = StoresForm(request.GET)
    if not form.is_valid():  # the page itself says what is wrong
        return []
    name = form.cleaned_data["name"].strip().casefold()
    found = form.stores().each(differences_only=not form.cleaned_data["all"])
    return (one for one in found if name in one.certificate.common_name.casefold())


def _events_of(model: type[Model]) -> Any:
    def rows(request: HttpRequest, pk: int) -> Iterable[Event]:
        row = get_object_or_404(model, pk=pk)
        kind = model._meta.label_lower
        found = Event.objects.filter(object_type=kind, object_id=str(row.pk))
        return found.iterator(chunk_size=CHUNK)

    return rows


def _rules(request: HttpRequest) -> Iterable[SilenceRule]:
    return SilenceRule.objects.all()


def _messages(request: HttpRequest) -> Iterable[Message]:
    return Message.objects.exclude(subject="").iterator(chunk_size=CHUNK)


def _deliveries_of(request: HttpRequest, pk: int) -> Iterable[Any]:
    message = get_object_or_404(Message, pk=pk)
    return message.deliveries.order_by("pk").iterator(chunk_size=CHUNK)


def _notices_of(request: HttpRequest, pk: int) -> Iterable[Any]:
    message = get_object_or_404(Message, pk=pk)
    return message.notifications.order_by("not_after", "pk").iterator(chunk_size=CHUNK)


_LIST = "certificates/certificate"
TABLES = (
    PageTable(
        "certificates/restartnotice/restarts",
        Table(
            "restarts",
            columns(
                "service",
                "reason",
                "expected",
                "opened_at",
                "ran_at",
                "closed_at",
                "closing",
                "closed_by",
                node="node__host_name",
            ),
        ),
        Permission.VIEW,
        _restarts,
    ),
    PageTable(
        "certificates/backupsettings/backups",
        Table(
            "backups",
            columns(
                "name",
                "size",
                "problem",
                made_at=lambda file: file.header.made_at if file.header else None,
            ),
        ),
        Permission.BACKUP,
        _backups,
    ),
    PageTable(
        "certificates/endpoint/endpoints",
        Table(
            "endpoints",
            columns(
                address=lambda found: str(found[0]),
                server_name=lambda found: found[0].asked_name,
                node=lambda found: found[0].node,
                service=lambda found: found[0].service,
                fingerprint=lambda found: found[0].fingerprint,
                probed_at=lambda found: found[0].probed_at,
                verdict=lambda found: found[1].word,
                sentence=lambda found: found[1].sentence,
                cure=lambda found: found[1].cure,
            ),
        ),
        Permission.VIEW,
        _endpoints,
    ),
    PageTable(
        "certificates/endpoint/observed",
        Table(
            "observed",
            columns(
                "file_name",
                "common_name",
                "subject",
                "issuer",
                "serial_number",
                "not_before",
                "not_after",
                "key_label",
                "signature_algorithm",
                "fingerprint",
                "is_leaf",
                "first_seen",
                "last_seen",
                node="node__host_name",
                address="endpoint",
            ),
        ),
        Permission.VIEW,
        _observed,
    ),
    PageTable(
        f"{_LIST}/trust-stores/certificates",
        Table(
            "trust-stores",
            columns(
                common_name="certificate__common_name",
                issuer="certificate__issuer_common_name",
                not_after="certificate__not_after",
                fingerprint="certificate__fingerprint",
                differs="differs",
                nodes=lambda one: {place.node.host_name: place.is_there for place in one.places},
            ),
        ),
        Permission.VIEW,
        _compared,
    ),
    PageTable(
        f"{_LIST}/<int:pk>/history",
        Table("certificate-history", _EVENT),
        Permission.VIEW,
        _events_of(Certificate),
    ),
    PageTable(
        "certificates/signingrequest/<int:pk>/history",
        Table("request-history", _EVENT),
        Permission.VIEW,
        _events_of(SigningRequest),
    ),
    PageTable(
        "monitor/rules",
        Table("silence-rules", columns("name", "field", "operator", "value", "reason", "by", "at")),
        Permission.VIEW,
        _rules,
    ),
    PageTable(
        "monitor/messages",
        Table(
            "messages",
            columns("identifier", "channel", "subject", "at", "state", "certificates", "problem"),
        ),
        Permission.VIEW,
        _messages,
    ),
    PageTable(
        "certificates/delivery/message/<int:pk>/addresses",
        Table(
            "message-addresses",
            columns("address", "state", "tries", "reply", "changed_at", "not_before"),
        ),
        Permission.VIEW,
        _deliveries_of,
    ),
    PageTable(
        "certificates/delivery/message/<int:pk>/certificates",
        Table(
            "message-certificates",
            columns(
                "node",
                "unit",
                "type",
                "file_name",
                "common_name",
                "fingerprint",
                "not_after",
                "severity",
            ),
        ),
        Permission.VIEW,
        _notices_of,
    ),
)
