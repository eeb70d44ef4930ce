"""Sign-in and proof by the OpenID provider."""

from django.contrib.admin.sites import AdminSite
from django.contrib.auth import login
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from ccxsec_project.authentication import oidc, second_factor
from ccxsec_project.authentication.accounts import account_of
from ccxsec_project.authentication.freshness import prove
from ccxsec_project.authentication.proof import safe_address
from ccxsec_project.authentication.sign_in import await_second
from certificates.access import acting_as, client_address
from certificates.refusal import Refused
from certificates.sentence import say

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@csrf_protect
def openid_begin(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Lead to the provider, by a page: our content policy lets no form lead elsewhere."""
    if not oidc.is_offered():
        raise Http404
    following = safe_address(request, request.GET.get("next", ""))
    proves = request.user.pk if request.user.is_authenticated else None
    try:
        address = oidc.begin(request, following=following, proves=proves)
    except Refused as refused:
        return render(request, "refused.html", {"refused": refused}, status=503)
    return render(request, "authentication/openid_begin.html", {"address": address})


@never_cache
def openid_answer(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The provider sends the browser back; its code and our state are good once."""
    if not oidc.is_offered():
        raise Http404
    try:
        identity = oidc.finish(request)
        with acting_as(f"OpenID provider, {client_address(request)}"):  # it gives the groups
            user = account_of(identity)
    except Refused as refused:
        return render(request, "refused.html", {"refused": refused}, status=403)
    if identity.proves is not None:
        if not request.user.is_authenticated or user.pk != identity.proves:
            return _other(request)
        request.session.cycle_key()
        prove(request)
        return redirect(identity.following)
    if second_factor.is_enrolled(user):
        return await_second(request, user, BACKEND, identity.following)
    login(request, user, backend=BACKEND)
    return redirect(identity.following)


def _other(request: HttpRequest) -> HttpResponseBase:
    wrong = say("The provider knows you as somebody else.")
    refused = Refused("openid.other", wrong, say("Sign out, and sign in as who you are."))
    return render(request, "refused.html", {"refused": refused}, status=403)
