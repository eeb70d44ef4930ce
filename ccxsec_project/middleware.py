"""What every answer carries, and how long a session lasts."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]
TOUCH_EVERY = 60  # seconds: a session is written at most this often


METHODS = ["GET", "HEAD", "POST"]


class AnswerHeaders:
    """What every answer carries, and the three methods that any page knows.

    `Cache-Control: no-store` on every page, and no browser feature that we don't use.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known = request.method in METHODS
        response = self.get_response(request) if known else HttpResponseNotAllowed(METHODS)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        return response


class SessionLifetime:
    """A session ends after 30 idle minutes, and 8 hours after the sign-in at the latest."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = int(time.time())
            started = request.session.setdefault("signed_in_at", now)
            seen = request.session.get("seen_at", now)
            too_old = now - started > settings.CCXSEC_SESSION_MAXIMUM
            if too_old or now - seen > settings.SESSION_COOKIE_AGE:
                logout(request)
            elif now - seen >= TOUCH_EVERY or "seen_at" not in request.session:
                request.session["seen_at"] = now
        return self.get_response(request)
