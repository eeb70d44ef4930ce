"""The found list as CSV or JSON, one row at a time, whatever its length."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from certificates.models import Certificate
from certificates.x509.visible import defused

COLUMNS = (
    "node",
    "purpose",
    "file_name",
    "common_name",
    "type",
    "key_label",
    "subject",
    "issuer",
    "serial_number",
    "not_before",
    "not_after",
    "signature_algorithm",
    "fingerprint",
    "subject_alternative_names",
    "description",
)


def export_found(screen: "ModelAdmin[Certificate]", kind: str) -> Callable[..., HttpResponseBase]:
    """The view for one format; it finds what the list with the same address finds."""

    def view(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
        changelist: Any = screen.get_changelist_instance(request)
        rows = changelist.get_queryset(request).defer(None).defer("der", "undecoded")
        media_type, write = FORMATS[kind]
        return StreamingHttpResponse(
            write(as_dictionary(row) for row in rows.iterator(chunk_size=500)),
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="certificates.{kind}"'},
        )

    return view


def as_dictionary(row: Certificate) -> dict[str, str]:
    """The same words as `cert list --json`."""
    values = {column: getattr(row, column) for column in COLUMNS}
    for moment in ("not_before", "not_after"):
        values[moment] = values[moment].isoformat() if values[moment] else ""
    return {column: str(value) for column, value in values.items()}


class _Echo:
    """A file for `csv.writer` that hands back each line."""

    def write(self, line: str) -> str:
        return line


def _csv(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([defused(row[column]) for column in COLUMNS])


def _json(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=True)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


FORMATS: dict[str, tuple[str, Callable[[Iterable[dict[str, str]]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
}
