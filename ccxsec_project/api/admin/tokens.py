"""API tokens: a user's own; for who may change users everybody's (MN-2)."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils import timezone

from ccxsec_project.api.forms.token import LABELS, TokenForm
from ccxsec_project.api.models import ApiToken, TokenQuerySet
from ccxsec_project.api.operations import Made, add_token, revoke_token
from ccxsec_project.api.operations.tokens import may_see_others
from certificates.access import Permission, signed_in
from certificates.dialogs import show, site_url, tell
from certificates.refusal import Refused
from certificates.sentence import say

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PAGE = "admin:tokens"
_PER_PAGE = 50
_BADGES = {"in force": "valid", "expired": "soon", "user disabled": "soon"}


def token_urls(site: AdminSite) -> list[URLPattern]:
    """Below `tokens/` of the admin."""
    may = Permission.VIEW
    return [
        site_url(site, "tokens/", tokens, "GET", permission=may),
        site_url(site, "tokens/add/", token_add, "GET", "POST", permission=may, proof=True),
        site_url(site, "tokens/<int:pk>/revoke/", token_revoke, "GET", "POST", permission=may),
    ]


def tokens(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET: those that count first."""
    rows = seen_by(request).select_related("user").in_list_order()
    page, now = Paginator(rows, _PER_PAGE).get_page(request.GET.get("p")), timezone.now()
    context: dict[str, Any] = {
        "page": page,
        "lines": [_line(row, now) for row in page],
        "sees_others": may_see_others(signed_in(request)),
    }
    return show(request, site, "api/tokens.html", say("API tokens"), **context)


def seen_by(request: HttpRequest) -> TokenQuerySet:
    """What the user may see, and revoke."""
    if may_see_others(signed_in(request)):
        return ApiToken.objects.all()
    return ApiToken.objects.filter(user=_user(request))


def _line(row: ApiToken, now: Any) -> dict[str, Any]:
    state = row.state(now)
    return {
        "row": row,
        "state": state,
        "badge": _BADGES.get(state, "plain"),
        "scopes": [LABELS[scope] for scope in LABELS if scope in row.allowed],
        "may_be_revoked": row.revoked_at is None,
    }


def token_add(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows the dialog; POST makes the token and shows it this once."""
    form = TokenForm(request.user, request.POST if request.method == "POST" else None)
    made: Made | None = None
    if form.is_bound and form.is_valid():
        try:
            made = add_token(
                _user(request),
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                days=form.cleaned_data["days"],
                networks=form.network_list(),
                actor=signed_in(request),
                now=timezone.now(),
            )
        except Refused as refused:
            form.refuse(refused)
    if made:
        return show(request, site, "api/token_made.html", say("API token"), made=made)
    return show(request, site, "api/token_add.html", say("Add API token"), form=form)


def token_revoke(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET asks; POST revokes it, from the next request on."""
    row = get_object_or_404(seen_by(request).select_related("user"), pk=pk)
    if request.method != "POST":
        return show(request, site, "api/token_revoke.html", say("Revoke API token"), row=row)
    try:
        revoke_token(row, actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("The token {name} is revoked.", name=row.name))
    return redirect(PAGE)


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)  # the admin lets nobody else in
