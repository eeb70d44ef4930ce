"""Download .PEM File and .DER File (CM-4, MN-3)."""

import io
import zipfile
from collections.abc import Callable
from pathlib import PurePath

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header

from certificates.models import Certificate
from certificates.sentence import say, together

# Media types: RFC 2585, section 4.1 for DER; PEM has no registered one for a single certificate.
FILE_KINDS = {"pem": "application/x-pem-file", "der": "application/pkix-cert"}
MAXIMUM_FILES = 2_000  # in one archive, which is made in memory


def download(kind: str) -> Callable[..., HttpResponse]:
    """The view that hands out one certificate as `kind`."""

    def view(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponse:
        row = get_object_or_404(Certificate.objects.only("der", "file_name", "purpose"), pk=pk)
        return attachment(_content(row, kind), _name(row, kind), FILE_KINDS[kind])

    return view


def download_selected(
    request: HttpRequest, chosen: QuerySet[Certificate], kind: str
) -> HttpResponse | None:
    """One as it is, several in an archive: a folder for each node and purpose."""
    if len(chosen.values_list("pk")[: MAXIMUM_FILES + 1]) > MAXIMUM_FILES:
        wrong = say(
            "More than {most} certificates are too many for one archive.",
            most=f"{MAXIMUM_FILES:,}",
        )
        cure = say("Find fewer, or use ./ccxsec cert export.")
        messages.error(request, together(wrong, cure))
        return None
    rows = list(chosen.select_related("node"))
    if len(rows) == 1:
        return attachment(_content(rows[0], kind), _name(rows[0], kind), FILE_KINDS[kind])
    archive, used = io.BytesIO(), set[str]()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for row in rows:
            name = f"{row.node.host_name}/{row.purpose}/{_name(row, kind)}"
            if name.casefold() in used:
                name = f"{row.node.host_name}/{row.purpose}/{row.fingerprint[:16]}.{kind}"
            used.add(name.casefold())
            zipped.writestr(name, _content(row, kind))
    return attachment(archive.getvalue(), f"certificates-{kind}.zip", "application/zip")


def _content(row: Certificate, kind: str) -> bytes:
    return row.pem if kind == "pem" else bytes(row.der)


def _name(row: Certificate, kind: str) -> str:
    return f"{PurePath(row.file_name).stem}.{kind}"


def attachment(content: bytes, name: str, media_type: str) -> HttpResponse:
    """A file that the browser saves under `name` (MN-3)."""
    disposition = content_disposition_header(as_attachment=True, filename=name)
    return HttpResponse(
        content, content_type=media_type, headers={"Content-Disposition": disposition}
    )
