"""The page on which somebody sets up, renews and removes his or her second factors."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from ccxsec_project.authentication import lock_out, second_factor, security_keys
from ccxsec_project.authentication.forms import CodeForm, KeyForm
from ccxsec_project.authentication.proof import person_of
from ccxsec_project.authentication.totp import key_text, qr_code
from certificates.access import signed_in
from certificates.dialogs import show, tell
from certificates.refusal import Refused
from certificates.sentence import in_language, say

PAGE = "admin:second_factor"


def second_factor_page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """What there is, and what can be done."""
    user = person_of(request)
    context = {
        "has_app": second_factor.has_app(user),
        "keys": list(user.security_keys.all()),
        "host": security_keys.host_of(request),
        "codes_left": second_factor.codes_left(user),
        "is_enrolled": second_factor.is_enrolled(user),
        "is_required": second_factor.is_required(user),
        "key_form": KeyForm(),
    }
    return show(request, site, "authentication/second_factor.html", say("Second factor"), **context)


def app_begin(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """A new key for an app, shown in this answer and in that to a wrong code, then never again."""
    try:
        key = second_factor.begin_app(person_of(request))
    except Refused as refused:
        return _back(request, refused)
    return _show_key(request, site, key, CodeForm())


@sensitive_post_parameters("code")
def app_confirm(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """A first code of the app puts it in force."""
    user, form, actor = person_of(request), CodeForm(request.POST), str(signed_in(request))
    try:
        key = second_factor.pending_key(user)
    except Refused as refused:
        return _back(request, refused)
    if form.is_valid():
        try:
            with lock_out.counted(request, user.get_username()) as attempt:
                code = form.cleaned_data["code"]
                codes = second_factor.confirm_app(user, code, actor=actor, now=timezone.now())
        except Refused as refused:
            form.add_error("code", str(refused))
        else:
            attempt.succeeded(now=timezone.now())
            request.session.cycle_key()
            return _done(
                request, site, codes, say("The app is set up: its codes are asked from now on.")
            )
    return _show_key(request, site, key, form)


def app_remove(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The app is not asked any more."""
    return _try(request, say("The app was removed."), second_factor.remove_app)


def codes_renew(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Ten new recovery codes, shown once."""
    try:
        codes = second_factor.renew_codes(person_of(request), actor=str(signed_in(request)))
    except Refused as refused:
        return _back(request, refused)
    return _done(request, site, codes, say("New recovery codes: the former are void."))


def key_options(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """What the browser needs to have a security key made."""
    try:
        return JsonResponse(security_keys.offer(request, person_of(request)))
    except Refused as refused:
        return JsonResponse({"error": in_language(refused)}, status=422)


def key_add(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Keep the security key that the browser had made."""
    form, user, actor = KeyForm(request.POST), person_of(request), str(signed_in(request))
    if not form.is_valid():
        wrong = say("The security key has no name, or one of more than 60 characters.")
        return _back(request, Refused("security-key.name", wrong, say("Name it and try it again.")))
    name, answer = form.cleaned_data["name"], form.cleaned_data["answer"]
    try:
        codes = security_keys.add(request, user, name, answer, actor=actor, now=timezone.now())
    except Refused as refused:
        return _back(request, refused)
    request.session.cycle_key()
    return _done(
        request, site, codes, say("The security key {name} is asked from now on.", name=name)
    )


def key_change(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """Rename a security key, or remove it."""
    if "remove" in request.POST:
        return _try(request, say("The security key was removed."), security_keys.remove, pk)
    form = KeyForm(request.POST)
    if not form.is_valid():
        wrong = say("A security key needs a name of up to 60 characters.")
        return _back(request, Refused("security-key.name", wrong, say("Type one.")))
    name = form.cleaned_data["name"]
    return _try(
        request, say("The security key is {name} now.", name=name), security_keys.rename, pk, name
    )


def _try(request: HttpRequest, done: str, operation: Any, *args: Any) -> HttpResponseBase:
    try:
        operation(person_of(request), *args, actor=str(signed_in(request)))
    except Refused as refused:
        return _back(request, refused)
    request.session.cycle_key()
    messages.success(request, done)
    return redirect(PAGE)


def _back(request: HttpRequest, refused: Refused) -> HttpResponseBase:
    tell(request, refused)
    return redirect(PAGE)


def _show_key(
    request: HttpRequest, site: AdminSite, key: bytes, form: CodeForm
) -> HttpResponseBase:
    user, host = person_of(request).get_username(), request.get_host()
    context = {
        "form": form,
        "key_text": key_text(key),
        "qr_code": qr_code(key, user=user, host=host),
    }
    title = say("Set up an authenticator app")
    return show(request, site, "authentication/app.html", title, **context)


def _done(
    request: HttpRequest, site: AdminSite, codes: list[str], sentence: str
) -> HttpResponseBase:
    """Recovery codes are shown in this answer and never again."""
    if not codes:
        messages.success(request, sentence)
        return redirect(PAGE)
    context = {"codes": codes, "sentence": sentence}
    return show(request, site, "authentication/codes.html", say("Recovery codes"), **context)
