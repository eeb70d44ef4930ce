"""One record for each answer, and the id by which its other records are found."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ccxsec_project.logs import REQUEST
from certificates.access import client_address
from certificates.x509.visible import visible

logger = logging.getLogger(settings.ACCESS)
GIVEN = re.compile("[A-Za-z0-9-]{8,64}")  # an id that our own proxy hands on
LONGEST = 300  # characters of a path


class AccessLog:
    """The outermost of all, so that also what others refuse is written down."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.monotonic()
        token = REQUEST.set(_id_of(request))
        try:
            response = self.get_response(request)
            if logger.isEnabledFor(logging.INFO):
                self._note(request, response, time.monotonic() - begun)
        finally:
            REQUEST.reset(token)
        return response

    def _note(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        """Neither the query nor a route's own secrets: both may hold what nobody should read."""
        # Who shows a token to the API is known to it alone.
        user = getattr(getattr(request, "auth", None), "user", None) or getattr(
            request, "user", None
        )
        fields = {
            "method": visible(request.method or "")[:20],
            "path": _path(request),
            "status": response.status_code,
            "milliseconds": round(seconds * 1000),
            "user": visible(user.get_username()) if user and user.is_authenticated else "",
            "address": visible(client_address(request))[:100],
        }
        who = f"{fields['user']} {fields['address']}".strip()
        text = "{method} {path} {status} {milliseconds} ms, ".format(**fields)
        logger.info("%s", text + who, extra={"fields": fields})


def _id_of(request: HttpRequest) -> str:
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        given = request.headers.get("X-Request-ID", "")
        if GIVEN.fullmatch(given):
            return given
    return secrets.token_hex(8)


def _path(request: HttpRequest) -> str:
    """As it was asked for; where a part of it is a secret, the route's own words."""
    found = request.resolver_match
    if found and "token" in found.kwargs:
        return f"/{found.route}"
    return visible(request.path)[:LONGEST]
