"""What follows by itself: a sign-in is a proof; a key goes with the app that it belongs to."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

from ccxsec_project.authentication.freshness import prove
from ccxsec_project.authentication.models import Totp
from certificates.models.secret import Secret


@receiver(user_logged_in)
def _signed_in(request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        prove(request)


@receiver(post_delete, sender=Totp)
def _app_removed(instance: Totp, **_: Any) -> None:
    Secret.objects.filter(name=instance.secret_name).delete()
