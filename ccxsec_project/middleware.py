"""What every answer carries, and how long a session lasts."""

import logging
import sys
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ccxsec_project.api.gate import METHODS as API_METHODS
from ccxsec_project.api.gate import is_api
from certificates.access import Permission, acting_as, signed_in
from certificates.dialogs import key_of
from certificates.local_files import one_of
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.sentence import say

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]
FILE_FORM = "multipart/form-data"
FORM_TYPES = (FILE_FORM, "application/x-www-form-urlencoded")  # Django reads both into memory
FORM_BYTES = 64 * 1024  # of a form without a file: room for 500 alternative names
MOST_UPLOADS = 8  # at once, each up to some megabytes of memory
BY_ITSELF = "X-Refresh"  # the header of requests that a page makes while nobody touches it
TOUCH_EVERY = 60  # seconds: a session is written at most this often


METHODS = ["GET", "HEAD", "POST"]
# Features of browsers, none of which the product asks for; whoever gets a script in has none.
UNUSED_FEATURES = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "compute-pressure"),
    *("display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope"),
    *("hid", "identity-credentials-get", "idle-detection", "keyboard-map", "local-fonts"),
    *("magnetometer", "microphone", "midi", "otp-credentials", "payment", "picture-in-picture"),
    *("screen-wake-lock", "serial", "storage-access", "sync-xhr", "usb"),
    *("window-management", "xr-spatial-tracking"),
)
# What a page of ours may ask for: copying a PEM, and a security key at the sign-in.
USED_FEATURES = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
ANSWER_HEADERS = {
    "Permissions-Policy": ", ".join(
        [*(f"{name}=()" for name in UNUSED_FEATURES), *(f"{name}=(self)" for name in USED_FEATURES)]
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    # Django's own middleware sets these, but not where it refuses a foreign host itself.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class AnswerHeaders:
    """What every answer carries, whoever gives it: pages, files, redirects and errors.

    `Cache-Control: no-store` on everything but static files, which hold nothing of anybody. It is
    the outermost, so that an answer of the others has the headers, too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in ANSWER_HEADERS.items():
            response.headers[name] = value
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        return response


class KnownMethods:
    """The methods that any page knows (the API: more), and what an operator can mend, on a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        methods = API_METHODS if is_api(request.path) else METHODS
        known = request.method in methods
        return self.get_response(request) if known else HttpResponseNotAllowed(methods)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """What an operator can mend is said on a page, where no form could say it."""
        if not isinstance(exception, Refused | SealError):
            return None
        logger.error("%s: %s", request.path, exception)
        return render(request, "refused.html", {"refused": exception}, status=503)


class UploadPlaces:
    """Files are received by a few at a time, in memory, from people who are signed in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.content_type not in FORM_TYPES:
            return self.get_response(request)
        announced = str(request.META.get("CONTENT_LENGTH") or 0)
        size = key_of(announced) or (0 if announced == "0" else sys.maxsize)
        # Who takes a place can hold it: nobody does who may not upload.
        may_upload = request.user.is_authenticated and signed_in(request).may(Permission.UPLOAD)
        is_file = request.content_type == FILE_FORM and may_upload
        if size <= FORM_BYTES and not is_file:
            return self.get_response(request)  # the sign-in form, and any ordinary one
        if not may_upload or size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            wrong = say(
                "The file is too large: a certificate has up to 1 MiB, a chain up to 4 MiB."
            )
            return self._refuse(
                request, Refused("upload.size", wrong, say("Upload another one.")), 413
            )
        with one_of(settings.CCXSEC_DATA / "run" / "uploads", MOST_UPLOADS) as is_free:
            if is_free:
                return self.get_response(request)
        wrong = say("{most} uploads are being read at this moment.", most=MOST_UPLOADS)
        return self._refuse(
            request, Refused("upload.busy", wrong, say("Try it again in a moment.")), 503
        )

    def _refuse(self, request: HttpRequest, refused: Refused, status: int) -> HttpResponseBase:
        return render(request, "refused.html", {"refused": refused}, status=status)


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
            elif "seen_at" not in request.session or (
                # A page that refreshes itself is nobody who is there.
                now - seen >= TOUCH_EVERY and BY_ITSELF not in request.headers
            ):
                request.session["seen_at"] = now
        with acting_as(str(signed_in(request)) if request.user.is_authenticated else ""):
            return self.get_response(request)
