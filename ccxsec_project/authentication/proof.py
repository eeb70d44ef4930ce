"""Proof of who sits there, asked again before what is dangerous when the last is too old.

A view is marked by `certificates.dialogs.proof_first`; `ProofMiddleware` asks. On GET the question
is a page of its own, which leads back. A form that is sent after the proof has run out is held
in the question's page and sent on with the answer, so that nothing is typed twice.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from ccxsec_project.authentication import lock_out, oidc
from ccxsec_project.authentication.accounts import belongs_to
from ccxsec_project.authentication.forms import ProofForm
from ccxsec_project.authentication.freshness import is_fresh, prove
from certificates.dialogs import proof_of
from certificates.refusal import Refused
from certificates.sentence import say

ANSWERS = ("proof_password", "proof_code")
NOT_CARRIED = (*ANSWERS, "csrfmiddlewaretoken")  # the question's page has its own
SECRET = re.compile("password|passphrase|secret|preshared|private_key|token", re.IGNORECASE)


def person_of(request: HttpRequest) -> User:
    """Who is signed in; asked only where nobody else gets to."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user


class ProofMiddleware:
    """Asks for proof before a view that is marked, of who may do it at all (others get 403)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        asked = proof_of(view)
        if asked is None or not request.user.is_authenticated or is_fresh(request):
            return None
        if asked and not request.user.has_perm(asked):
            return None  # the view itself says no
        if request.method == "POST":
            return _ask_within(request)
        if request.method in ("GET", "HEAD"):
            return redirect(f"{reverse('admin:prove')}?{urlencode({'next': here(request)})}")
        return None


def here(request: HttpRequest) -> str:
    """The page that is asked for, with its query."""
    return request.get_full_path()


def safe_address(request: HttpRequest, address: str) -> str:
    """`address` if it is a page of ours, else the dashboard: never a way to another site."""
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None, require_https=True)
    return address if is_ours and address.startswith("/admin/") else reverse("admin:index")


def _ask_within(request: HttpRequest) -> HttpResponseBase | None:
    """The question with the form that was sent; None: it was answered, and the form goes on."""
    form = ProofForm(person_of(request), request.POST if _is_answered(request.POST) else None)
    if form.is_bound and answer(request, form):
        return None
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in NOT_CARRIED and not SECRET.search(name)
    ]
    left_out = bool(request.FILES) or any(
        SECRET.search(name) and any(values)
        for name, values in request.POST.lists()
        if name not in NOT_CARRIED
    )
    context = {
        "form": form,
        # Without what can't be carried the form would do something else: it is opened again.
        "carried": () if left_out else carried,
        "action": f"{reverse('admin:prove')}?{urlencode({'next': here(request)})}"
        if left_out
        else here(request),
        "left_out": left_out,
        "was_sent": True,
    }
    return show_question(request, context, status=422 if form.is_bound else 403)


def _is_answered(sent: QueryDict) -> bool:
    return any(name in sent for name in ANSWERS)


def answer(request: HttpRequest, form: ProofForm) -> bool:
    """Judge what was answered; a right answer renews the session's key. Failures are counted."""
    if not form.is_valid():
        return False
    try:
        with lock_out.counted(request, request.user.get_username()) as attempt:
            form.prove(request)
    except Refused as refused:
        form.add_error(None, str(refused))
        return False
    attempt.succeeded(now=timezone.now())
    request.session.cycle_key()
    prove(request)
    return True


def show_question(
    request: HttpRequest, context: dict[str, Any], *, status: int = 200
) -> HttpResponseBase:
    """The page with the question; `context` has its form, and where that is sent."""
    from django.contrib import admin  # noqa: PLC0415 - the site imports this package

    whole = admin.site.each_context(request) | {"title": say("Confirm that it is you")} | context
    if oidc.is_offered() and belongs_to(person_of(request), settings.CCXSEC_OIDC_ISSUER):
        is_asked = request.path == reverse("admin:prove")
        following = request.GET.get("next", "") if is_asked else here(request)
        whole["openid_name"] = settings.CCXSEC_OIDC_NAME
        whole["openid_query"] = urlencode({"next": safe_address(request, following)})
    whole["minutes"] = -(-settings.CCXSEC_REAUTHENTICATE_AFTER // 60)
    return render(request, "authentication/prove.html", whole, status=status)
