"""When somebody has proven who sits there, kept in the browser's session."""

import time

from django.conf import settings
from django.http import HttpRequest

PROVED_AT = "proved_at"


def prove(request: HttpRequest) -> None:
    """Somebody has just proven who sits there."""
    request.session[PROVED_AT] = int(time.time())


def is_fresh(request: HttpRequest) -> bool:
    """Whether the last proof is not older than CCXSEC_REAUTHENTICATE_AFTER."""
    age = int(time.time()) - int(request.session.get(PROVED_AT, 0))
    return 0 <= age <= settings.CCXSEC_REAUTHENTICATE_AFTER
