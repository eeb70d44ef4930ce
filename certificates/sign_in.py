"""People in the audit log: sign-ins, failed ones too, and every change of users and groups."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import translation

from certificates.access import acting, client_address
from certificates.models import Action, Event

_ACTIONS: dict[type[User] | type[Group], tuple[Action, Action, Action]] = {
    User: (Action.USER_ADD, Action.USER_CHANGE, Action.USER_DELETE),
    Group: (Action.GROUP_ADD, Action.GROUP_CHANGE, Action.GROUP_DELETE),
}


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


@receiver(post_save, sender=User)
@receiver(post_save, sender=Group)
@transaction.atomic
def _saved(
    instance: User | Group, created: bool, update_fields: Any = None, raw: bool = False, **_: Any
) -> None:
    if raw or (update_fields and set(update_fields) == {"last_login"}):
        return
    Event.objects.record(acting(), _ACTIONS[type(instance)][0 if created else 1], instance)


@receiver(post_delete, sender=User)
@receiver(post_delete, sender=Group)
@transaction.atomic
def _deleted(instance: User | Group, **_: Any) -> None:
    Event.objects.record(acting(), _ACTIONS[type(instance)][2], instance)


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
@transaction.atomic
def _related(
    instance: Any, action: str, model: Any, pk_set: set[int] | None = None, **_: Any
) -> None:
    if action not in ("post_add", "post_remove", "post_clear") or pk_set == set():
        return
    kind = _ACTIONS.get(type(instance))
    with translation.override("en"):  # the log is not in the language of whoever acts
        names = ", ".join(str(row) for row in model.objects.filter(pk__in=pk_set or ())[:50])
    what = f"{action.removeprefix('post_')} {names}".strip()
    Event.objects.record(acting(), kind[1] if kind else Action.GROUP_CHANGE, instance, change=what)
