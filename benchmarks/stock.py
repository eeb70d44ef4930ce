"""The list as Django's own `ModelAdmin` makes it, with the same columns, filters and a search."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import RequestFactory

from benchmarks.pages import Address
from benchmarks.timing import Times
from certificates.models import Certificate

COLUMNS = (
    "purpose",
    "file_name",
    "common_name",
    "type",
    "key_label",
    "node",
    "issuer_common_name",
    "not_after",
    "description",
)


class StockAdmin(ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    list_display = COLUMNS
    list_filter = ("purpose", "type", "node", "key_type", "not_after")
    search_fields = ("common_name", "serial_number", "fingerprint")
    list_select_related = ("node",)
    list_per_page = 25
    ordering = ("-is_own", "purpose", "common_name", "pk")


def time_of(address: Address, user: User, limit: float) -> float | str:
    """Milliseconds of one page, once; in words where it takes longer than `limit` seconds."""
    screen, times = StockAdmin(Certificate, AdminSite("stock")), Times()
    request: Any = RequestFactory().get("/", address, secure=True)
    request.user, request.session = user, {}
    try:
        with _at_most(limit):
            answer = times.measure(lambda: screen.changelist_view(request).render())
    except OperationalError:
        return f"> {limit:.0f} s"
    assert answer.status_code == 200, f"stock {address}: status {answer.status_code}"
    return times.median


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """The database ends a statement that takes longer."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {int(seconds * 1000)}")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")
        return
    end, sqlite = time.monotonic() + seconds, connection.connection
    sqlite.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        yield
    finally:
        sqlite.set_progress_handler(None, 0)
