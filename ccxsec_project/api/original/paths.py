"""The original's certificate management API: the same paths and fields (docs/api-original.md).

Its scripts can't confirm a caution, so what the original does unasked is done: a new request takes
the place of the pending one, which is kept as superseded, and warnings do not stop an upload. What
the operations refuse is refused with 400 and a `message`, as there.
"""

from collections.abc import Iterator
from uuid import uuid4

from django.http import HttpRequest
from django.utils import timezone
from ninja import NinjaAPI, Router

from ccxsec_project.api.authentication import OriginalBasic, actor_of
from ccxsec_project.api.fields import Text, node_named
from ccxsec_project.api.original.fields import (
    MULTI_SERVER,
    CsrIn,
    IdentityIn,
    TrustIn,
    TrustOut,
    own_purpose,
    services_asked,
    trust_store,
)
from ccxsec_project.api.original.trust import add_to_stores, as_file, remove_from_stores
from ccxsec_project.api.problems import answer_with_problems
from certificates.access import Permission
from certificates.models import Certificate, Node, Purpose, Service, SigningRequest
from certificates.operations import cancel_request, request_certificate
from certificates.operations.examination import WARNINGS
from certificates.operations.request import EVERYTHING, pending_for, suggestions_for
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Refused
from certificates.x509.names import Subject

router = Router()
Answer = dict[str, object]


@router.get("/csr")
def show_csr(request: HttpRequest, service: Text = "tomcat") -> Answer:
    """The request that awaits its certificate."""
    actor_of(request).require(Permission.VIEW)
    return {"service": service, "csr": _pending(own_purpose(service)).pem}


@router.post("/csr")
def make_csr(request: HttpRequest, body: CsrIn) -> Answer:
    """A key and a request; what was pending is superseded."""
    actor, node, purpose = actor_of(request), node_named(""), own_purpose(body.service)
    actor.require(Permission.GENERATE)
    others = list(Node.objects.in_restart_order().exclude(pk=node.pk))
    nodes = [node, *(others if body.distribution.lower() == MULTI_SERVER else [])]
    suggested, names = suggestions_for(nodes)
    common_name = body.commonName or suggested.common_name
    done = request_certificate(
        node,
        purpose,
        key=body.key(),
        signed_with=body.hash(),
        subject=Subject(common_name=common_name),
        names=list(dict.fromkeys([common_name, *body.altNames])) if body.altNames else names,
        others=nodes[1:],
        replacing=[row.pk for row in pending_for(nodes, purpose)],
        confirmed=EVERYTHING,
        actor=actor,
        now=timezone.now(),
    )
    return {"service": purpose.value, "csr": done.request.pem}


@router.delete("/csr")
def delete_csr(request: HttpRequest, service: Text = "tomcat") -> Answer:
    """Cancels it; its key is kept."""
    actor_of(request).require(Permission.GENERATE)
    row = _pending(own_purpose(service))
    cancel_request(row, actor=actor_of(request), now=timezone.now())
    return {"message": f"The {row} was cancelled."}


def _pending(purpose: Purpose) -> SigningRequest:
    rows = SigningRequest.objects.pending().for_place(node_named(""), purpose)
    row = rows.select_related("node").first()
    if row is None:
        wrong = f"No signing request is pending for {purpose}."
        raise Refused("request.none", wrong, "Make one with POST.")
    return row


@router.get("/identity/certificates")
def list_identities(request: HttpRequest, service: Text = "") -> list[Answer]:
    """The identities in force, of one service or of all."""
    actor_of(request).require(Permission.DOWNLOAD)
    return list(_identities(services_asked(service)))


@router.get("/identity/certificate")
def show_identity(request: HttpRequest, service: Text = "tomcat") -> Answer:
    """The identity in force of one service."""
    actor_of(request).require(Permission.DOWNLOAD)
    found = next(_identities(services_asked(service)), None)
    if found is None:
        wrong = "No identity is in force for it."
        raise Refused("certificate.unknown", wrong, "Generate one, or upload one.")
    return found


