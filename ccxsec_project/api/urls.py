"""The addresses of the API."""

from django.urls import path

from ccxsec_project.api.document import api, openapi
from ccxsec_project.api.original.paths import original

urlpatterns = [
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/", api.urls),
    path("platformcom/api/v1/certmgr/config/", original.urls),
]
