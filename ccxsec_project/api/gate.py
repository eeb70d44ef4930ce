"""What every request to the API must keep to, before anything of it is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ccxsec_project.api.problems import MEDIA_TYPE, answer
from certificates.refusal import Refused
from certificates.x509.visible import visible

JSON = "application/json"
ORIGINAL = "/platformcom/"
PLACES = ("/api/", ORIGINAL)
NOT_FOUND, METHOD_NOT_ALLOWED = 404, 405
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
            wrong = f"The body is {visible(request.content_type or 'of no type')[:60]}."
            return answer(Refused("api.media-type", wrong, f"Send {JSON}."), status=415)
        if not length.isdigit() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            wrong = f"The body has {length:.20} bytes."
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return answer(Refused("api.size", wrong, f"Send up to {most:,} bytes."), status=413)
        return _in_its_form(request, self.get_response(request))


def _in_its_form(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What Django itself says no to is a problem like every other."""
    if response.status_code == NOT_FOUND and response["Content-Type"] != MEDIA_TYPE:
        wrong = f"There is nothing at {visible(request.path)[:200]}."
        is_original = request.path.startswith(ORIGINAL)
        page = "docs/api-original.md" if is_original else "/api/v1/openapi.json"
        return answer(Refused("api.unknown", wrong, f"See {page}."))
    if response.status_code == METHOD_NOT_ALLOWED:
        allowed = response["Allow"]
        refused = Refused("api.method", f"{request.method} is none of {allowed}.", "Use another.")
        told = answer(refused, status=METHOD_NOT_ALLOWED)
        told["Allow"] = allowed
        return told
    return response
