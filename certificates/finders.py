"""What the find of the top bar looks up here: certificates, requests, nodes, endpoints, fields."""

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.urls import reverse

from certificates.access import Permission
from certificates.cells import at
from certificates.conditions import Condition, Operator
from certificates.find import few_keys, to_query, to_query_of_observed
from certificates.finding import (
    FEW,
    SHOWN,
    Finder,
    Group,
    Hit,
    Place,
    few,
    fields_of,
    found_list,
    holding,
)
from certificates.forms.backup import BackupForm
from certificates.forms.generate import GenerateForm
from certificates.forms.monitor import MonitorForm
from certificates.forms.reach import PlaceForm, ReachForm
from certificates.forms.request import RequestForm
from certificates.models import Certificate, Endpoint, Node, Observed, SigningRequest
from certificates.sentence import lowered, say

_LIST = "admin:certificates_certificate_changelist"
# The fewest digits of a serial number or fingerprint: fewer would be the beginning of a word.
_DIGITS = re.compile(r"(?:0x)?(?:[0-9a-f][: ]?){6,}", re.IGNORECASE)
_BY_DIGITS = (("fingerprint", Operator.BEGINS), ("serial_number", Operator.BEGINS))
_BY_TEXT = tuple(
    (field, Operator.CONTAINS) for field in ("common_name", "alternative_names", "issuer")
)
_INDEXED = 3  # characters that an index of text needs; of fewer only the common name is looked up
_LABELS = {
    "fingerprint": say("fingerprint"),
    "serial_number": say("serial number"),
    "file_name": say("file name"),
    "common_name": say("common name"),
    "alternative_names": say("subject alternative names"),
    "issuer": say("issuer"),
}


def _certificates(text: str) -> Group:
    """One look-up for each field, as an index answers one, where it would not answer either."""
    # The nodes' own are few, and called by the service they are for.
    own = Certificate.objects.active().own().filter(file_name__istartswith=text)
    rows = own.select_related("node").only(*_SHOWN).order_by("purpose", "node__host_name")
    hits = {row.pk: _certificate(row, "file_name") for row in rows[: SHOWN + 1]}
    more: list[tuple[str, str]] = []
    if hits:
        more.append(
            (
                _all("file_name", Operator.BEGINS),
                found_list(_LIST, "file_name", text, Operator.BEGINS),
            )
        )
    for field, operator in _fields(text):
        condition = Condition(field, operator, text)
        rows = Certificate.objects.active().filter(to_query([condition]))
        keys = few_keys([condition], FEW)
        if keys is not None:  # else there are so many that a walk soon meets a handful
            rows = rows.filter(pk__among=keys)
        found = list(rows.select_related("node").only(*_SHOWN)[: SHOWN + 1])
        for row in found:
            hits.setdefault(row.pk, _certificate(row, field))
        if found:
            more.append((_all(field, operator), found_list(_LIST, field, text, operator)))
        if len(hits) > SHOWN:
            break
    return Group(say("Certificates"), tuple(hits.values())[:SHOWN], tuple(more))


def _all(field: str, operator: Operator) -> str:
    if operator is Operator.BEGINS:
        return say("All that begin so in the {field}", field=_LABELS[field])
    return say("All with this in the {field}", field=_LABELS[field])


_SHOWN = (
    "purpose",
    "is_own",
    "state",
    "file_name",
    "common_name",
    "not_after",
    "node__host_name",
)


def _fields(text: str) -> Iterator[tuple[str, Operator]]:
    if _DIGITS.fullmatch(text):
        yield from _BY_DIGITS
    yield from _BY_TEXT if len(text) >= _INDEXED else _BY_TEXT[:1]


def _certificate(row: Certificate, field: str) -> Hit:
    of = {"file_name": row.file_name, "purpose": row.purpose, "node": row.node}
    about = say("{file_name}, {purpose} on {node}; by its {field}", **of, field=_LABELS[field])
    if row.not_after:
        about = say(
            "{file_name}, {purpose} on {node}, until {until}; by its {field}",
            **of,
            until=at(row.not_after),
            field=_LABELS[field],
        )
    address = reverse("admin:certificates_certificate_change", args=[row.pk])
    return Hit(row.common_name or row.file_name, about, address)


def _requests(text: str) -> Group:
    wanted = Q()
    for column in ("common_name", "subject", "subject_alternative_names"):
        wanted |= Q(**{f"{column}__icontains": text})
    rows = SigningRequest.objects.select_related("node").filter(wanted).order_by("-pk")
    return Group(say("Signing requests"), few(rows[:SHOWN], _request))


def _request(row: SigningRequest) -> Hit:
    about = say(
        "{file_name} of {node}, {state}",
        file_name=row.file_name,
        node=row.node,
        state=lowered(row.get_state_display()),
    )
    address = reverse("admin:certificates_request_page", args=[row.pk])
    return Hit(row.common_name or row.file_name, about, address)


