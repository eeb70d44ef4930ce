"""The name and password of a user, for scripts of the original (`CCXSEC_API_BASIC`)."""

from django.contrib.auth import authenticate
from django.http import HttpRequest

from ccxsec_project.api.failures import refused_sign_in
from certificates.access import Actor, client_address


def by_password(request: HttpRequest, name: str, password: str) -> Actor:
    """Who has this name and password; counted and audited like the sign-in page.

    Raises:
        Unauthenticated: nobody, or a user who has more to show than a password.
    """
    user = authenticate(request=request, username=name, password=password)
    if user is None or not user.is_active:
        wrong = "User name and password are not right, or may not be used here."
        cure = "Use an API token as the password."
        raise refused_sign_in(request, "api.password", wrong, cure)
    return Actor(f"{user.get_username()}, password, {client_address(request)}", user)
