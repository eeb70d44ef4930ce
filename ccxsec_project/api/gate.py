"""What every request to the API must keep to, before anything of it is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ccxsec_project.api.problems import answer
from certificates.refusal import Refused

JSON = "application/json"
PLACES = ("/api/", "/platformcom/")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def is_api(path: str) -> bool:
    """Whether an address belongs to the API; the middleware treats it as no page."""
    return path.startswith(PLACES)


class ApiGate:
    """A body is JSON of a bounded size; forms, which other parts would read, come no further."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request.path):
            return self.get_response(request)
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if length.strip("0") and request.content_type != JSON:
            wrong = f"The body is {request.content_type or 'of no type'!r:.60}."
            return answer(Refused("api.media-type", wrong, f"Send {JSON}."), status=415)
        if not length.isdigit() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            wrong = f"The body has {length:.20} bytes."
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return answer(Refused("api.size", wrong, f"Send up to {most:,} bytes."), status=413)
        return self.get_response(request)
