"""Certificate Details: every part of one certificate in words (CM-3)."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from certificates.access import Actor, Permission, signed_in
from certificates.cells import expiry
from certificates.dialogs import filters_of, list_address, show
from certificates.forms.monitor import AcknowledgeForm
from certificates.models import Acknowledgement, Certificate, Deployment, Event, RestartNotice
from certificates.models.certificate import State
from certificates.operations.monitoring.sources import CERTIFICATES
from certificates.sentence import say
from certificates.x509.details import Details, describe

LONGEST_CHAIN = 8
HISTORY = 30


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of the chain; `row` is None for an issuer that is not in the trust store."""

    name: str
    role: str
    row: Certificate | None
    is_this: bool = False


def details(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """The page of one certificate; whatever is broken in it, there is a page."""
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=pk)
    actor = signed_in(request)
    context: dict[str, Any] = {
        "row": row,
        "described": described(bytes(row.der)),
        "expiry": expiry(row.not_after, timezone.now()),
        "chain": chain_of(row),
        "usage": usage_of(row),
        "history": _history(row),
        "former": _former(row),
        "pem": row.pem.decode(),
        "close": list_address(request),
        "filters": filters_of(request),
        **_notices(row, actor),
        "may_download": actor.may(Permission.DOWNLOAD),
        "newer": _newer(row),
        **_allowed(row, actor),
        "der_name": f"{PurePath(row.file_name).stem}.der",
        "opts": Certificate._meta,
    }
    title = say("{file_name} on {node}", file_name=row.file_name, node=row.node)
    return show(request, site, "certificates/certificate_details.html", title, **context)


def _allowed(row: Certificate, actor: Actor) -> dict[str, bool]:
    """Which buttons the page has."""
    in_force = row.is_own and row.state == State.ACTIVE
    former = row.node.certificates.former().for_purpose(row.serves)
    return {
        "may_generate": actor.may(Permission.GENERATE) and in_force,
        "may_request": actor.may(Permission.GENERATE) and in_force,
        "may_upload": actor.may(Permission.UPLOAD) and row.state == State.ACTIVE,
        "may_roll_back": actor.may(Permission.UPLOAD)
        and (former.exists() if in_force else row.is_own),
        "may_delete": actor.may(Permission.DELETE) and not row.is_own,
    }


def _notices(row: Certificate, actor: Actor) -> dict[str, Any]:
    """Whether somebody knows of its expiry, and the form to say so."""
    now = timezone.now()
    said = Acknowledgement.objects.of(CERTIFICATES.name, row.pk).in_force(now).first()
    is_asked = row.state == State.ACTIVE and actor.may(Permission.CONFIGURE)
    return {
        "acknowledgement": said,
        "may_acknowledge": is_asked,
        "latest_acknowledgement": AcknowledgeForm.latest(now),
    }


def _newer(row: Certificate) -> Certificate | None:
    """Another of the same name in the same trust store that begins later."""
    if row.is_own or not row.subject_digest or row.not_before is None:
        return None
    store = Certificate.objects.trust().filter(node=row.node_id, purpose=row.purpose)
    same = store.filter(subject_digest=row.subject_digest, not_before__gt=row.not_before)
    return same.defer("der").order_by("-not_before").first()


def described(der: bytes) -> Details | None:
    """None for bytes in which nothing can be read: the columns are all that there is."""
    try:
        return describe(der)
    except ValueError:
        return None


def chain_of(row: Certificate) -> list[Link]:
    """From the certificate up to what ends its path, by names and key identifiers.

    Signatures are judged when a certificate is installed, not here.
    """
    links = [Link(row.common_name or row.subject, say("This certificate"), row, is_this=True)]
    seen, current = {row.pk}, row
    while current.issuer != current.subject and len(links) < LONGEST_CHAIN:
        issuer = _issuer_of(current).exclude(pk__in=seen).first()
        if issuer is None:
            missing = current.issuer_common_name or current.issuer or say("Unknown issuer")
            return [*links, Link(missing, say("Not in the trust store"), None)]
        seen.add(issuer.pk)
        links.append(Link(issuer.common_name or issuer.subject, say("Issuer"), issuer))
        current = issuer
    return links


def _issuer_of(row: Certificate) -> QuerySet[Certificate]:
    store = Certificate.objects.trust().active()
    store = store.filter(node=row.node, purpose=f"{row.serves.service.value}-trust")
    named = store.filter(subject_digest=row.issuer_digest)
    identifier = row.authority_key_identifier
    if identifier and named.filter(subject_key_identifier=identifier).exists():
        named = named.filter(subject_key_identifier=identifier)
    return named.order_by("-not_before", "pk")


def usage_of(row: Certificate) -> list[str]:
    """Where the certificate is used, in sentences."""
    service, node = row.serves.service, row.node
    if not row.is_own:
        return [
            say(
                "The {service} service of {node} trusts it, and what it has signed.",
                service=service,
                node=node,
            )
        ]
    if row.state != State.ACTIVE:
        return [
            say("It was replaced and is not in force; {node} keeps it with its key.", node=node)
        ]
    sentences = [
        say("It is the identity of the {service} service of {node}.", service=service, node=node)
    ]
    if not node.is_reached:
        return [
            *sentences,
            say("{node} is not reached from here: it is kept here, not there.", node=node),
        ]
    deployment = Deployment.objects.filter(node=node, service=service.value).first()
    if deployment and deployment.is_in_force:
        sentences.append(_held(deployment))
    else:
        sentences.append(
            say("The store of {node} does not hold it yet: the worker writes it soon.", node=node)
        )
    if RestartNotice.objects.open().filter(node=node, service=service.value).exists():
        sentences.append(
            say("The running {service} service takes it at its next restart.", service=service)
        )
    return sentences


def _held(deployment: Deployment) -> str:
    node, version, at = deployment.node, deployment.in_force, deployment.in_force_at
    if not at:
        return say("The store of {node} holds it as version {version}.", node=node, version=version)
    return say(
        "The store of {node} holds it as version {version} since {moment}.",
        node=node,
        version=version,
        moment=f"{timezone.localtime(at):%Y-%m-%d %H:%M}",
    )


def _history(row: Certificate) -> QuerySet[Event]:
    label = Certificate._meta.label_lower
    return Event.objects.filter(object_type=label, object_id=str(row.pk))[:HISTORY]


def _former(row: Certificate) -> QuerySet[Certificate] | None:
    if not row.is_own:
        return None
    rows = row.node.certificates.for_purpose(row.serves).exclude(pk=row.pk)
    return rows.defer("der").order_by("-pk")[:5]
