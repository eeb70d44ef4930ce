"""Sign-ins in the audit log: who, from where, and failed ones."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from certificates.access import client_address
from certificates.models import Action, Event


@receiver(user_logged_in)
@transaction.atomic
def _signed_in(request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request is not None:
        Event.objects.record(_who(user.get_username(), request), Action.SIGN_IN, user)


@receiver(user_logged_out)
@transaction.atomic
def _signed_out(request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request is not None and user is not None:
        Event.objects.record(_who(user.get_username(), request), Action.SIGN_OUT, user)


@receiver(user_login_failed)
@transaction.atomic
def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is None:
        return
    # People type their password into the wrong field: only names that exist are written down.
    name = str(credentials.get("username", ""))
    known = get_user_model().objects.filter(username=name).exists()
    who = name if known else "unknown user name"
    Event.objects.record(_who(who, request), Action.SIGN_IN_FAILED, who)


def _who(name: str, request: HttpRequest) -> str:
    return f"{name}, {client_address(request)}"
