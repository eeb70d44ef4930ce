"""Signing requests for a CA."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import (
    Body,
    Confirmed,
    Cursor,
    Key,
    KeyInPath,
    Limit,
    Text,
    moment,
    node_named,
)
from ccxsec_project.api.paging import page_by
from ccxsec_project.api.resources.replacing import SubjectIn
from certificates.access import Permission
from certificates.admin.download import attachment
from certificates.admin.signing_request import MEDIA_TYPE
from certificates.models import Node, Purpose, RequestState, SigningRequest
from certificates.operations import cancel_request, reopen_request, request_certificate
from certificates.operations.request import note_download, suggestions_for
from certificates.x509.csr import RequestHash
from certificates.x509.names import MAXIMUM_NAMES
from certificates.x509.policy import KeyChoice

router = Router(tags=["Signing requests"])


class RequestOut(Schema):
    id: int
    node: str
    purpose: Purpose
    state: RequestState
    common_name: str
    subject: str
    alternative_names: str
    key: str
    key_fingerprint: str = Field(description="SHA-256 of the public key (SPKI).")
    made_by: str
    created_at: str | None
    closed_at: str | None
    pem: str


class RequestPage(Schema):
    items: list[RequestOut]
    next: str | None


class RequestIn(SubjectIn):
    purpose: Purpose
    key: KeyChoice = Field(KeyChoice.RSA_3072, description="An RSA one.")
    hash: RequestHash = RequestHash.SHA256
    names: list[Text] | None = Field(
        None, max_length=MAXIMUM_NAMES, description="Alternative names; null: the node's."
    )
    multi_server: bool = Field(False, description="One identity for every node.")
    replacing: list[Key] = Field(
        [], max_length=100, description="The pending requests that it replaces."
    )
    confirmed: Confirmed = []


class ReopenIn(Body):
    replacing: list[Key] = Field([], max_length=100)
    confirmed: Confirmed = []


class RequestedOut(Schema):
    request: RequestOut
    superseded: list[int]


def told(row: SigningRequest) -> dict[str, object]:
    """A request as the API shows it."""
    return {
        "id": row.pk,
        "node": row.node.host_name,
        "purpose": row.purpose,
        "state": row.state,
        "common_name": row.common_name,
        "subject": row.subject,
        "alternative_names": row.subject_alternative_names,
        "key": row.key_label,
        "key_fingerprint": row.public_key_fingerprint,
        "made_by": row.made_by,
        "created_at": moment(row.created_at),
        "closed_at": moment(row.closed_at),
        "pem": row.pem,
    }


@router.get("", response=RequestPage, summary="List signing requests, the newest first")
def list_requests(
    request: HttpRequest,
    *,
    state: RequestState | None = None,
    limit: Limit = 50,
    after: Cursor = "",
) -> dict[str, object]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    rows = SigningRequest.objects.select_related("node")
    if state:
        rows = rows.filter(state=state)
    return page_by(rows, "-pk", told, limit=limit, after=after)


@router.get("/{int:signing_request}", response=RequestOut, summary="Show a signing request")
def show_request(request: HttpRequest, signing_request: KeyInPath) -> dict[str, object]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    return told(_row(signing_request))


@router.post("", response={201: RequestedOut}, summary="Make a key and a signing request")
def make_request(request: HttpRequest, body: RequestIn) -> Status[dict[str, object]]:
    """Refused with 409 unless `replacing` names what is pending: sent twice, it is done once.

    Needs the scope `certificates.generate_certificate`.
    """
    actor = actor_of(request)
    actor.require(Permission.GENERATE)
    node = node_named(body.node)
    others = Node.objects.in_restart_order().exclude(pk=node.pk) if body.multi_server else ()
    done = request_certificate(
        node,
        body.purpose,
        key=body.key,
        signed_with=body.hash,
        subject=body.subject(suggestions_for([node, *others])[0]),
        names=body.names,
        others=list(others),
        replacing=body.replacing,
        confirmed=body.confirmed,
        actor=actor,
        now=timezone.now(),
    )
    return Status(
        201,
        {
            "request": told(done.request),
            "superseded": [row.pk for row in done.superseded],
        },
    )


@router.delete("/{int:signing_request}", response={204: None}, summary="Cancel a signing request")
def cancel(request: HttpRequest, signing_request: KeyInPath) -> Status[None]:
    """Its key is kept, so that it can be taken up again.

    Needs the scope `certificates.generate_certificate`.
    """
    cancel_request(_row(signing_request), actor=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post(
    "/{int:signing_request}/reopen", response=RequestedOut, summary="Wait for an answer again"
)
def reopen(request: HttpRequest, signing_request: KeyInPath, body: ReopenIn) -> dict[str, object]:
    """Needs the scope `certificates.generate_certificate`."""
    done = reopen_request(
        _row(signing_request),
        replacing=body.replacing,
        confirmed=body.confirmed,
        actor=actor_of(request),
        now=timezone.now(),
    )
    return {"request": told(done.request), "superseded": [row.pk for row in done.superseded]}


@router.post(
    "/{int:signing_request}/download",
    summary="Download a signing request",
    openapi_extra={
        "responses": {
            200: {
                "description": "PKCS#10 in PEM.",
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            }
        }
    },
)
def download_request(request: HttpRequest, signing_request: KeyInPath) -> HttpResponse:
    """That it was downloaded is noted for the third-party CA guide, and in the audit log.

    Needs the scope `certificates.download_certificate`.
    """
    row = _row(signing_request)
    note_download(row, actor=actor_of(request), now=timezone.now())
    return attachment(row.pem.encode(), row.file_name, MEDIA_TYPE)


def _row(key: int) -> SigningRequest:
    return get_object_or_404(SigningRequest.objects.select_related("node"), pk=key)
