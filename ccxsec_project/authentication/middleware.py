"""Who must have a second factor and has none sees nothing but the page to set it up."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from ccxsec_project.authentication import second_factor


class SecondFactorRequired:
    """Asked at every request: also of who was signed in before it was required."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.CCXSEC_REQUIRE_SECOND_FACTOR == "nobody" or not request.user.is_authenticated:
            return self.get_response(request)
        page = reverse("admin:second_factor")
        ways = (page, reverse("admin:prove"), reverse("admin:logout"), settings.STATIC_URL)
        user = request.user
        if request.path.startswith(ways) or not request.path.startswith("/admin/"):
            return self.get_response(request)
        if second_factor.is_required(user) and not second_factor.is_enrolled(user):
            return redirect(page)
        return self.get_response(request)
