"""The product's addresses, and the empty view that its list is compared with."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ccxsec_project.urls import urlpatterns as product


def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("empty/", empty), *product]