def _nodes(text: str) -> Group:
    def words(row: Node) -> list[str]:
        return [row.host_name, *row.addresses, row.description, row.ssh_host]

    def hit(row: Node) -> Hit:
        about = ", ".join([row.get_role_display(), *row.addresses])
        return Hit(row.host_name, about, reverse("admin:certificates_node_page", args=[row.pk]))

    return Group(say("Nodes"), few(holding(text, Node.objects.in_restart_order(), words), hit))


def _endpoints(text: str) -> Group:
    def words(row: Endpoint) -> list[object]:
        return [row, row.asked_name, row.node, row.fingerprint]

    def hit(row: Endpoint) -> Hit:
        return Hit(str(row), say("Looked at for {node}", node=row.node), _discovery())

    places = few(holding(text, Endpoint.objects.in_order(), words), hit)
    return Group(say("Monitored endpoints"), (*places, *_seen(text))[:SHOWN])


def _discovery() -> str:
    return reverse("admin:certificates_endpoint_changelist")


def _seen(text: str) -> tuple[Hit, ...]:
    """Certificates that are served there, and are none of ours."""
    wanted = Q()
    for field, operator in _fields(text):
        wanted |= to_query_of_observed([Condition(field, operator, text)])
    rows: Any = Observed.objects.watched().select_related("endpoint__node").filter(wanted)
    return few(rows.defer("der").order_by("pk")[:SHOWN], _observed)


def _observed(row: Observed) -> Hit:
    about = say("Served at {endpoint}, and not ours", endpoint=row.endpoint)
    address = reverse("admin:certificates_observed_page", args=[row.pk])
    return Hit(row.common_name or row.file_name, about, address)


def _chosen_first(about: str) -> str:
    """A field without a help has a name before it, and no sentence that has ended."""
    if about.endswith("."):
        return say("{about} Choose the node first.", about=about)
    return say("{about}. Choose the node first.", about=about)


FINDERS = (
    Finder(Permission.VIEW, _certificates),
    Finder(Permission.VIEW, _requests),
    Finder(Permission.VIEW_NODES, _nodes),
    Finder(Permission.VIEW, _endpoints),
)

_VIEW, _GENERATE = Permission.VIEW, Permission.GENERATE
_NODES = "admin:certificates_node_changelist"
PLACES = (
    Place(
        say("Signing requests"),
        say("Certificate Management"),
        "admin:certificates_signingrequest_changelist",
        _VIEW,
        "csr",
    ),
    Place(
        say("Third-party CA guide"),
        say("Certificate Management. The seven steps to a certificate of a CA"),
        "admin:certificates_guide",
        _VIEW,
    ),
    Place(
        say("Compare trust stores"),
        say("Certificate Management. What differs between nodes; Copy to node"),
        "admin:certificates_trust_stores",
        _VIEW,
    ),
    Place(
        say("Upload Certificate or Certificate Chain"),
        say("Certificate Management"),
        "admin:certificates_upload_dialog",
        Permission.UPLOAD,
        "import install p7b pkcs#7 pem der",
    ),
    Place(
        say("Delivery log"),
        say("Certificate Monitor. Each message, and the server's answer"),
        "admin:certificates_delivery_changelist",
        _VIEW,
        "mail e-mail webhook syslog sent",
    ),
    Place(
        say("Add a node"),
        say("Nodes"),
        "admin:certificates_node_add",
        Permission.CONFIGURE,
        "server",
    ),
    Place(
        say("Verify the audit log"),
        say("Audit log"),
        "admin:certificates_audit_verify",
        Permission.VIEW_EVENTS,
        "tamper hash chain",
    ),
    *fields_of(
        GenerateForm, "Generate Self-signed", "admin:certificates_generate_dialog", _GENERATE
    ),
    *fields_of(
        RequestForm,
        say("Generate CSR"),
        "admin:certificates_request_dialog",
        _GENERATE,
        without=("distribution",),
    ),
    *fields_of(
        MonitorForm,
        say("Certificate Monitor"),
        "admin:monitor",
        _VIEW,
        words={"start_days": "warning period expiry", "smtp_host": "mail server relay"},
    ),
    *fields_of(
        BackupForm,
        say("Backup"),
        "admin:certificates_backupsettings_changelist",
        Permission.BACKUP,
        words={"kept": "retention prune", "every": "schedule interval"},
    ),
    *(
        Place(
            place.name,
            _chosen_first(place.about),
            _NODES,
            place.permission,
            place.words,
        )
        for form, page in (
            (ReachForm, say("Connection of a node")),
            (PlaceForm, say("Service of a node")),
        )
        for place in fields_of(form, page, _NODES, Permission.CONFIGURE)
    ),
)
