"""What an administrator does for somebody else: unlock, and take a lost second factor away."""

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from ccxsec_project.authentication import lock_out, second_factor
from certificates.access import signed_in
from certificates.sentence import say


def user_unlock(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """Failed attempts of this name are forgotten."""
    user = _changed_by(request, pk)
    done = lock_out.unlock(user.get_username(), actor=str(signed_in(request)))
    said = (
        say("Unlocked: signing in can be tried again.") if done else say("No failure was counted.")
    )
    messages.success(request, said)
    return redirect("admin:auth_user_change", user.pk)


def user_reset(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """Every second factor of this user goes, with the recovery codes."""
    user = _changed_by(request, pk)
    done = second_factor.reset(user, actor=str(signed_in(request)))
    said = say("The second factor was removed: the password alone lets this user in.")
    messages.success(request, said if done else say("There was no second factor."))
    return redirect("admin:auth_user_change", user.pk)


def _changed_by(request: HttpRequest, pk: int) -> User:
    """Only who may change users; a superuser is changed by superusers alone."""
    user = get_object_or_404(User, pk=pk)
    if user.is_superuser and not request.user.is_superuser:
        raise PermissionDenied("auth.change_user")
    return user
