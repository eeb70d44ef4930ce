"""Signing in: name and password, then the second factor of who has one."""

import time
from typing import Any

from django.conf import settings
from django.contrib.admin.sites import AdminSite
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from ccxsec_project.authentication import lock_out, oidc, second_factor, security_keys
from ccxsec_project.authentication.forms import CodeForm, SignInForm, is_right_code
from ccxsec_project.authentication.proof import safe_address
from certificates.dialogs import show
from certificates.refusal import Refused
from certificates.sentence import in_language, say

PENDING = "second_factor_awaited"
PENDING_SECONDS = 600


def openid_offer(request: HttpRequest) -> dict[str, str]:
    """For the sign-in page: the button of the provider, where there is one."""
    if not oidc.is_offered():
        return {}
    following = safe_address(request, request.GET.get("next", ""))
    return {
        "openid_name": settings.CCXSEC_OIDC_NAME,
        "openid_query": urlencode({"next": following}),
    }


class SignInView(LoginView):
    """Django's own page; a right password of who has a second factor leads to its page."""

    authentication_form = SignInForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if not second_factor.is_enrolled(user):
            form.attempt.succeeded(now=timezone.now())
            return super().form_valid(form)
        form.attempt.take_back()
        backend = str(user.backend)
        return await_second(self.request, user, backend, self.get_success_url())


def await_second(
    request: HttpRequest, user: User, backend: str, following: str
) -> HttpResponseRedirect:
    """The first proof was right: remember it for ten minutes, and ask for the second factor."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "backend": backend,
        "at": int(time.time()),
        # A password that is changed meanwhile ends this, too.
        "password": user.get_session_auth_hash(),
    }
    return HttpResponseRedirect(f"{reverse('admin:second')}?{urlencode({'next': following})}")


def awaited(request: HttpRequest) -> User | None:
    """Who has typed the right password in this session and has not shown the second factor yet."""
    pending = request.session.get(PENDING) or {}
    if not 0 <= int(time.time()) - pending.get("at", 0) <= PENDING_SECONDS:
        return None
    user = get_user_model().objects.filter(pk=pending["user"], is_active=True).first()
    if user and constant_time_compare(user.get_session_auth_hash(), pending["password"]):
        return user
    return None


def login_address(request: HttpRequest) -> str:
    """The sign-in page, which leads on to where one was going."""
    following = safe_address(request, request.GET.get("next", ""))
    return f"{reverse('admin:login')}?{urlencode({'next': following})}"


@never_cache
@csrf_protect
@sensitive_post_parameters("code", "answer")
def second(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks for the second factor; POST judges a code, or the answer of a security key."""
    following = safe_address(request, request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(following)
    user = awaited(request)
    if user is None:
        return redirect(login_address(request))
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        form.fields["code"].required = "answer" not in request.POST
        if form.is_valid():
            try:
                with lock_out.counted(request, user.get_username()) as attempt:
                    _judge(request, user, form.cleaned_data["code"])
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                attempt.succeeded(now=timezone.now())
                return _let_in(request, user, following)
    context = {
        "form": form,
        "following_query": urlencode({"next": following}),
        "keys": security_keys.usable(request, user),
        "has_app": second_factor.has_app(user),
        "awaited": user,
    }
    return show(request, site, "authentication/second.html", say("Second factor"), **context)


def _judge(request: HttpRequest, user: User, code: str) -> None:
    if "answer" in request.POST:
        security_keys.check(request, user, request.POST["answer"], now=timezone.now())
    elif not is_right_code(request, user, code):
        wrong = say("This code is not right, or it was used before.")
        cure = say("Type the app's next code, or another recovery code.")
        raise Refused("second-factor.wrong", wrong, cure)


def _let_in(request: HttpRequest, user: User, following: str) -> HttpResponseBase:
    backend = request.session.pop(PENDING)["backend"]
    login(request, user, backend=backend)  # renews the session's key
    return redirect(following)


@never_cache
@csrf_protect
def second_options(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """What the browser is to ask a security key for, of who has typed the right password."""
    user = awaited(request)
    if user is None:
        return JsonResponse({"error": in_language(say("Sign in again."))}, status=403)
    return JsonResponse(security_keys.ask(request, user))
