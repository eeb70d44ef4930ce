"""Certificates: the list with its find rows, details, the files."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Cursor, KeyInPath, Limit, Text, moment
from ccxsec_project.api.paging import cursor, place_of
from certificates.access import Permission
from certificates.admin.download import FILE_KINDS, attachment
from certificates.conditions import MAXIMUM_ROWS, Condition, Operator, from_address
from certificates.find import few_keys, to_query
from certificates.models import Certificate, Purpose
from certificates.models.certificate import CertificateQuerySet
from certificates.x509.details import describe

router = Router(tags=["Certificates"])
FEW = 500  # rows that are looked up by their keys, where an index finds them
_LARGE = ("der", "undecoded")
FindRows = Annotated[list[Text], Query(max_length=MAXIMUM_ROWS)]


class CertificateOut(Schema):
    """One certificate at one place. Its private key is shown nowhere."""

    id: int
    node: str
    purpose: Purpose
    file_name: str
    state: Literal["active", "superseded"]
    common_name: str
    subject: str
    issuer: str
    issued_by: str
    type: str = Field(description="self-signed or ca-signed.")
    key: str
    serial_number: str
    alternative_names: str
    not_before: str | None
    not_after: str | None
    fingerprint: str = Field(description="SHA-256, hexadecimal.")
    fingerprint_sha1: str
    is_legacy: bool
    description: str


class ExtensionOut(Schema):
    name: str
    critical: bool
    lines: list[str]


class CertificateDetails(CertificateOut):
    pem: str
    public_key: list[str]
    signature_algorithm: str
    extensions: list[ExtensionOut]
    undecoded: list[str]


class CertificatePage(Schema):
    items: list[CertificateOut]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


def told(row: Certificate) -> dict[str, object]:
    """A certificate as the API shows it."""
    return {
        "id": row.pk,
        "node": row.node.host_name,
        "purpose": row.purpose,
        "file_name": row.file_name,
        "state": row.state,
        "common_name": row.common_name,
        "subject": row.subject,
        "issuer": row.issuer,
        "issued_by": row.issuer_common_name,
        "type": row.type,
        "key": row.key_label,
        "serial_number": row.serial_number,
        "alternative_names": row.subject_alternative_names,
        "not_before": moment(row.not_before),
        "not_after": moment(row.not_after),
        "fingerprint": row.fingerprint,
        "fingerprint_sha1": row.fingerprint_sha1,
        "is_legacy": row.is_legacy,
        "description": row.description,
    }


@router.get("", response=CertificatePage, summary="Find certificates")
def list_certificates(
    request: HttpRequest,
    *,
    kind: Literal["own", "trust"] | None = None,
    node: Text = "",
    purpose: Purpose | None = None,
    field: FindRows = [],  # noqa: B006 - pydantic copies it
    op: Annotated[list[Operator], Query(max_length=MAXIMUM_ROWS)] = [],  # noqa: B006
    value: FindRows = [],  # noqa: B006
    limit: Limit = 50,
    after: Cursor = "",
) -> dict[str, object]:
    """The certificates in force. Find rows are `field`, `op` and `value`, once for each row, as in
    the address of the Certificate List; all of them must match.

    Needs the scope `certificates.view_certificate`.
    """  # noqa: D205 - it is the text of the document
    actor_of(request).require(Permission.VIEW)
    rows = Certificate.objects.active().filter(to_query(conditions := from_address(request.GET)))
    if node:
        rows = rows.filter(node__host_name=node.lower())
    found = _page(_narrowed(rows, conditions), _stores(kind, purpose), after, limit + 1)
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = cursor(last.purpose, last.common_name, last.pk)
    return {"items": [told(row) for row in found[:limit]], "next": more}


def _stores(kind: str | None, purpose: Purpose | None) -> list[Purpose]:
    """In the list's order: own certificates first."""
    wanted = sorted(Purpose, key=lambda one: (not one.is_own, one.value))
    return [
        one
        for one in wanted
        if purpose in (None, one) and (kind is None or one.is_own == (kind == "own"))
    ]


def _narrowed(rows: CertificateQuerySet, conditions: list[Condition]) -> CertificateQuerySet:
    """Few rows by an index first, where a find row allows it."""
    keys = few_keys(conditions, FEW)
    return rows if keys is None else rows.filter(pk__in=keys)


def _page(
    rows: CertificateQuerySet, stores: list[Purpose], after: str, most: int
) -> list[Certificate]:
    """One store after the other, each in the order of the index `list_order`: no page is deep."""
    begin = place_of(after, str, str, int)
    found: list[Certificate] = []
    for store in stores:
        if begin and begin[0] in stores and stores.index(store) < stores.index(begin[0]):
            continue
        part = rows.for_purpose(store).order_by("common_name", "pk")
        if begin and begin[0] == store:
            _, name, key = begin
            part = part.filter(common_name__gte=name).exclude(common_name=name, pk__lte=key)
        part = part.select_related("node").defer(*_LARGE)
        found += part[: most - len(found)]
        if len(found) >= most:
            break
    return found


@router.get("/{int:certificate}", response=CertificateDetails, summary="Show a certificate")
def show_certificate(request: HttpRequest, certificate: KeyInPath) -> dict[str, object]:
    """Every part of it in words, and its PEM. Former ones are shown, too.

    Needs the scope `certificates.view_certificate`.
    """
    actor_of(request).require(Permission.VIEW)
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=certificate)
    described = describe(bytes(row.der))
    return told(row) | {
        "pem": row.pem.decode(),
        "public_key": list(described.public_key),
        "signature_algorithm": described.signature_algorithm,
        "extensions": [
            {"name": one.name, "critical": one.critical, "lines": list(one.lines)}
            for one in described.extensions
        ],
        "undecoded": [str(part) for part in row.undecoded],
    }


@router.get(
    "/{int:certificate}/file",
    summary="Download a certificate",
    openapi_extra={
        "responses": {
            200: {
                "description": "The file.",
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}}
                    for kind in FILE_KINDS.values()
                },
            }
        }
    },
)
def download_certificate(
    request: HttpRequest, certificate: KeyInPath, form: Literal["pem", "der"] = "pem"
) -> HttpResponse:
    """As PEM, or the exact DER.

    Needs the scope `certificates.download_certificate`.
    """
    actor_of(request).require(Permission.DOWNLOAD)
    row = get_object_or_404(Certificate, pk=certificate)
    stem = row.file_name.removesuffix(".pem")
    content = row.pem if form == "pem" else bytes(row.der)
    return attachment(content, f"{stem}.{form}", FILE_KINDS[form])