@router.post("/identity/certificates")
def install_identity(request: HttpRequest, body: IdentityIn) -> Answer:
    """The answer of the CA, alone or with its chain: all of it, or nothing."""
    actor, node, purpose = actor_of(request), node_named(""), own_purpose(body.service)
    actor.require(Permission.UPLOAD)
    content, now = as_file(body.certificates), timezone.now()
    found = examine(node, purpose, content, now=now)
    done = install_upload(
        node,
        purpose,
        content,
        shown=found.shown,
        confirmed=[WARNINGS],
        actor=actor,
        now=now,
    )
    restart = done.examination.restarts if done.identities else []
    said = "Certificate uploaded." if done.identities else "It is in force already."
    return {"message": " ".join([said, *_to_restart(restart)]), "restart": restart}


@router.delete("/identity/certificates")
def delete_identity(request: HttpRequest, service: Text = "tomcat") -> Answer:
    """An identity can be replaced, not deleted."""
    actor_of(request).require(Permission.DELETE)
    wrong = f"The {own_purpose(service)} certificate is an identity: it can't be deleted."
    raise Refused("delete.own", wrong, "Generate a new one, or upload one that a CA has signed.")


@router.get("/trust/certificates")
@router.get("/trust/certificate")
def list_trusted(request: HttpRequest, service: Text = "") -> list[Answer]:
    """What is trusted, of one service or of all."""
    actor_of(request).require(Permission.DOWNLOAD)
    return [one for found in services_asked(service) for one in _trusted(found)]


@router.post("/trust/certificates")
def trust(request: HttpRequest, body: TrustIn) -> Answer:
    """Add CA certificates; those that are there already are no change."""
    stores = [trust_store(service) for service in body.service]
    added, restart = add_to_stores(
        node_named(""), stores, body.certificates, actor=actor_of(request), now=timezone.now()
    )
    said = f"{added} certificates added." if added else "They are there already."
    return {"message": " ".join([said, *_to_restart(restart)]), "restart": restart}


@router.delete("/trust/certificates")
def distrust(request: HttpRequest, body: TrustOut) -> Answer:
    """Take certificates out, unless the path of an identity in force needs them."""
    stores = [trust_store(service) for service in body.service]
    deleted, restart = remove_from_stores(
        node_named(""),
        stores,
        body.certificates,
        body.filenames,
        actor=actor_of(request),
        now=timezone.now(),
    )
    said = f"{deleted} certificates deleted."
    return {"message": " ".join([said, *_to_restart(restart)]), "restart": restart}


@router.get("/snapshot/server")
def snapshot(request: HttpRequest) -> Answer:
    """Everything of this server at once; no private key."""
    actor_of(request).require(Permission.DOWNLOAD)
    return {
        "trackingId": str(uuid4()),
        "server": node_named("").host_name,
        "identities": [one | {"csr": _csr_of(str(one["service"]))} for one in _identities(Service)],
        "trusts": [
            {"service": f"{service}-trust", "certificate_data": list(_trusted(service))}
            for service in Service
        ],
        "revokedCertificates": [],
    }


def _csr_of(service: str) -> str:
    rows = SigningRequest.objects.pending().for_place(node_named(""), Purpose(service))
    return rows.values_list("pem", flat=True).first() or ""


def _identities(services: "list[Service] | type[Service]") -> Iterator[Answer]:
    node = node_named("")
    for service in services:
        rows = node.certificates.active().for_purpose(Purpose(service.value))
        if (row := rows.first()) is not None:
            yield {"service": service.value, "certificate": row.pem.decode()}


def _trusted(service: Service) -> Iterator[Answer]:
    store = trust_store(service.value)
    rows = Certificate.objects.active().filter(node=node_named("")).for_purpose(store)
    for row in rows.order_by("common_name", "pk").iterator(chunk_size=500):
        yield {
            "service": store.value,
            "filename": row.file_name,
            "certificate": row.pem.decode(),
        }


def _to_restart(places: list[str]) -> list[str]:
    return [f"Restart {', then '.join(places)}."] if places else []


original = NinjaAPI(
    title="Certificate management of the original",
    auth=OriginalBasic(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="original",
)
original.add_router("", router)
answer_with_problems(original, as_original=True)
