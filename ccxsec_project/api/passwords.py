"""The name and password of a user, for scripts of the original (`CCXSEC_API_BASIC`)."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from ccxsec_project.api.failures import refused_sign_in
from ccxsec_project.authentication import lock_out, second_factor
from certificates.access import Actor, client_address
from certificates.refusal import Refused


def by_password(request: HttpRequest, name: str, password: str) -> Actor:
    """Who has this name and password; counted and audited like the sign-in page.

    Raises:
        Unauthenticated: nobody, too many have been tried, or a user whom a password alone does not
            let in on the sign-in page either: one without staff status, one who has a second
            factor, and one who must have one and has not set it up.
    """
    try:
        with lock_out.counted(request, name) as attempt:
            user = _user(request, name, password)
            attempt.succeeded(now=timezone.now())
    except Refused as refused:
        raise refused_sign_in(request, refused.code, refused.sentence, refused.cure) from None
    return Actor(f"{user.get_username()}, password, {client_address(request)}", user)


def _user(request: HttpRequest, name: str, password: str) -> User:
    user = authenticate(request=request, username=name, password=password)
    if not isinstance(user, User) or not _is_let_in(user):
        wrong = "User name and password are not right, or may not be used here."
        raise Refused("api.password", wrong, "Use an API token as the password.")
    return user


def _is_let_in(user: User) -> bool:
    """Whether the password alone is enough for this user."""
    needs_more = second_factor.is_enrolled(user) or second_factor.is_required(user)
    return user.is_active and user.is_staff and not needs_more
