"""Trust stores beside each other, and *Copy to node* (CM-14)."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from certificates.access import Permission, signed_in
from certificates.admin.find_list import COUNTED, BoundedPaginator
from certificates.cells import expiry
from certificates.dialogs import show, tell
from certificates.forms.trust_stores import CopyForm, StoresForm
from certificates.models import Certificate
from certificates.operations.compare_trust import LARGE_COLUMNS, Stores
from certificates.operations.copy_trust import Copied, Copying, copy_trusted, examine_copy
from certificates.operations.examination import WARNINGS
from certificates.refusal import Refused
from certificates.sentence import say, say_count, together

PAGE = 25
LISTED = 50  # certificates, and remarks, on the confirmation
NAMED = 5  # certificates in a message


def trust_stores_page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET: what is in some nodes' stores and what is missing; the differences alone at first."""
    form = StoresForm(request.GET)
    context: dict[str, Any] = {"choice": form, "opts": Certificate._meta}
    if form.is_valid():
        stores, now = form.stores(), timezone.now()
        context |= _table(stores, form.cleaned_data, request.GET.get("p", "1"))
        context |= {
            "stores": stores,
            "identities": [
                (node, row, expiry(row.not_after, now).as_cell() if row else "")
                for node, row in stores.identities()
            ],
            "now": now,
            "may_copy": signed_in(request).may(Permission.UPLOAD),
        }
    return show(request, site, "certificates/trust_stores.html", say("Trust stores"), **context)


def _table(stores: Stores, asked: dict[str, Any], number: str) -> dict[str, Any]:
    """The rows of a page; differences are counted by an index, and looked up only if there are."""
    name, now = asked["name"].strip(), timezone.now()
    differing = stores.differing(COUNTED + 1)
    found = stores.certificates if asked["all"] else stores.differences(differing)
    if name:
        found = found.filter(common_name__icontains=name)
    pages = BoundedPaginator(found.defer(*LARGE_COLUMNS), PAGE)
    if not asked["all"] and not name:
        pages.count = len(differing)
    page = pages.get_page(number)
    return {
        "page": page,
        "rows": [
            (one, expiry(one.certificate.not_after, now).as_cell())
            for one in stores.beside(list(page.object_list))
        ],
        "pages": pages.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "differing": len(differing),
        "is_bounded": pages.count > COUNTED,
        "counted": COUNTED,
        "name": name,
        "shows_all": asked["all"],
    }


def copy_trust_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST shows what would be copied, and its checks; with `shown` it copies."""
    form = CopyForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, say("{wrong} Nothing was changed.", wrong=errors[0]))
        return redirect(_stores_address(form))
    refused = None
    if form.cleaned_data["shown"]:
        try:
            done = _copy(request, form)
        except Refused as problem:
            refused = problem
        else:
            _tell(request, done)
            return redirect(_stores_address(form))
    return _confirmation(request, site, form, refused)


def _copy(request: HttpRequest, form: CopyForm) -> Copied:
    data = form.cleaned_data
    return copy_trusted(
        data["target"],
        data["store"],
        form.wanted(),
        shown=data["shown"],
        confirmed=[WARNINGS] if data["confirm"] else [],
        actor=signed_in(request),
        now=timezone.now(),
    )


def _confirmation(
    request: HttpRequest, site: AdminSite, form: CopyForm, refused: Refused | None
) -> HttpResponseBase:
    data = form.cleaned_data
    try:
        found = examine_copy(data["target"], data["store"], form.wanted(), now=timezone.now())
    except Refused as nothing:
        tell(request, nothing)
        return redirect(_stores_address(form))
    remarks = found.remarks
    context: dict[str, Any] = {
        "found": found,
        "refused": refused,
        "carried": form.fields_again(),
        "listed": found.rows[:LISTED],
        "unlisted": max(0, len(found.rows) - LISTED),
        "remarks": remarks[:LISTED],
        "more_remarks": max(0, len(remarks) - LISTED),
        "close": _stores_address(form),
        "opts": Certificate._meta,
    }
    title = say("Copy to {target}", target=found.target)
    response = show(request, site, "certificates/trust_copy.html", title, **context)
    response.status_code = 422 if refused or found.failed else 200
    return response


def _stores_address(form: CopyForm) -> str:
    """The comparison as it was, as far as the form says."""
    data = form.cleaned_data
    query = [("store", data["store"])] if "store" in data else []
    query += [("nodes", str(node.pk)) for node in data.get("nodes", ())]
    address = reverse("admin:certificates_trust_stores")
    return f"{address}?{urlencode(query)}" if query else address


def _tell(request: HttpRequest, done: Copied) -> None:
    found, added = done.copying, done.certificates
    if not added:
        text = say(
            "Everything is in {purpose} of {target} already; nothing was changed.",
            purpose=found.purpose,
            target=found.target,
        )
        messages.info(request, text)
        return
    names = ", ".join(row.file_name for row in added[:NAMED])
    text = say_count(
        "Copied {count} certificate to {purpose} of {target}: {names}.",
        "Copied {count} certificates to {purpose} of {target}: {names}.",
        len(added),
        count=f"{len(added):,}",
        purpose=found.purpose,
        target=found.target,
        names=f"{names} …" if len(added) > NAMED else names,
    )
    messages.success(request, together(text, *_left_to_do(found)))


def _left_to_do(found: Copying) -> Iterator[str]:
    if found.already:
        yield say("There already, and left: {count}.", count=found.already)
    if found.is_part:
        yield say("More is missing there: copy once more.")
    yield say(
        "Restart {service} on every node of the cluster, then make a backup.",
        service=found.purpose.service,
    )
    if not found.target.is_reached:
        yield say("{node} is not reached from here: it is kept here, not there.", node=found.target)
