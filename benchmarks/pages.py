"""The pages of the Certificate List that are measured, each with the rows it has to show."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from benchmarks.rows import COMMON, RARE
from benchmarks.timing import Times
from certificates.admin.certificate import PAGE, CertificateAdmin
from certificates.admin.find_list import COUNTED
from certificates.conditions import Operator
from certificates.models import Certificate, Purpose

Address = dict[str, str | list[str]]
Rows = QuerySet[Certificate, tuple[Any, ...]]
SHOWN = (
    "pk",
    "purpose",
    "file_name",
    "common_name",
    "type",
    "key_label",
    "signature_algorithm",
    "node__host_name",
    "issuer_common_name",
    "not_after",
    "description",
)
SOON = 30  # days


@dataclass(frozen=True, slots=True)
class Page:
    """One address, and the bare SELECT of the same rows, as one who knows the table writes it.

    So the SELECT of a single row asks for neither state nor order: it can only use the one index.
    """

    name: str
    address: Address
    bare: Rows
    times: Times = field(default_factory=Times)
    bare_times: Times = field(default_factory=Times)


def pages(now: datetime, count: int) -> list[Page]:
    """Plain ones first, then found, ordered, filtered, and all of it together."""
    active = Certificate.objects.active()
    listed = active.in_list_order()
    known = Certificate.objects.trust().order_by("fingerprint")[0]
    soon = listed.filter(not_after__gte=now, not_after__lt=now + timedelta(days=SOON))
    with_common = listed.filter(common_name__icontains=COMMON)
    return [
        Page("first page", {}, _page(listed)),
        Page("a page in the middle", *_from_middle(listed, count)),
        Page(
            "find: common name contains, rare",
            finding("common_name", Operator.CONTAINS, RARE),
            _page(listed.filter(common_name__icontains=RARE)),
        ),
        Page(
            "find: common name contains, common",
            finding("common_name", Operator.CONTAINS, COMMON),
            _page(with_common),
        ),
        Page(
            "find: common name is exactly",
            finding("common_name", Operator.IS, known.common_name),
            _page(Certificate.objects.filter(common_name=known.common_name)),
        ),
        Page(
            "find: fingerprint with colons",
            finding("fingerprint", Operator.IS, with_colons(known.fingerprint)),
            _page(Certificate.objects.filter(fingerprint=known.fingerprint)),
        ),
        Page(
            "find: serial number",
            finding("serial_number", Operator.IS, known.serial_number.upper()),
            _page(Certificate.objects.filter(serial_number=known.serial_number)),
        ),
        Page(
            "order: expiration",
            ordering("expiration"),
            _page(active.order_by("not_after", "pk")),
        ),
        Page(
            "order: issued by",
            ordering("issued_by"),
            _page(active.order_by("issuer_common_name", "pk")),
        ),
        Page(f"filter: within {SOON} days", {"expiry": str(SOON)}, _page(soon)),
        Page(
            "filter: purpose, expiry; find: common name",
            finding("common_name", Operator.CONTAINS, COMMON)
            | {"purpose": Purpose.TOMCAT_TRUST.value, "expiry": str(SOON)},
            _page(soon.filter(purpose=Purpose.TOMCAT_TRUST, common_name__icontains=COMMON)),
        ),
    ]


def _from_middle(listed: QuerySet[Certificate], count: int) -> tuple[Address, Rows]:
    """By its number where the list is counted, from the row before it where it is not."""
    start = count // PAGE // 3 * PAGE
    before = listed[start - 1]
    if count <= COUNTED:
        return {"p": str(start // PAGE + 1)}, listed.values_list(*SHOWN)[start : start + PAGE]
    store = listed.filter(is_own__in=[False], purpose=before.purpose)
    return {"walk": f"after-{before.pk}"}, _page(store.filter(common_name__gt=before.common_name))


def _page(found: QuerySet[Certificate]) -> Rows:
    return found.values_list(*SHOWN)[:PAGE]


def finding(name: str, operator: Operator, value: str) -> Address:
    return {"field": name, "op": operator.value, "value": value}


def ordering(column: str) -> Address:
    return {"o": str(CertificateAdmin.list_display.index(column) + 1)}


def with_colons(digits: str) -> str:
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2)).upper()
