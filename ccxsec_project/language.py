"""In which language a page is (docs/translating.md)."""

from collections.abc import Callable

from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request, override
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from ccxsec_project.api.gate import is_api
from certificates.sentence import in_language

SCRIPTS = "en"  # what a program reads must not change with who runs it


class ReadersLanguage:
    """The language that was chosen at the foot of a page, else the browser's, else the setting's.

    The API is in English. Nothing stays behind in the thread, which serves others next.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = SCRIPTS if is_api(request.path) else get_language_from_request(request)
        with override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if not is_api(request.path):
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


class MessageStorage(SessionStorage):
    """What is told on the next page, kept in the language of who did it."""

    def add(self, level: int, message: object, extra_tags: str | None = "") -> None:
        super().add(level, in_language(message), extra_tags)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Keep the choice of the foot of a page in a cookie, and go back to the page."""
    return set_language(request)
