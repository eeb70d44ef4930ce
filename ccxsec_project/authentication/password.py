"""Changing one's own password: the old one can't be guessed by who found an open session."""

from collections.abc import Callable

from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from ccxsec_project.authentication import lock_out
from certificates.dialogs import tell
from certificates.refusal import Refused


def limited(request: HttpRequest, change: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """`change` answers Django's form; a wrong old password counts like a failed sign-in."""
    if request.method != "POST":
        return change()
    attempt = lock_out.attempt_of(request, request.user.get_username())
    try:
        attempt.begin(now=timezone.now())
    except Refused as refused:
        tell(request, refused)
        return redirect("admin:index")
    response = change()
    form = (getattr(response, "context_data", None) or {}).get("form")
    if isinstance(form, PasswordChangeForm) and "old_password" in form.errors:
        attempt.failed()
    else:
        attempt.succeeded(now=timezone.now())
    return response
