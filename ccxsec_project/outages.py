"""The answer to what nobody has caught: an outage is a sentence and 503, a bug is 500.

No middleware could do this: Django turns the exception of each one into an answer by itself. Here
the exception is still known, wherever it came from: a session, the user's rights, or the page.
"""

import logging
import sys

from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from certificates.outages import outage_of

logger = logging.getLogger(__name__)
RETRY_AFTER = 30  # seconds that a script should wait


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`. The page asks neither the database nor the session."""
    error = sys.exc_info()[1]
    outage = outage_of(error)
    if outage is None:
        return HttpResponse(render_to_string("500.html"), status=500)
    logger.error("%s: %s (%s)", request.path, outage.sentence, _first_line(error))
    page = render_to_string(
        "outage.html", {"outage": outage, "is_change": request.method not in ("GET", "HEAD")}
    )
    response = HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    response._has_been_logged = True  # type: ignore[attr-defined] # noqa: SLF001 - Django's own: no trace
    return response


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]


class Sessions(SessionMiddleware):
    """A page that was only read is shown, also where its session can't be written now.

    All that is lost is a minute of the session's age. Django takes any error of the database for
    a session that somebody else has ended, and would answer 400.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except (DatabaseError, SessionInterrupted) as error:
            cause = _cause(error)
            if outage_of(cause) is None:
                raise
            if request.method not in ("GET", "HEAD"):
                raise cause from None
            logger.warning("%s: the session was not written (%s)", request.path, _first_line(cause))
            return response


def _cause(error: BaseException) -> BaseException:
    """The database's error from which Django made its own."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, DatabaseError):
        found = found.__context__
    return found or error
