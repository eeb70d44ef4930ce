"""One way to make a URL of our own in the admin, so that none forgets to ask for permission."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from certificates.access import Permission, signed_in
from certificates.models import Node, Purpose
from certificates.refusal import Refused
from certificates.sentence import say

View = Callable[..., HttpResponseBase]


def proof_first(view: View, permission: str = "") -> View:
    """Mark `view`: who is signed in must have proven so lately (CCXSEC_REAUTHENTICATE_AFTER).

    Args:
        permission: of who may do it; others aren't asked, as the view refuses them. "": unknown.
    """
    view.asks_for_proof = permission  # type: ignore[attr-defined] # wrappers hand it on
    return view


def proof_of(view: View) -> str | None:
    """The permission that a marked view asks for; None: it is not marked."""
    return getattr(view, "asks_for_proof", None)


def guarded(view: View, permission: Permission, *methods: str) -> View:
    """`view`, for the given methods, asked by somebody who may (else 403, MN-2)."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: Any, **captured: Any) -> HttpResponseBase:
        signed_in(request).require(permission)
        return view(request, *args, **captured)

    return require_http_methods(["HEAD", *methods] if "GET" in methods else list(methods))(
        permitted
    )


def screen_url(
    screen: "ModelAdmin[Any]",
    route: str,
    view: View,
    *methods: str,
    permission: Permission,
    name: str = "",
    proof: bool = False,
) -> URLPattern:
    """A URL of `screen`; `view` is called with the request, the site, and what the URL captures."""
    label = name or f"certificates_{getattr(view, '__name__', '')}"
    site = screen.admin_site
    return site_url(site, route, view, *methods, permission=permission, name=label, proof=proof)


def site_url(
    site: AdminSite,
    route: str,
    view: View,
    *methods: str,
    permission: Permission,
    name: str = "",
    proof: bool = False,
) -> URLPattern:
    """A URL of the site itself, named like `view`.

    Args:
        proof: it is dangerous, so the password is asked again when it was given long ago.
    """

    def on_site(request: HttpRequest, **captured: Any) -> HttpResponseBase:
        return guarded(view, permission, *methods)(request, site, **captured)

    if proof:
        proof_first(on_site, permission)
    return path(route, site.admin_view(on_site), name=name or getattr(view, "__name__", ""))


def show(
    request: HttpRequest, site: AdminSite, template: str, title: str, **context: Any
) -> HttpResponseBase:
    """A page of the admin site; after a refusal in its form with status 422."""
    form = context.get("form")
    refused = form is not None and form.is_bound and bool(form.errors)
    status = 422 if refused else 200
    return render(
        request, template, site.each_context(request) | {"title": title} | context, status=status
    )


def list_address(request: HttpRequest) -> str:
    """The list with the filter that the operator came from (CM-3)."""
    address = reverse("admin:certificates_certificate_changelist")
    filters = request.GET.get("_changelist_filters", "")
    return f"{address}?{filters}" if filters else address


def filters_of(request: HttpRequest) -> str:
    """That filter as a part of an address, to be handed on; "" without one."""
    filters = request.GET.get("_changelist_filters", "")
    return urlencode({"_changelist_filters": filters}) if filters else ""


def with_filters(request: HttpRequest, address: str) -> str:
    """`address` that hands the list's filter on."""
    filters = filters_of(request)
    return f"{address}{'&' if '?' in address else '?'}{filters}" if filters else address


def key_of(text: str) -> int | None:
    """A primary key that a browser sent; None for what can't be one."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def place_of(
    request: HttpRequest, purposes: Sequence[Purpose], *, has_form: bool = False
) -> tuple[Node, Purpose]:
    """Node and purpose that a dialog was opened for: as given, else the local node, the first.

    Args:
        has_form: another purpose is refused by the dialog's own form, in words.

    Raises:
        Http404: one that is given does not exist, or is not among `purposes`.
    """
    asked = request.POST if request.method == "POST" else request.GET
    node, purpose = Node.objects.filter(is_local=True), purposes[0]
    if "node" in asked:
        node = Node.objects.filter(pk=key_of(asked["node"]) or 0)
    if asked.get("purpose") in purposes:
        purpose = Purpose(asked["purpose"])
    elif "purpose" in asked and not (has_form and request.method == "POST"):
        raise Http404
    return get_object_or_404(node), purpose


def tell(request: HttpRequest, refused: Refused) -> None:
    """Show a refusal above the next page."""
    messages.error(request, say("{refused} Nothing was changed.", refused=refused))
